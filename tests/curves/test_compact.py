"""Compaction: the same rows in every form, whoever comes between, wherever it ends."""

import contextlib
import itertools
import os
import shutil

import polars as pl
import pytest

from allometry.curves import compact as compaction
from allometry.curves import compacted, durable
from allometry.curves.claim import LostClaim
from allometry.curves.compact import compact
from allometry.curves.store import open_store
from allometry.curves.table import LINEAGE
from allometry.refusal import Refusal

TABLES = ("runs", "curves", "scores", "lineage", "table")


def lineage_of(run: str) -> pl.DataFrame:
    rows = {
        name: [1.0] if column.dtype == pl.Float64 else [1]
        for name, column in LINEAGE.items()
    }
    return pl.DataFrame(rows | {"run": [run], "settings": ["{}"]})


@pytest.fixture
def begun(store, study, no_sync):
    """Bundle w4 has ended after three commits, w8 has made one and goes on."""
    claim = store.claim("w4", {"process": 1})
    for index in range(3):
        more = {"lineage": lineage_of("w4-s1")} if index == 1 else {}
        study.commit(claim, index, finished=index == 2, **more)
    begin_other(store, study, 0)
    return store


def begin_other(store, study, index: int, *, finished: bool = False) -> None:
    claim = store.claim("w8", {})
    runs = ("w8-s0", "w8-s1")
    status = dict.fromkeys(runs, "done") if finished else {}
    rows = study.rows_at(index, runs)
    study.commit(
        claim, index, curves=rows, scores=None, status=status, finished=finished
    )


def finish(store, study, count: int) -> None:
    """Commit to w4 up to `count` times in all, whoever comes between."""
    while len(study.indices(store)) < count:
        with contextlib.suppress(LostClaim):
            claim = store.claim("w4", {})
            while (index := study.next_index(claim)) < count:
                study.commit(claim, index, finished=True)


def read(store) -> list[pl.DataFrame]:
    opened = open_store(store.path)
    return [getattr(opened, table)() for table in TABLES]


def read_all_of(store) -> None:
    read(store)
    store.manifest("w4")


def same(found: list[pl.DataFrame], expected: list[pl.DataFrame]) -> bool:
    return all(
        each.schema == other.schema and each.equals(other)
        for each, other in zip(found, expected, strict=True)
    )


def files_of(store, bundle: str) -> list[str]:
    return sorted(os.listdir(store.path / "bundles" / bundle))


def test_every_table_is_as_before_and_segments_are_gone(begun):
    before, folded = read(begun), begun.manifest("w4")
    other = files_of(begun, "w8")
    done = compact(begun)
    assert (done.folded, done.covered) == (1, 1)
    assert done.rows == {"curves": 6, "scores": 6, "lineage": 1}
    assert same(read(begun), before)
    assert files_of(begun, "w4") == [
        "checkpoint-00000001-00000004.safetensors",
        "manifest-00000005.json",
    ]
    assert files_of(begun, "w8") == other
    assert folded is not None
    assert begun.manifest("w4") == folded.model_copy(update={"version": 5, "token": 5})
    assert begun.progress("w4") == {"index": 2}
    assert begun.checkpoint("w4")["index"] == 2
    assert begun.finished() == {"w4"}


def test_a_second_time_changes_nothing(begun):
    before = read(begun)
    compact(begun)
    files = {
        path: path.read_bytes() for path in begun.path.rglob("*") if path.is_file()
    }
    assert compact(begun).folded == 0
    assert files == {
        path: path.read_bytes() for path in begun.path.rglob("*") if path.is_file()
    }
    assert same(read(begun), before)


def test_nothing_finished_is_nothing_done(store):
    assert compact(store).covered == 0
    assert not (store.path / "compacted").exists()


def test_what_ends_later_is_folded_beside(begun, study):
    compact(begun)
    begin_other(begun, study, 1, finished=True)
    before = read(begun)
    done = compact(begun)
    assert (done.folded, done.covered) == (1, 2)
    assert same(read(begun), before)
    assert before[1].height == 10
    assert files_of(begun, "w8")[1:] == ["manifest-00000005.json"]
    numbers = {name.split("-")[1] for name in os.listdir(begun.path / "compacted")}
    assert numbers == {"00000003", "00000004.json"}


def test_tables_in_many_parts(begun, monkeypatch):
    before = read(begun)
    monkeypatch.setattr(compaction, "PART", 1)
    compact(begun)
    parts = [name for name in os.listdir(begun.path / "compacted") if "curves" in name]
    assert len(parts) == 6
    assert same(read(begun), before)


def test_a_bundle_claimed_again_is_read_from_its_own_record(begun, study):
    before = read(begun)
    compact(begun)
    claim = begun.claim("w4", {"process": 2})
    assert claim.manifest.owner == {"process": 2}
    assert same(read(begun)[1:4], before[1:4])
    assert set(begun.runs().filter(bundle="w4")["attempts"]) == {2}
    assert study.next_index(claim) == 3
    study.commit(claim, 3, status={"w4-s0": "running"})
    assert study.indices(begun) == [0, 1, 2, 3]
    assert begun.finished() == set()
    assert begun.lineage().height == 1
    again = begun.claim("w4", {"process": 3})
    assert again.manifest.warnings == ()
    assert study.next_index(again) == 4
    assert compact(begun).folded == 0
    study.commit(again, 4, finished=True)
    whole = read(begun)
    assert compact(begun).folded == 1
    assert same(read(begun), whole)
    assert study.indices(begun) == [0, 1, 2, 3, 4]


def test_a_token_from_before_the_compaction_cannot_commit(begun, study):
    late = begun.claim("w4", {})
    compact(begun)
    with pytest.raises(LostClaim):
        study.commit(late, 3)
    assert study.indices(begun) == [0, 1, 2]


@pytest.fixture
def interrupted(begun, monkeypatch):
    """Do one thing to the store, and another at point 0, 1, … of it, each time anew."""
    copy = begun.path.with_name("copy")
    shutil.copytree(begun.path, copy)

    def at_each_point(act, other, first=lambda: None, every=2):
        for point in itertools.count(step=every):
            shutil.rmtree(begun.path)
            shutil.copytree(copy, begun.path)
            first()
            hits = itertools.count()

            def reached(name, point=point, hits=hits):
                if next(hits) == point:
                    monkeypatch.setattr(durable, "reached", lambda name: None)
                    other()

            monkeypatch.setattr(durable, "reached", reached)
            outcome = act()
            monkeypatch.setattr(durable, "reached", lambda name: None)
            yield outcome
            if next(hits) <= point:
                assert point > 15
                return

    return at_each_point


def test_a_reader_at_every_point_reads_the_same(begun, study, monkeypatch):
    expected: list[pl.DataFrame] = []

    def check() -> None:
        assert same(read(begun), expected)

    expected[:] = read(begun)
    monkeypatch.setattr(durable, "reached", lambda name: check())
    compact(begun)
    monkeypatch.setattr(durable, "reached", lambda name: None)
    begin_other(begun, study, 1, finished=True)
    expected[:] = read(begun)
    monkeypatch.setattr(durable, "reached", lambda name: check())
    compact(begun)


def test_a_reader_at_every_point_of_claiming_again(begun, study, monkeypatch):
    compact(begun)
    before = read(begun)
    points = []

    def check(name: str) -> None:
        points.append(name)
        assert same(read(begun)[1:4], before[1:4])

    monkeypatch.setattr(durable, "reached", check)
    begun.claim("w4", {})
    assert {"reopened", "linked", "files written"} <= set(points)


def test_a_claim_at_every_point_of_a_compaction(begun, study, interrupted):
    def take_over() -> None:
        new = begun.claim("w4", {})
        study.commit(new, study.next_index(new), finished=True)
        study.commit(new, study.next_index(new), finished=True)

    lengths = set()
    for _ in interrupted(lambda: compact(begun), take_over):
        found = study.indices(begun)
        lengths.add(len(found))
        assert study.next_index(begun.claim("w4", {})) == len(found)
        compact(begun)
        assert study.indices(begun) == found
        study.commit(begun.claim("w4", {}), len(found))
        assert study.indices(begun) == [*found, len(found)]
    assert lengths == {3, 5}


def test_a_compaction_at_every_point_of_a_claim(begun, study, interrupted):
    def go_on() -> None:
        finish(begun, study, 5)

    for _ in interrupted(go_on, lambda: compact(begun)):
        assert study.indices(begun) == [0, 1, 2, 3, 4]
        study.commit(begun.claim("w4", {}), 5)
        assert study.indices(begun) == [0, 1, 2, 3, 4, 5]


def test_a_compaction_at_every_point_of_claiming_again(begun, study, interrupted):
    """The rows are put back from tables that the second compaction takes away."""

    def go_on() -> None:
        finish(begun, study, 5)

    def twice() -> None:
        begin_other(begun, study, 1, finished=True)
        compact(begun)

    for _ in interrupted(go_on, twice, lambda: compact(begun), every=5):
        assert study.indices(begun) == [0, 1, 2, 3, 4]
        study.commit(begun.claim("w4", {}), 5)
        assert study.indices(begun) == [0, 1, 2, 3, 4, 5]


def test_two_compactions_at_once(begun, interrupted):
    before = read(begun)

    def attempt() -> str:
        try:
            compact(begun)
        except Refusal as error:
            return str(error)
        return "done"

    outcomes = []
    for outcome in interrupted(attempt, lambda: compact(begun)):
        outcomes.append(outcome)
        assert same(read(begun), before)
        compact(begun)
        assert same(read(begun), before)
    refusals = [said for said in outcomes if said != "done"]
    assert 0 < len(refusals) < len(outcomes)
    assert all("is being compacted by another process" in said for said in refusals)


def test_damage_to_what_is_compacted_is_named(begun):
    compact(begun)
    for path in sorted((begun.path / "compacted").iterdir()):
        whole = path.read_bytes()
        data = bytearray(whole)
        data[len(data) // 2] ^= 1
        for wrong in (bytes(data), whole[:-1], b""):
            path.write_bytes(wrong)
            compacted._covered.cache_clear()
            compacted._manifests.cache_clear()
            with pytest.raises(Refusal, match="is damaged") as refusal:
                read_all_of(begun)
            assert path.name in str(refusal.value)
        path.write_bytes(whole)


def test_a_full_disk_leaves_the_store_as_it_was(begun, file_limit):
    before = read(begun)
    for limit in (0, 1000, 2000):
        with file_limit(limit), pytest.raises(Refusal, match="Free some disk space"):
            compact(begun)
        assert list((begun.path / "compacted").glob("*")) == []
        assert same(read(begun), before)
    compact(begun)
    assert same(read(begun), before)


def test_dropped_checkpoints_are_said_to_be_none(begun, study):
    before = read(begun)
    compact(begun)
    compact(begun, drop_checkpoints=True)
    assert same(read(begun), before)
    assert files_of(begun, "w4") == ["manifest-00000005.json"]
    assert begun.checkpoint("w4") is None
    assert begun.checkpoint("w8") is not None
    begin_other(begun, study, 1, finished=True)
    compact(begun)
    assert begun.checkpoint("w4") is None
    assert begun.checkpoint("w8")["index"] == 1
    with pytest.raises(Refusal, match="is missing"):
        begun.claim("w4", {}).checkpoint()


def test_doubts_are_told_as_before(begun, study):
    claim = begun.claim("w8", {})
    study.commit(
        claim,
        2,
        curves=None,
        scores=None,
        status={},
        metadata={"warnings": ["changed."]},
        finished=True,
    )
    assert begun.doubts(begun.bundles) == ("changed.",)
    compact(begun)
    assert begun.doubts(begun.bundles) == ("changed.",)
