"""Stores in buckets: the same promises as on a disk, and a server that is away."""

import concurrent.futures
import functools
import json
import os
import threading
import time

import numpy as np
import pytest

from allometry.curves import durable, objects, sealed
from allometry.curves.claim import LostClaim
from allometry.curves.compact import compact
from allometry.curves.durable import Damaged
from allometry.curves.objects import Unreachable
from allometry.curves.place import place
from allometry.curves.store import StudyRecord, create, open_store
from allometry.refusal import Refusal
from allometry.studies import executor
from allometry.studies import study as studies
from allometry.studies.survey import Survey
from tests.s3 import BUCKET, Proxy

#: Seconds for which the server is away; `make test-long` asks for 20.
AWAY = float(os.environ.get("S3_AWAY", "2"))

everywhere = pytest.mark.parametrize("root", ["disk", "memory", "s3"], indirect=True)
in_buckets = pytest.mark.parametrize("root", ["memory", "s3"], indirect=True)
in_s3 = pytest.mark.parametrize("root", ["s3"], indirect=True)


def files_of(store) -> list[str]:
    return sorted(durable.names(store.path / "bundles" / "w4"))


@everywhere
def test_the_verbs_mean_the_same(root):
    folder = root / "a folder"
    assert durable.names(folder) == []
    assert not durable.is_folder(folder)
    assert not durable.exists(folder / "x")
    with pytest.raises(FileNotFoundError):
        durable.read(folder / "x", 9)
    durable.make_folder(folder / "in")
    durable.write(folder / "in" / "x", b"12345")
    durable.sync_folder(folder / "in")
    assert durable.create_if_absent(folder / "y", b"mine")
    assert not durable.create_if_absent(folder / "y", b"another's")
    assert durable.read(folder / "y", 4) == b"mine"
    assert sorted(durable.names(folder)) == ["in", "y"]
    assert durable.is_folder(folder)
    assert durable.is_folder(folder / "in")
    assert durable.exists(folder / "y")
    durable.replace(folder / "y", b"")
    assert durable.read(folder / "y", 4) == b""
    assert durable.exists(folder / "y")
    with pytest.raises(Damaged, match=r"5 bytes|more than the 4 bytes"):
        durable.read(folder / "in" / "x", 4)
    durable.remove(folder / "y")
    durable.remove(folder / "y")
    assert durable.names(folder) == ["in"]
    assert list(durable.each(root, str, range(300))) == [str(n) for n in range(300)]


@everywhere
def test_of_many_who_create_at_once_one_is_told_yes(root):
    durable.make_folder(root)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number in range(3):
            path = root / f"{number}"
            writers = [b"%d" % n for n in range(8)]
            create = functools.partial(durable.create_if_absent, path)
            won = list(pool.map(create, writers))
            assert won.count(True) == 1
            assert durable.read(path, 9) == writers[won.index(True)]


@in_buckets
def test_a_store_is_made_claimed_committed_to_and_swept(root, store, study):
    with pytest.raises(Refusal, match="holds a study already"):
        create(store.path, {}, study.plan())
    old = store.claim("w4", {"process": 1})
    study.commit(old, 0)
    new = open_store(str(store.path)).claim("w4", {"process": 2})
    assert new.manifest.token > old.manifest.token
    with pytest.raises(LostClaim, match="w4"):
        study.commit(old, 1)
    for index in range(1, 6):
        study.commit(new, index, finished=index == 5)
    assert study.indices(open_store(store.path)) == list(range(6))
    assert store.finished() == {"w4"}
    assert store.runs()["status"].to_list() == ["done", "done", "queued", "queued"]
    assert int(store.checkpoint("w4")["index"]) == 5
    named = {file.name for file in new.manifest.files}
    left = {name for name in files_of(store) if not name.startswith("manifest")}
    assert named <= left
    assert len([name for name in left if name.startswith("checkpoint")]) == 3
    assert str(store.write_text("fit.json", "{}")) == f"{store.path}/fit.json"
    with pytest.raises(ValueError, match="belongs to the store"):
        store.write_text("study.json", "{}")


@in_buckets
def test_one_of_many_claimants_wins(root, store):
    def claimed(number: int) -> bool:
        try:
            store.claim("w4", {"process": number}, 0)
        except LostClaim:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claimed, range(8))).count(True) == 1


@in_s3
def test_compaction_changes_nothing_for_readers(root, store, study):
    claim = store.claim("w4", {})
    for index in range(3):
        study.commit(claim, index, finished=index == 2)
    before = store.curves(), store.scores(), store.runs()
    assert compact(store).folded == 1
    after = store.curves(), store.scores(), store.runs()
    assert all(one.equals(two) for one, two in zip(before, after, strict=True))
    again = store.claim("w4", {})
    assert study.next_index(again) == 3
    study.commit(again, 3, finished=True)
    assert study.indices(store) == [0, 1, 2, 3]


@in_buckets
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_taken(root, store, study):
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    study.commit(claim, 1)
    path = store.path / "bundles" / "w4" / claim.manifest.checkpoint.name
    data = durable.read(path, 10_000)
    durable.replace(path, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Damaged, match=f"{path}.*SHA-256"):
        store.checkpoint("w4")
    again = store.claim("w4", {})
    assert study.next_index(again) == 1
    assert path.name in again.manifest.warnings[0]
    study.commit(again, 1)
    assert study.indices(store) == [0, 1]


@in_s3
def test_a_manifest_that_cannot_be_read_is_not_taken_for_damaged(
    root, store, study, monkeypatch
):
    """Else a claim would go on from an older state, and drop what is on record."""
    study.commit(store.claim("w4", {}), 0)
    whole = objects._first

    def away(files, path, most):
        if "manifest" in path.name:
            raise ConnectionError
        return whole(files, path, most)

    monkeypatch.setattr(objects, "_first", away)
    monkeypatch.setattr(objects, "PATIENCE", 0.3)
    with pytest.raises(Unreachable):
        store.claim("w4", {})
    monkeypatch.undo()
    assert study.next_index(store.claim("w4", {})) == 1


@in_s3
def test_what_is_sealed_for_one_writer_is_never_equal(root):
    record = StudyRecord.model_validate(
        {
            "study": {},
            "runs": {"name": f"runs-{0:016x}.parquet", "size": 1, "sha256": "0" * 64},
        }
    )
    assert sealed.create(root / "record", record)
    assert not sealed.create(root / "record", record)
    assert sealed.unseal(root / "record", StudyRecord) == record
    assert json.loads(durable.read(root / "record", 9999))["body"]["study"] == {}


@pytest.fixture
def proxied(s3, monkeypatch):
    """Clients reach the server through a proxy that loses an answer."""
    proxy = Proxy(s3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    objects.filesystem.cache_clear()
    yield proxy
    objects.filesystem.cache_clear()
    proxy.shutdown()
    proxy.server_close()


def test_a_commit_whose_answer_was_lost_is_a_commit(s3, proxied, study):
    root = place(f"s3://{BUCKET}/lost-{time.time_ns()}")
    proxied.lost.append(b"not yet")
    store = create(root, {"name": "small"}, study.plan())
    claim = store.claim("w4", {})
    proxied.lost.clear()
    study.commit(claim, 0)
    assert proxied.lost == [b"HTTP/1.1 200 OK"]
    study.commit(claim, 1)
    assert study.indices(store) == [0, 1]


def test_whoever_comes_after_a_lost_answer_is_told_no(s3, proxied):
    path = place(f"s3://{BUCKET}/lost-{time.time_ns()}")
    assert durable.create_if_absent(path, b"mine")
    assert len(proxied.lost) == 1
    assert not durable.create_if_absent(path, b"another's")
    assert durable.read(path, 9) == b"mine"


@in_s3
def test_a_server_that_is_away_for_a_while_costs_nothing(root, store, study, s3):
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    s3.stop()
    back = threading.Timer(AWAY, s3.start)
    back.start()
    begun = time.monotonic()
    study.commit(claim, 1)
    assert time.monotonic() - begun > 0.9 * AWAY
    back.join()
    study.commit(claim, 2, finished=True)
    assert study.indices(store) == [0, 1, 2]
    assert store.manifest("w4").attempts == 1


@in_s3
def test_a_server_that_stays_away_ends_in_a_sentence(
    root, store, study, s3, monkeypatch
):
    monkeypatch.setattr(objects, "PATIENCE", 0.5)
    monkeypatch.setattr(objects, "FIRST", 0.5)
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    s3.stop()
    try:
        with pytest.raises(Unreachable, match="not answered") as refused:
            study.commit(claim, 1)
        assert s3.url not in str(refused.value)
        with pytest.raises(Unreachable):
            open_store(store.path)
    finally:
        s3.start()
    study.commit(claim, 1)
    assert study.indices(store) == [0, 1]


def _away(times):
    """A question that a server answers after so many that it does not."""
    left = iter(range(times))

    def question(files):
        if next(left, None) is not None:
            raise ConnectionError
        return "answered"

    return question


@in_buckets
def test_after_a_short_question_a_server_is_waited_for_as_long_as_before(
    root, monkeypatch
):
    """A heartbeat asks shortly, and gives up often while a server is away."""
    monkeypatch.setattr(objects, "FIRST", 0.0)
    monkeypatch.setattr(objects, "PATIENCE", 60.0)
    durable.write(root / "x", b"")
    with objects.patient(0.0), pytest.raises(Unreachable):
        objects._ask(root, _away(1))
    assert objects._ask(root, _away(2)) == "answered"
    # Whoever has waited in full does not do so for every further question.
    monkeypatch.setattr(objects, "PATIENCE", 0.0)
    with pytest.raises(Unreachable):
        objects._ask(root, _away(1))
    monkeypatch.setattr(objects, "PATIENCE", 60.0)
    with pytest.raises(Unreachable, match="for 0 s"):
        objects._ask(root, _away(2))


@in_s3
def test_a_commit_that_is_repeated_writes_other_files(root, store, study, monkeypatch):
    """The put before may be done late, and must not replace what came after it."""
    claim = store.claim("w4", {})
    monkeypatch.setattr(
        durable, "create_if_absent", lambda *_: (_ for _ in ()).throw(Unreachable("."))
    )
    with pytest.raises(Unreachable):
        study.commit(claim, 0)
    monkeypatch.undo()
    before = {name for name in files_of(store) if "manifest" not in name}
    assert len(before) == 3
    study.commit(claim, 0, checkpoint={"index": np.array(0)})
    assert not before & {file.name for file in claim.manifest.files}
    assert study.indices(store) == [0]
    assert not before & set(files_of(store))


def test_what_a_bucket_refuses_is_a_sentence(s3, monkeypatch, study):
    with pytest.raises(Refusal, match="no bucket s3://nobody"):
        create("s3://nobody/x", {}, study.plan())
    with pytest.raises(Refusal, match="does not exist"):
        open_store("s3://nobody/x")
    files = objects.filesystem("s3", os.getpid())
    files.mkdir("closed")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    everything = ["arn:aws:s3:::closed", "arn:aws:s3:::closed/*"]
    policy = {"Version": "2012-10-17", "Statement": [deny | {"Resource": everything}]}
    files.call_s3("put_bucket_policy", Bucket="closed", Policy=json.dumps(policy))
    with pytest.raises(Refusal, match=r"refused to you \((AccessDenied|403)\)"):
        create("s3://closed/x", {}, study.plan())
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    objects.filesystem.cache_clear()
    try:
        with pytest.raises(Refusal, match=f"no credentials for s3://{BUCKET}"):
            open_store(f"s3://{BUCKET}/x")
    finally:
        objects.filesystem.cache_clear()


@in_buckets
def test_a_server_that_ignores_conditions_is_refused(root, monkeypatch):
    """By the command too, however often it is given; and nothing is left there."""
    files = objects.filesystem(root.scheme, os.getpid())
    put = files.pipe_file
    monkeypatch.setattr(files, "pipe_file", lambda path, data, mode="": put(path, data))
    survey = Survey(studies.load("quickstart", ["grid.agent.width=[4]"]))
    for _ in range(2):
        with pytest.raises(Refusal, match="ignores the condition"):
            executor.prepare(survey, root, "allometry run quickstart")
        assert durable.names(root) == []


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize(
    "address", ["minio:9000", "http://", "http://[::1", "http://minio:99999"]
)
def test_an_address_that_is_none_is_a_sentence(s3, monkeypatch, name, address):
    monkeypatch.setenv(name, address)
    objects.filesystem.cache_clear()
    try:
        with pytest.raises(Refusal, match=f"{name} is no address") as refused:
            open_store(f"s3://{BUCKET}/x")
    finally:
        objects.filesystem.cache_clear()
    assert "minio" not in str(refused.value)


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(objects.LIBRARIES, "gs", ("no_such_gcsfs", "'allometry[gcs]'"))
    objects.filesystem.cache_clear()
    with pytest.raises(Refusal, match=r"pip install 'allometry\[gcs\]'"):
        open_store("gs://bucket/study")
