"""Several processes, and processes that are killed: promises 1, 2 and 4."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from allometry.curves import durable
from allometry.curves.compact import compact
from allometry.curves.observer import Observer
from allometry.curves.place import Place
from allometry.curves.store import STUDY, create, open_store

SCRIPT = Path(__file__).with_name("processes.py")


def start(*arguments: object) -> subprocess.Popen:
    # Polars warns of forks; the script forks before Polars has started a thread.
    environment = os.environ | {"POLARS_ALLOW_FORKING_THREAD": "1"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def lines_of(process: subprocess.Popen) -> list[dict]:
    output, _ = process.communicate(timeout=1200)
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def points_of(reports: list[dict]) -> set[str]:
    """Give the points where a scenario was killed; killed nowhere, it ended well."""
    said = [line for report in reports for line in report["said"]]
    assert not any(line.startswith("failed") for line in said)
    assert [report["killed"] for report in reports[-2:]] == [True, False]
    return {line.removeprefix("at ") for line in said if line.startswith("at ")}


def go_on(folder: Place, reports: list[dict], study, commits: int) -> None:
    """Finish each study that was killed, in so many commits: none is lost or twice."""
    for report in reports:
        path, said = folder / str(report["point"]), report["said"]
        acknowledged = sum(line.startswith("committed") for line in said)
        if durable.exists(path / STUDY):
            store = open_store(path)
        else:
            assert "created" not in said
            store = create(path, {"name": "crash"}, study.plan())
        kept = len(study.indices(store))
        assert kept in (acknowledged, acknowledged + 1)
        claim = store.claim("w4", {})
        assert study.next_index(claim) == kept
        for index in range(kept, commits):
            study.commit(claim, index, finished=index == commits - 1)
        assert study.indices(open_store(path)) == list(range(commits))


def test_killed_at_every_point_then_gone_on(tmp_path, study, no_sync):
    reports = lines_of(start("crash", tmp_path))
    assert points_of(reports) == {
        "opened",
        "written",
        "synced",
        "linked",
        "folder synced",
        "files written",
        "swept",
    }
    assert len(reports) > 80
    go_on(tmp_path, reports, study, 5)
    assert not list(tmp_path.glob("**/tmp-*"))


@pytest.mark.slow
@pytest.mark.parametrize("root", ["s3"], indirect=True)
def test_killed_at_every_point_in_a_bucket_then_gone_on(root, study):
    reports = lines_of(start("put", root))
    assert points_of(reports) == {"created", "put", "files written"}
    assert len(reports) > 12
    go_on(root, reports, study, 3)


@pytest.mark.slow
def test_killed_at_every_point_of_compacting(tmp_path, study, no_sync):
    reports = lines_of(start("fold", tmp_path))
    for report in reports:
        store, said = open_store(tmp_path / str(report["point"])), report["said"]
        found = study.indices(store)
        assert len(found) in ((3,) if "committed 2" in said else (2, 3))
        compact(store)
        assert study.indices(store) == found
        assert len(list(store.path.glob("compacted/record-*"))) == 1
        assert not list(store.path.glob("compacted/tmp-*"))
        claim = store.claim("w4", {})
        assert study.next_index(claim) == len(found)
        left = {path.name for path in store.path.glob("bundles/w4/*")}
        named = {file.name for file in claim.manifest.files}
        assert {name for name in left if not name.startswith("manifest-")} == named
    assert len(reports) > 40
    wanted = {"tables written", "compacted", "settled", "reopened", "swept"}
    assert wanted <= points_of(reports)


def test_two_processes_with_bundles_of_their_own(store, study):
    workers = [start("work", store.path, name, name, 50) for name in ("w4", "w8")]
    while any(worker.poll() is None for worker in workers):
        time.sleep(0.05)
        counts = store.curves().group_by("run").len()["len"].to_list()
        assert all(count <= 50 for count in counts)
    said = [line for worker in workers for line in lines_of(worker)]
    assert len(said) == 100
    curves = store.curves()
    for run in store.runs()["run"]:
        assert curves.filter(run=run)["checkpoint"].to_list() == list(range(50))


def test_two_processes_that_fight_for_one_bundle(store, study):
    workers = [start("work", store.path, name, "w4", 25) for name in ("one", "two")]
    while any(worker.poll() is None for worker in workers):
        time.sleep(0.05)
        curves = store.curves()
        for run in ("w4-s0", "w4-s1"):
            found = curves.filter(run=run)["checkpoint"].to_list()
            assert found == list(range(len(found)))
    said = [line["index"] for worker in workers for line in lines_of(worker)]
    found = store.curves().filter(run="w4-s0")["checkpoint"].to_list()
    assert found == list(range(len(found)))
    assert len(said) == len(set(said)) == 50
    assert set(said) <= set(found)


@pytest.mark.parametrize(
    ("root", "commits"),
    [
        ("disk", 20),
        pytest.param("disk", 200, marks=pytest.mark.long),
        pytest.param("s3", 2, marks=pytest.mark.slow),
    ],
    indirect=["root"],
)
def test_ten_workers_share_bundles_and_lose_nothing(root, commits, study):
    bundles = [f"b{number}" for number in range(10)]
    plan = study.plan().head(1).drop("run", "bundle")
    runs = pl.DataFrame({"run": [f"r-{name}" for name in bundles], "bundle": bundles})
    store = create(root / "s", {"name": "shared"}, runs.join(plan, how="cross"))
    workers = lines_of(start("share", store.path, 10, commits))
    assert [worker["code"] for worker in workers] == [0] * 10
    # As many bundles as workers: each had one of its own.
    assert sorted(worker["said"][0]["first"] for worker in workers) == bundles
    said = [line for worker in workers for line in worker["said"][1:]]
    acknowledged = sorted((line["bundle"], line["index"]) for line in said)
    expected = [(name, index) for name in bundles for index in range(commits)]
    assert acknowledged == sorted(expected)
    rows = store.curves().select("run", "checkpoint").rows()
    assert rows == [(f"r-{name}", index) for name, index in sorted(expected)]
    assert commits < 20 or store.runs()["attempts"].max() > 1
    left = [durable.names(store.path / "bundles" / name) for name in bundles]
    assert not [name for names in left for name in names if "heartbeat" in name]


def test_a_worker_that_stood_still_past_its_lease_loses_the_bundle_and_no_row(
    store, study
):
    with start("hold", store.path, "w4", 0.4) as holder:
        try:
            while holder.stdout.readline() != "3\n":
                pass
            observer = Observer(store, 60.0)
            begin = time.monotonic()
            while time.monotonic() - begin < 0.8:
                assert not observer.look("w4").free
                time.sleep(0.05)
            holder.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            while not (found := observer.look("w4")).free:
                assert time.monotonic() - begin < 30
                time.sleep(0.05)
            assert time.monotonic() - begin > 0.2
            claim = store.claim("w4", {}, found.version)
            before = study.next_index(claim)
            study.commit(claim, before)
            holder.send_signal(signal.SIGCONT)
            said = holder.communicate(timeout=60)[0].splitlines()
        finally:
            holder.kill()
    assert said[-1].startswith("Bundle w4 in ")
    assert "taken over by another process" in said[-1]
    acknowledged = [int(line) for line in said[:-1]]
    assert before >= max(acknowledged, default=3) + 1
    assert study.indices(store) == list(range(before + 1))
    study.commit(claim, before + 1)


def test_a_worker_that_was_killed_leaves_its_bundle_at_once(store):
    with start("hold", store.path, "w4", 60) as holder:
        try:
            holder.stdout.readline()
            observer = Observer(store, 60.0)
            assert not observer.look("w4").free
            holder.kill()
            # Not waited for: a zombie has a number still.
            begin = time.monotonic()
            while not observer.look("w4").free:
                assert time.monotonic() - begin < 10
                time.sleep(0.01)
        finally:
            holder.kill()
    assert observer.look("w4").free
