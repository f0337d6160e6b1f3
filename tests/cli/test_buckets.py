"""Studies in a bucket: every verb that names a store takes its URL."""

import io
import os
import signal
import time

import polars as pl
import pytest

from allometry.curves import durable, objects
from allometry.curves.objects import Unreachable
from allometry.curves.place import place
from allometry.curves.store import Store, open_store
from tests.reports import adapting
from tests.s3 import BUCKET, KEY, SECRET

#: Seconds for which the server is away; `make test-long` asks for 20.
AWAY = float(os.environ.get("S3_AWAY", "5"))


@pytest.fixture
def url(s3):
    return f"s3://{BUCKET}/study-{time.time_ns()}"


@pytest.fixture
def memory():
    pytest.importorskip("fsspec")
    return f"memory://{BUCKET}/study-{time.time_ns()}"


def fetched(folder, onto):
    """Copy all that is in a folder of a bucket onto the disk; give where to."""
    if not durable.is_folder(folder):
        onto.write_bytes(durable.read(folder, 2**24))
        return onto
    onto.mkdir()
    for name in durable.names(folder):
        fetched(folder / name, onto / name)
    return onto


def test_a_study_outlives_its_server_and_its_worker(
    allometry, process, study, stores, url, s3, tmp_path
):
    """The server is away for a while, then the worker is killed; another goes on."""
    many = ("--set", "training.interactions=2048", "--set", "training.checkpoints=24")
    running = process("run", study, "--out", url, "--commit-every", "0", *many)
    store = _committed(url, running, 2)
    s3.stop()
    time.sleep(AWAY)
    assert running.poll() is None
    s3.start()
    _committed(url, running, 4)
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=60)
    kept, state = store.curves(), store.manifest("width-4")
    assert (state.attempts, state.finished) == (1, False)
    outcome = allometry("work", url)
    assert outcome.code == 0, outcome
    assert "No law was fitted" in outcome.said
    state = store.manifest("width-4")
    assert (state.attempts, state.finished) == (2, True)
    after = store.curves().join(kept, on=["run", "checkpoint"], how="semi")
    assert after.equals(kept)
    # The same study, never interrupted, on a disk.
    whole = tmp_path / "whole"
    assert allometry("run", study, "--out", whole, *many).code == 0
    assert stores.deterministic(open_store(whole)) == stores.deterministic(store)
    # Who may use the bucket, and where it is, stays out of the record.
    held = fetched(place(url), tmp_path / "held")
    assert stores.leaks(held, [store.plan["run"][0]])
    assert stores.leaks(held, [KEY, SECRET, s3.url.removeprefix("http://")]) == []


def _committed(url, running, checkpoints):
    """Wait for commits of so many checkpoints; give the store."""
    end = time.monotonic() + 240
    while time.monotonic() < end and running.poll() is None:
        time.sleep(0.05)
        if durable.exists(place(url) / "study.json"):
            store = open_store(url)
            if store.progress("width-4").get("checkpoint", 0) >= checkpoints:
                return store
    raise AssertionError(running.communicate()[0])


def test_a_secret_in_a_packed_table_of_a_bucket_is_seen(stores, memory, tmp_path):
    """Else that none was found in the study above would say little."""
    packed = io.BytesIO()
    halves = [SECRET[:13], SECRET[13:], SECRET]  # of which the third refers to both
    pl.DataFrame({"why": halves}).write_parquet(packed, statistics=False)
    assert SECRET.encode() not in packed.getvalue()
    path = place(memory) / "bundles" / "w4" / "scores.parquet"
    durable.write(path, packed.getvalue())
    held = fetched(place(memory), tmp_path / "held")
    found = held / "bundles" / "w4" / "scores.parquet"
    assert stores.leaks(held, [SECRET]) == [str(found)]
    assert stores.leaks(held, [KEY]) == []


def test_every_verb_takes_the_url_of_a_store(allometry, stores, memory, tmp_path):
    store = stores.simulated(memory)
    status = allometry("status", memory, "--json").document
    assert status["store"] == memory
    assert allometry("logs", memory).code == 0
    power = ("--law", "power", "--column", "x=parameters", "--column", "y=interactions")
    asked = allometry("fit", memory, *power, "--at", "0.5", "--json")
    assert asked.document["law"] == "power"
    fitted = allometry("fit", memory).said
    assert f"Written: {memory}/fit.json" in fitted
    assert f"Replaced: {memory}/fit.json held the power law" in fitted
    told = allometry("forecast", memory, "--compute", "1e12", "--json").document
    of_file = allometry("forecast", f"{memory}/fit.json", "--compute", "1e12", "--json")
    assert of_file.document == told
    page = allometry("report", memory, "--json").document["page"]
    assert page == f"{memory}/report.html"
    assert b"</html>" in durable.read(place(page), 2**26)
    out = tmp_path / "page.html"
    assert allometry("report", memory, "--out", out).code == 0
    assert "</html>" in out.read_text()
    csv = tmp_path / "curves.csv"
    assert allometry("export", memory, "--out", csv).code == 0
    assert len(csv.read_text().splitlines()) == 1 + store.curves().height
    allometry("plot", memory).refuses("in a bucket", "--out")
    figure = tmp_path / "law.svg"
    assert allometry("plot", memory, "--out", figure).code == 0
    assert figure.exists()
    done = allometry("compact", memory, "--json").document
    assert (done["store"], done["folded"]) == (memory, len(store.bundles))
    assert allometry("status", memory, "--json").document["runs"] == status["runs"]


def test_a_bucket_that_is_away_at_the_end_is_no_study_without_a_law(
    allometry, study, stores, memory, tmp_path, monkeypatch
):
    store = stores.begun(study, place(memory))
    for bundle in store.bundles:
        claim = store.claim(bundle, {})
        claim.commit(
            curves=None,
            scores=None,
            checkpoint=None,
            metadata={},
            status=dict.fromkeys(claim.manifest.status, "done"),
            fingerprint="f00d",
            finished=True,
        )
    adapts = adapting.write(tmp_path / "adapts", form="intrinsic").store.path
    assert "No law was fitted" in allometry("run", study, "--out", memory).said
    assert allometry("report", adapts).code == 0
    monkeypatch.setattr(Store, "table", _unreachable)
    for words in (["run", study, "--out", memory], ["report", adapts]):
        allometry(*words).refuses("has not answered")


def _unreachable(store):
    raise Unreachable(f"The server of {store.path} has not answered.")


@pytest.mark.parametrize(
    "verb", ["work", "status", "logs", "fit", "report", "compact", "run", "export"]
)
def test_what_no_store_can_be_at_is_refused(allometry, study, memory, tmp_path, verb):
    def named(url):
        if verb == "run":
            return allometry("run", study, "--out", url)
        more = ("--out", tmp_path / "x.csv") if verb == "export" else ()
        return allometry(verb, url, *more)

    named("ftp://host/study").refuses("ftp://", "s3:// or gs://")
    named("s3://me:secret@bucket/x").refuses("no user, password")
    if verb != "run":
        named(memory).refuses(memory, "does not exist", "allometry run")


def test_servers_and_buckets_that_are_not_there_are_refused(
    allometry, study, s3, monkeypatch
):
    allometry("run", study, "--out", "s3://nobody/x").refuses("no bucket s3://nobody")
    allometry("status", "s3://nobody/x").refuses("does not exist")
    monkeypatch.setattr(objects, "FIRST", 0.5)
    monkeypatch.setattr(objects, "_answered", set())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    objects.filesystem.cache_clear()
    try:
        outcome = allometry("status", f"s3://{BUCKET}/x")
        outcome.refuses("has not answered", "AWS_ENDPOINT_URL")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        objects.filesystem.cache_clear()
        allometry("work", f"s3://{BUCKET}/x").refuses("no credentials")
    finally:
        objects.filesystem.cache_clear()
