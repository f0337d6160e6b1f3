"""What the tests run in processes of their own, to be killed there.

python processes.py crash FOLDER      fork a study per point and kill it there
python processes.py put FOLDER        likewise, in a bucket
python processes.py fold FOLDER       likewise, while it compacts and is claimed again
python processes.py work STORE NAME BUNDLE COUNT
python processes.py share STORE WORKERS COMMITS   fork workers that share all bundles
python processes.py hold STORE BUNDLE LEASE       commit until the bundle is lost
"""

import importlib.util
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

from allometry.curves import durable
from allometry.curves.claim import LostClaim
from allometry.curves.compact import compact
from allometry.curves.lease import leased
from allometry.curves.observer import Observer
from allometry.curves.owner import this_process
from allometry.curves.place import Place, Remote, place
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


def put_scenario(path: Place, say, arm) -> None:
    """The like of `crash_scenario`, shorter: a bucket has fewer points."""
    arm()
    store = create(path, {"name": "crash"}, study.plan())
    say("created")
    for index in (0, 1):
        claim = store.claim("w4", {})
        study.commit(claim, index, finished=index == 1)
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


def crash(folder: Place, scenario) -> None:
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


def crash_at(path: Place, point: int, writing: int, scenario) -> None:
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


def work(path: str, name: str, bundle: str, count: int) -> None:
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


def share(path: str, workers: int, commits: int) -> None:
    """Report, for each worker, its first bundle and what was acknowledged to it."""
    if isinstance(place(path), Remote):
        importlib.import_module("s3fs")  # once, not in every child
    all_have_one = multiprocessing.Barrier(workers)
    children = {}
    for _ in range(workers):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                share_one(path, commits, all_have_one, pipe)
            os._exit(0)
        os.close(writing)
        children[child] = reading
    for child, reading in children.items():
        with os.fdopen(reading) as pipe:
            said = [json.loads(line) for line in pipe]
        print(json.dumps({"code": os.waitpid(child, 0)[1], "said": said}))


def share_one(path: str, commits: int, all_have_one, pipe) -> None:
    """Take what is free, commit a few times, give it back, until nothing is left."""
    store, chance = open_store(path), random.Random(os.getpid())
    observer = Observer(store, 60)
    first = True
    while True:
        looks = {bundle: observer.look(bundle) for bundle in store.bundles}
        if all(look.finished for look in looks.values()):
            return
        free = [bundle for bundle, look in looks.items() if look.free]
        if not free:
            time.sleep(0.005)
            continue
        bundle = free[0] if first else chance.choice(free)
        try:
            claim = store.claim(bundle, this_process(), looks[bundle].version)
        except LostClaim:
            continue
        with leased(claim, 60):
            if first:
                print(json.dumps({"first": bundle}), file=pipe)
                all_have_one.wait(60)
                first = False
            a_few(claim, commits, chance.randint(1, 8), pipe)


def a_few(claim, commits: int, number: int, pipe) -> None:
    runs = tuple(claim.manifest.status)
    for _ in range(number):
        index = study.next_index(claim)
        rows = study.rows_at(index, runs)
        finished = index == commits - 1
        study.commit(
            claim, index, curves=rows, scores=None, status={}, finished=finished
        )
        bundle = claim.manifest.bundle
        print(json.dumps({"bundle": bundle, "index": index}), file=pipe)
        if finished:
            return


def hold(path: str, bundle: str, lease: float) -> None:
    claim = open_store(path).claim(bundle, this_process())
    runs = tuple(claim.manifest.status)
    try:
        with leased(claim, lease):
            while True:
                index = study.next_index(claim)
                study.commit(claim, index, curves=study.rows_at(index, runs))
                print(index, flush=True)
                time.sleep(0.02)
    except LostClaim as lost:
        print(lost, flush=True)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "crash":
        crash(place(rest[0]), crash_scenario)
    elif verb == "put":
        importlib.import_module("s3fs")  # once, not in every child
        crash(place(rest[0]), put_scenario)
    elif verb == "fold":
        crash(Path(rest[0]), fold_scenario)
    elif verb == "share":
        share(rest[0], int(rest[1]), int(rest[2]))
    elif verb == "hold":
        hold(rest[0], rest[1], float(rest[2]))
    else:
        work(rest[0], rest[1], rest[2], int(rest[3]))
