"""The long form of the promises: `make test-long`. It says what it did and lost."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from allometry.curves.store import open_store

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).with_name("killed.py")
SEED, KILLS = 0, 100
#: One program in 16 bundles of 100 commits each.
MANY = [
    "--set=grid.seeds=16",
    "--set=grid.runs_per_bundle=1",
    "--set=training.interactions=6400",
    "--set=training.checkpoints=100",
    "--set=training.first_checkpoint=64",
    "--commit-every=0",
]
#: One bundle of six commits, with a heartbeat between every two of them.
FEW = ["--commit-every=0", "--lease=0.2"]


@pytest.fixture
def script(compiled_once):
    """Run the script to its end; give what it says of each process."""

    def run(*words, given="") -> list[dict]:
        environment = {
            **os.environ,
            **compiled_once,
            "POLARS_ALLOW_FORKING_THREAD": "1",
        }
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *map(str, words)],
            input=given,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def same(row: list, found: float | None) -> bool:
    """Compare a performance that was acknowledged with the one on record, by bits."""
    if row[2] is None or found is None:
        return row[2] is found
    return np.float64(row[2]).tobytes() == np.float64(found).tobytes()


def check_record(store, said, columns, stores) -> int:
    """Check that nothing acknowledged is lost, twice there, or other than it was."""
    assert not [line for line in said if "error" in line]
    found = {
        (run, checkpoint): performance
        for run, checkpoint, performance in store.curves()
        .select("run", "checkpoint", "performance")
        .iter_rows()
    }
    assert len(found) == store.curves().height
    rows = [row for line in said for row in line.get("rows", ())]
    assert all(same(row, found[row[0], row[1]]) for row in rows)
    # Committed once each, whoever did it.
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    assert stores.deterministic(store) == columns
    return len(rows)


def test_a_hundred_kills_over_one_study(
    allometry, script, study, stores, tmp_path, capfd
):
    clean = tmp_path / "clean"
    assert allometry("run", study, "--out", clean, *MANY).code == 0
    columns = stores.deterministic(open_store(clean))
    out = tmp_path / "out"
    (told,) = script(SEED, KILLS, out, "run", study, "--out", out, *MANY)
    assert told["code"] == 0
    store = open_store(out)
    rows = check_record(store, told["said"], columns, stores)
    assert told["kills"] == KILLS
    attempts = store.runs()["attempts"]
    with capfd.disabled():
        print(
            f"\n{told['kills']} kill -9 (seed {SEED}) in {told['seconds']:.0f} s: "
            f"{store.curves().height} rows, {rows} of them acknowledged to a process "
            f"that told so, {attempts.sum()} attempts at {attempts.len()} bundles; "
            "lost: 0 rows, twice there: 0, columns other than the clean run's: 0"
        )


def test_killed_at_every_named_point_of_a_study(
    allometry, script, study, stores, tmp_path, capfd
):
    """At the first, the middle and the last time that a study passes each point."""
    begin, clean = time.monotonic(), tmp_path / "clean"
    assert allometry("run", study, "--out", clean, *FEW).code == 0
    columns = stores.deterministic(open_store(clean))
    (counts,) = script("points", "run", study, "--out", tmp_path / "counted", *FEW)
    # Heartbeats come when they come: what a run passes without them, every run does.
    words = ["--commit-every=0", "--lease=1000"]
    (sure,) = script("points", "run", study, "--out", tmp_path / "sure", *words)
    numbers = {**sure, "replaced": counts["replaced"]}
    # `replaced` is a heartbeat's; the points of a compaction are tested with it.
    assert counts.keys() == {
        "opened",
        "written",
        "synced",
        "linked",
        "folder synced",
        "replaced",
        "files written",
        "swept",
    }
    chosen = [
        (name, number)
        for name, count in numbers.items()
        for number in sorted({1, count // 2, count - 1})
        if number > 0
    ]
    out = [tmp_path / f"at-{number}" for number in range(len(chosen))]
    given = [
        json.dumps([name, number, "run", str(study), "--out", str(path), *FEW])
        for (name, number), path in zip(chosen, out, strict=True)
    ]
    reports = script("point", given="\n".join(given))
    assert len(reports) == len(chosen)
    killed = [report["killed"] for report in reports]
    missed = {name for (name, _), hit in zip(chosen, killed, strict=True) if not hit}
    assert missed <= {"replaced"}
    rows = 0
    for path, report in zip(out, reports, strict=True):
        assert allometry("run", study, "--out", path, *FEW).code == 0
        store = open_store(path)
        rows += check_record(store, report["said"], columns, stores)
        assert not list(path.glob("**/tmp-*"))
    with capfd.disabled():
        print(
            f"\nkilled at {killed.count(True)} moments of {len(counts)} named points "
            f"(of {sum(counts.values())} passed) in {time.monotonic() - begin:.0f} s: "
            f"{rows} acknowledged rows; lost: 0"
        )
