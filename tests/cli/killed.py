"""Runs `allometry` in processes that are killed, forked from one that has imported all.

python killed.py SEED KILLS OUT WORDS...   kill `allometry WORDS` at random moments
python killed.py points OUT WORDS...       count the points that it passes, by name
python killed.py point NAME NUMBER WORDS... kill it where it passes NAME for that time

A line of JSON for each process tells how it ended and what was acknowledged to it.
Nothing of JAX is started before a fork: only its modules are imported.
"""

import collections
import json
import os
import random
import select
import signal
import sys
import threading
import time
from pathlib import Path

# What a command imports as it goes, imported once.
import sklearn.datasets  # noqa: F401

import allometry.cli.conclude
import allometry.cli.report
import allometry.cli.watch
import allometry.reports.verdict
import allometry.studies.executor
import allometry.studies.film
import allometry.studies.survey  # noqa: F401
from allometry.cli.main import main
from allometry.curves import durable
from allometry.curves.claim import Claim


def forked(words, writing: int, before=lambda: None) -> int:
    """Run a command in a child, with what it says put aside; give its number."""
    child = os.fork()
    if child:
        return child
    aside = os.open(os.devnull, os.O_WRONLY)
    os.dup2(aside, 1)
    os.dup2(aside, 2)
    sys.argv = ["allometry", *words]
    code = 0
    try:
        acknowledge(writing)
        before()
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException as error:
        os.write(writing, f"{json.dumps({'error': repr(error)})}\n".encode())
        code = 1
    os._exit(code)


def acknowledge(writing: int) -> None:
    """Tell of every row once the commit that holds it has returned."""
    commit = Claim.commit

    def told(self, *, curves, **rest) -> None:
        commit(self, curves=curves, **rest)
        if curves is not None and curves.height:
            rows = curves.select("run", "checkpoint", "performance").rows()
            os.write(writing, f"{json.dumps({'rows': rows})}\n".encode())

    Claim.commit = told


def kills(seed: int, count: int, out: Path, words: list[str]) -> None:
    """Kill one of one to three workers again and again, then let one end."""
    chance = random.Random(seed)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    running: list[int] = []
    said, done = b"", 0
    begin = time.monotonic()
    while done < count:
        while len(running) < chance.choice((1, 2, 3)):
            running.append(forked(words, writing))
        # A third of the time anywhere, from the first file to the last; else among
        # commits, which come late in the life of a short process.
        if chance.random() < 1 / 3:
            time.sleep(chance.uniform(0, 4))
        else:
            before = versions(out)
            while running and versions(out) == before:
                time.sleep(0.003)
                running = alive(running)
            time.sleep(chance.uniform(0, 0.05))
        said += drained(reading)
        running = alive(running)
        if not running:
            if finished(out):
                break
            continue
        chosen = chance.choice(running)
        os.kill(chosen, signal.SIGKILL)
        _, status = os.waitpid(chosen, 0)
        running.remove(chosen)
        done += os.WIFSIGNALED(status)
    for child in running:
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            said += drained(reading)
            time.sleep(0.05)
    code = None
    last = forked(words, writing)
    while code is None:
        ended, status = os.waitpid(last, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if ended else None
        said += drained(reading)
        time.sleep(0.05)
    said += drained(reading)
    lines = [json.loads(line) for line in said.splitlines()]
    seconds = time.monotonic() - begin
    print(json.dumps({"kills": done, "code": code, "seconds": seconds, "said": lines}))


def alive(running: list[int]) -> list[int]:
    """Bury those that have ended by themselves."""
    return [child for child in running if os.waitpid(child, os.WNOHANG) == (0, 0)]


def drained(reading: int) -> bytes:
    found = b""
    while select.select([reading], [], [], 0)[0]:
        found += os.read(reading, 65536)
    return found


def versions(out: Path) -> list[str]:
    return sorted(str(path) for path in out.glob("bundles/*/manifest-*.json"))


def finished(out: Path) -> bool:
    folders = list(out.glob("bundles/*"))
    newest = [max(folder.glob("manifest-*.json")) for folder in folders]
    return bool(newest) and all(b'"finished": true' in p.read_bytes() for p in newest)


def points(words: list[str]) -> None:
    """Count, in a process that nobody kills, how often each point is passed."""
    counts: collections.Counter = collections.Counter()
    reading, writing = os.pipe()

    def count() -> None:
        durable.reached = lambda name: counts.update([name])

    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            count()
            sys.argv = ["allometry", *words]
            aside = os.open(os.devnull, os.O_WRONLY)
            os.dup2(aside, 1)
            main()
        except SystemExit:
            pass
        os.write(writing, json.dumps(counts).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        print(pipe.read())
    os.waitpid(child, 0)


def point(name: str, number: int, words: list[str]) -> None:
    """Kill a process where it passes a point for that time."""
    reading, writing = os.pipe()
    lock, left = threading.Lock(), [number]

    def kill(passed: str) -> None:
        if passed == name:
            with lock:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                    time.sleep(60)

    def arm() -> None:
        durable.reached = kill

    child = forked(words, writing, arm)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = [json.loads(line) for line in pipe]
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    print(json.dumps({"killed": killed, "said": said}), flush=True)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "points":
        points(rest)
    elif verb == "point":
        for line in sys.stdin:  # all points of one caller from one import
            name, number, *words = json.loads(line)
            point(name, number, words)
    else:
        kills(int(verb), int(rest[0]), Path(rest[1]), rest[2:])
