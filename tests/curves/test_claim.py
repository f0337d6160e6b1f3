import os

import polars as pl
import pytest

from allometry.curves import durable
from allometry.curves.claim import LostClaim
from allometry.curves.manifest import Manifest

everywhere = pytest.mark.parametrize("root", ["disk", "memory"], indirect=True)


def folder_of(store):
    return store.path / "bundles" / "w4"


@everywhere
def test_each_claim_has_a_higher_token_and_one_more_attempt(store, study):
    tokens = []
    for attempt in range(1, 5):
        claim = store.claim("w4", {"process": attempt})
        tokens.append(claim.manifest.token)
        assert claim.manifest.attempts == attempt
        assert claim.manifest.owner == {"process": attempt}
        study.commit(claim, study.next_index(claim))
    assert tokens == sorted(set(tokens))
    assert study.indices(store) == [0, 1, 2, 3]


@everywhere
def test_a_claim_starts_queued_runs_only(store, study):
    claim = store.claim("w4", {})
    assert claim.manifest.status == {"w4-s0": "running", "w4-s1": "running"}
    study.commit(claim, 0, status={"w4-s0": "nonfinite"})
    assert store.claim("w4", {}).manifest.status == {
        "w4-s0": "nonfinite",
        "w4-s1": "running",
    }


@everywhere
def test_an_old_token_cannot_commit(store, study):
    old = store.claim("w4", {})
    study.commit(old, 0)
    new = store.claim("w4", {})
    with pytest.raises(LostClaim, match="w4"):
        study.commit(old, 1)
    study.commit(new, 1)
    with pytest.raises(LostClaim):
        study.commit(old, 1)
    assert study.indices(store) == [0, 1]


def test_an_old_token_cannot_fill_a_number_that_was_swept(store, study):
    old = store.claim("w4", {})
    new = store.claim("w4", {})
    for index in range(6):
        study.commit(new, index)
    assert not (folder_of(store) / "manifest-00000002.json").exists()
    with pytest.raises(LostClaim):
        study.commit(old, 0)
    assert study.indices(store) == list(range(6))


def test_a_claim_of_a_number_that_was_swept_removes_nothing(store, study, monkeypatch):
    """Between a claimant's look and its claim another one claims, and commits on."""
    study.commit(store.claim("w4", {}), 0)
    create = durable.create_if_absent

    def late_create(path, data):
        monkeypatch.setattr(durable, "create_if_absent", create)
        fast = store.claim("w4", {"name": "fast"})
        for index in range(1, 7):
            study.commit(fast, index)
        assert not path.exists()
        return create(path, data)

    monkeypatch.setattr(durable, "create_if_absent", late_create)
    late = store.claim("w4", {"name": "late"})
    assert study.indices(store) == list(range(7))
    assert study.next_index(late) == 7
    study.commit(late, 7)
    assert study.indices(store) == list(range(8))


def test_taking_over_in_the_middle_of_a_commit_loses_and_doubles_nothing(
    store, study, monkeypatch, no_sync
):
    """At each point of the old owner's commit a new one comes, and commits."""
    outcomes = []
    for point in range(40):
        claim = store.claim("w4", {})
        before = study.next_index(claim)
        study.commit(claim, before)
        hits = iter(range(1000))

        def take_over(name, point=point, hits=hits):
            if next(hits) != point:
                return
            monkeypatch.setattr(durable, "reached", lambda name: None)
            new = store.claim("w4", {})
            for index in range(study.next_index(new), study.next_index(new) + 6):
                study.commit(new, index)

        monkeypatch.setattr(durable, "reached", take_over)
        try:
            study.commit(claim, before + 1)
            outcomes.append("kept")
        except LostClaim:
            outcomes.append("lost")
        finally:
            happened = next(hits) > point
            monkeypatch.setattr(durable, "reached", lambda name: None)
        newest = store.progress("w4")["index"]
        assert newest >= before + (6 if happened else 1)
        if not happened:
            break
    assert study.indices(store)[-1] == newest
    assert outcomes[0] == "lost"
    assert outcomes[-1] == "kept"
    assert len(outcomes) > 15


def test_a_checkpoint_swept_by_a_later_owner_is_lost_not_damaged(store, study):
    old = store.claim("w4", {})
    study.commit(old, 0)
    new = store.claim("w4", {})
    for index in range(1, 6):
        study.commit(new, index)
    with pytest.raises(LostClaim):
        old.checkpoint()


def test_files_swept_while_a_claim_reads_them_are_not_damaged(
    store, study, monkeypatch
):
    """The owner before commits on while a new claim checks what it has just listed."""
    owner = store.claim("w4", {})
    study.commit(owner, 0)
    check = Manifest.damage

    def late_check(state, folder):
        monkeypatch.setattr(Manifest, "damage", check)
        for index in range(1, 6):
            study.commit(owner, index)
        return check(state, folder)

    monkeypatch.setattr(Manifest, "damage", late_check)
    claim = store.claim("w4", {})
    assert claim.manifest.warnings == ()
    assert study.next_index(claim) == 6


def test_three_states_are_kept_and_the_rest_is_swept(store, study):
    claim = store.claim("w4", {})
    folder = folder_of(store)
    (folder / "notes.txt").write_text("not ours")
    (folder / "tmp-manifest-00000001.json-0badcafe").write_text("left by a crash")
    (folder / "checkpoint-00000001-00000099.safetensors").write_text("named by none")
    (folder / "checkpoint-00000099-00000100.safetensors").write_text("a later claim's")
    for index in range(6):
        study.commit(claim, index)
    assert sorted(name for name in os.listdir(folder) if "curves" not in name) == [
        "checkpoint-00000001-00000005.safetensors",
        "checkpoint-00000001-00000006.safetensors",
        "checkpoint-00000001-00000007.safetensors",
        "checkpoint-00000099-00000100.safetensors",
        "manifest-00000005.json",
        "manifest-00000006.json",
        "manifest-00000007.json",
        "notes.txt",
        *(f"scores-00000001-{version:08d}.parquet" for version in range(2, 8)),
    ]


def test_claims_in_a_row_do_not_use_up_the_states_to_fall_back_to(store, study):
    claim = store.claim("w4", {})
    for index in range(3):
        study.commit(claim, index)
    for _ in range(8):
        claim = store.claim("w4", {})
    newest = folder_of(store) / claim.manifest.checkpoint.name
    newest.write_bytes(b"")
    assert study.next_index(store.claim("w4", {})) == 2


def test_a_commit_without_records_carries_the_state_on(store, study):
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    study.commit(claim, 0, curves=None, scores=None, checkpoint=None)
    study.commit(claim, 0, curves=study.rows_at(0).clear(), scores=None)
    assert study.indices(store) == [0]
    assert study.next_index(claim) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint": None}, "rows without the checkpoint"),
        ({"status": {"w8-s0": "done"}}, "w8-s0"),
        ({"status": {"w4-s0": "divine"}}, "divine"),
        (
            {"curves": pl.DataFrame({"run": ["w4-s0"]})},
            "missing or unknown: checkpoint",
        ),
    ],
)
def test_what_does_not_belong_is_rejected(store, study, changes, message):
    claim = store.claim("w4", {})
    with pytest.raises(ValueError, match=message):
        study.commit(claim, 0, **changes)
    study.commit(claim, 0)
    assert study.indices(store) == [0]


def test_rows_of_other_runs_and_double_rows_are_rejected(store, study):
    claim = store.claim("w4", {})
    with pytest.raises(ValueError, match=r"outside the bundle: .*w8-s0"):
        study.commit(claim, 0, curves=study.rows_at(0, ("w8-s0",)))
    with pytest.raises(ValueError, match="two rows"):
        study.commit(claim, 0, curves=study.rows_at(0, ("w4-s0", "w4-s0")))
    fractions = study.rows_at(0).with_columns(interactions=pl.lit(0.5))
    with pytest.raises(ValueError, match="column interactions is Float64"):
        study.commit(claim, 0, curves=fractions)


def test_metadata_that_is_not_json_leaves_nothing_behind(store, study):
    claim = store.claim("w4", {})
    before = sorted(os.listdir(folder_of(store)))
    with pytest.raises(TypeError, match="JSON"):
        study.commit(claim, 0, metadata={"x": object()})
    assert sorted(os.listdir(folder_of(store))) == before
    study.commit(claim, 0)


def test_an_unknown_bundle_cannot_be_claimed(store):
    with pytest.raises(ValueError, match="no bundle 'w5'"):
        store.claim("w5", {})
