"""What the tests run in processes of their own, to be killed there.

python processes.py crash FOLDER      fork a study per point and kill it there
python processes.py fold FOLDER       likewise, while it compacts and is claimed again
python processes.py work STORE NAME BUNDLE COUNT
python processes.py hold STORE        hold the store's lock
"""

import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path

from allometry.curves import durable
from allometry.curves.claim import LostClaim
from allometry.curves.compact import compact
from allometry.curves.store import create, open_store

_spec = importlib.util.spec_from_file_location(
    "study_of_tests", Path(__file__).with_name("conftest.py")
)
study = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(study)


def crash_scenario(path: Path, say, arm) -> None:
    """Create, claim, commit twice, claim again, commit three times."""
    arm()
    store = create(path, {"name": "crash"}, study.plan())
    say("created")
    for commits in (2, 3):
        claim = store.claim("w4", {})
        for _ in range(commits):
            index = study.next_index(claim)
            study.commit(claim, index, finished=index == 4)
            say(f"committed {index}")


def fold_scenario(path: Path, say, arm) -> None:
    """Finish a bundle, then compact it, claim it again, commit once more, compact.

    Half-written files, which `crash` has met already, are left out.
    """
    os.fsync = lambda descriptor: None  # a process is killed here, not a machine
    store = create(path, {"name": "fold"}, study.plan())
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    study.commit(claim, 1, finished=True)
    arm(without=("opened", "written"))
    compact(store)
    study.commit(store.claim("w4", {}), 2, finished=True)
    say("committed 2")
    compact(store)


def crash(folder: Path, scenario) -> None:
    """Report, for each point in order, its name and what had been acknowledged."""
    point = 0
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            crash_at(folder / str(point), point, writing, scenario)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read().splitlines()
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        print(json.dumps({"point": point, "said": said, "killed": killed}))
        if not killed:
            return
        point += 1


def crash_at(path: Path, point: int, writing: int, scenario) -> None:
    hits = iter(range(10_000))
    left_out: list[str] = []

    def kill(name: str) -> None:
        if name not in left_out and next(hits) == point:
            os.write(writing, f"at {name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(without=()) -> None:
        left_out.extend(without)
        durable.reached = kill

    try:
        scenario(path, lambda line: os.write(writing, f"{line}\n".encode()), arm)
    except BaseException as error:
        os.write(writing, f"failed {error!r}\n".encode())
    os._exit(0)


def work(path: Path, name: str, bundle: str, count: int) -> None:
    """Commit `count` times, claiming anew whenever the claim is lost."""
    store = open_store(path)
    claim, done = store.claim(bundle, {"name": name}), 0
    runs = tuple(claim.manifest.status)
    while done < count:
        try:
            index = study.next_index(claim)
            rows = study.rows_at(index, runs)
            study.commit(claim, index, curves=rows, scores=None)
            print(json.dumps({"bundle": bundle, "index": index}), flush=True)
            done += 1
        except LostClaim:
            time.sleep(0.001 * (os.getpid() % 7))
            claim = store.claim(bundle, {"name": name})


def hold(path: Path) -> None:
    with open_store(path).lock():
        print("held", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "crash":
        crash(Path(rest[0]), crash_scenario)
    elif verb == "fold":
        crash(Path(rest[0]), fold_scenario)
    elif verb == "hold":
        hold(Path(rest[0]))
    else:
        work(Path(rest[0]), rest[1], rest[2], int(rest[3]))
