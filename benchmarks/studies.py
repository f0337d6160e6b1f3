"""Studies: what the runner costs beside the training that it runs.

    python benchmarks/studies.py overhead [--widths 4 28 148] [--interactions 1048576]
    python benchmarks/studies.py short [--runs 20]
    python benchmarks/studies.py rates [--folder DIR]

`overhead` trains bundles of the quickstart at the settings that are shipped. Each chunk
is trained twice from the same state, by turns first: by the runner's program, and by
one that has no check for numbers that are not finite. What the runner took in all
(chunks, rows, commits, checkpoints, heartbeats) is divided by what the chunks took
without it. What is done once for a program (compiling, the first states, which are
compiled too, and what memory it needs) is told apart.

`short` is a study of many runs of about one second, each in a bundle of its own
(`--runs 1000` is the whole), with one worker. Compiling, which is done once for all of
them, is counted apart. `rates` are commits, reads and heartbeats per second.
"""

import argparse
import collections
import functools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl

from allometry.agents import training
from allometry.curves.lease import BEATS, SECONDS, Lease
from allometry.curves.store import create
from allometry.curves.table import CURVES
from allometry.studies import executor, room, study
from allometry.studies.progress import Progress
from allometry.studies.queue import Queue
from allometry.studies.survey import Survey

#: Seconds by part, of all threads.
SPENT: dict[str, float] = collections.defaultdict(float)
#: Seconds of training of a short run.
SHORT = 1.0


class Quiet:
    """A watcher who tells nobody."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *told: None


class Twice:
    """A program beside the same training without a runner."""

    def __init__(self, program: Any, *, bare: bool):
        self._program = program
        self._turn = 0
        self._bare = jax.jit(self._trained) if bare else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def advance(self, members: Any, first: int, iterations: int, finite: Any) -> Any:
        """Train a chunk for the runner; before or after it, the same without."""
        counts = np.int32(first), np.int32(iterations)
        program, found = self._program, None
        self._turn += 1
        if self._turn == 1:
            self._compile(members, finite)
        for part in ("with", "bare") if self._turn % 2 else ("bare", "with"):
            if part == "bare" and self._bare is None:
                continue
            begin = time.perf_counter()
            if part == "with":
                found = program.advance(members, first, iterations, finite)
                jax.block_until_ready(found)
            else:
                parts = program.environment, program.measure, members, *counts
                jax.block_until_ready(self._bare(*parts))
            SPENT[part] += time.perf_counter() - begin
        return found

    def _compile(self, members: Any, finite: Any) -> None:
        """Compile within the first chunk, where the runner looks for it."""
        begin, none = time.perf_counter(), np.int32(0)
        program = self._program
        jax.block_until_ready(program.advance(members, 0, 0, finite))
        if self._bare is not None:
            parts = program.environment, program.measure, members, none, none
            jax.block_until_ready(self._bare(*parts))
        SPENT["compiling"] += time.perf_counter() - begin

    def _trained(
        self, environment: Any, measure: Any, members: Any, first: Any, count: Any
    ) -> Any:
        one = self._program.trainee

        def chunk(member: Any) -> Any:
            parts = (one.agent, environment, one.sampler, one.schedule)
            trained, metrics = training.advance(
                *parts, member, first, count, one.coplayers
            )
            return trained, metrics, measure.found(one.agent, trained.learner)

        return jax.vmap(chunk)(members)


class Doubled(Survey):
    """A survey whose programs are timed."""

    bare = True

    def program(self, facts: Any, layout: Any = None) -> Any:
        """Prepare a program that is timed."""
        return Twice(super().program(facts, layout), bare=self.bare)


class Alone(Doubled):
    """A survey whose programs are timed, with nothing beside them."""

    bare = False


def timed(owner: Any, name: str, part: str) -> None:
    """Add the seconds of a function to a part."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def run(*given: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        try:
            return inner(*given, **named)
        finally:
            SPENT[part] += time.perf_counter() - begin
            SPENT[f"{part}, times"] += 1

    setattr(owner, name, run)


def time_the_runner() -> None:
    timed(Progress, "__init__", "states")
    timed(Progress, "advance", "chunks")
    timed(Progress, "commit", "commits")
    timed(Progress, "account", "accounts")
    timed(Progress, "test", "tests")
    timed(Queue, "take", "claims")
    timed(Lease, "_beat", "heartbeats")
    timed(room, "needed", "room")


def trained(survey: Survey, folder: Path) -> float:
    """Train a study by one worker at the shipped settings; give the seconds."""
    SPENT.clear()
    store = executor.prepare(survey, folder, "benchmark")
    begin = time.perf_counter()
    stop = threading.Event()
    executor.run(survey, store, Quiet(), stop=stop, workers=1)
    return time.perf_counter() - begin


def share(part: float, whole: float) -> str:
    return f"{part:8.2f} s {part / whole:7.2%}"


def overhead(folder: Path, widths: list[int], interactions: int) -> None:
    totals: collections.Counter[str] = collections.Counter()
    for width in widths:
        changes = [
            f"grid.agent.width=[{width}]",
            f"training.interactions={interactions}",
        ]
        survey = Doubled(study.load("quickstart", changes))
        whole = trained(survey, folder / str(width))
        bare, apart = SPENT["bare"], SPENT["accounts"]
        before = SPENT["states"] + SPENT["room"]
        runner = whole - bare - SPENT["compiling"] - apart - before
        print(f"width {width}: training alone {bare:.2f} s, with the runner")
        print(f"  all                {share(runner - bare, bare)} more")
        print(f"  finite checks      {share(SPENT['with'] - bare, bare)} (and noise)")
        rows = SPENT["chunks"] - SPENT["with"] - bare - SPENT["compiling"]
        print(f"  rows               {share(rows, bare)}")
        for part in ("commits", "heartbeats", "claims", "tests"):
            times = int(SPENT[f"{part}, times"])
            print(f"  {part:18} {share(SPENT[part], bare)} {times} times")
        print(
            f"  apart: compiling {SPENT['compiling']:.1f} s, cost by part {apart:.1f} s"
        )
        totals.update({"bare": bare, "with": runner, "outside": runner - SPENT["with"]})
    bare = totals["bare"]
    print(f"all: {totals['with'] / bare - 1:.2%} more than training alone; outside of")
    print(f"the chunks' programs {totals['outside'] / bare:.2%}")


def short(folder: Path, runs: int) -> None:
    """Train runs of about a second, and say what was spent beside that."""
    base = ["grid.agent.width=[16]", "grid.seeds=1", "training.checkpoints=10"]
    sample = Alone(study.load("quickstart", [*base, "training.interactions=262144"]))
    trained(sample, folder / "sample")
    wanted = round(262_144 * SHORT / SPENT["with"])
    changes = [
        *base,
        f"grid.seeds={runs}",
        "grid.runs_per_bundle=1",
        f"training.interactions={wanted}",
    ]
    survey = Alone(study.load("quickstart", changes))
    whole = trained(survey, folder / "short")
    inside = SPENT["with"]
    compiling = SPENT["compiling"] + SPENT["states"] + SPENT["room"]
    outside = whole - inside - compiling
    print(f"{runs} runs of {inside / runs:.2f} s: {whole:.1f} s")
    print(f"  compiling          {compiling:8.2f} s, apart")
    print(f"  outside training   {share(outside, whole - compiling)}")
    known = ("commits", "claims", "heartbeats", "accounts", "tests")
    for part in known:
        times = int(SPENT[f"{part}, times"])
        print(f"  {part:18} {share(SPENT[part], whole - compiling)} {times} times")


def rates(folder: Path) -> None:
    """Time commits, reads and heartbeats of a store of 100 bundles, one after another.

    A commit is of three rows and a checkpoint of 400 kB.
    """
    plan = pl.DataFrame(
        {
            "run": [f"w{n:03d}-s{seed}" for n in range(100) for seed in range(3)],
            "study": "rates",
            "bundle": [f"w{n:03d}" for n in range(100) for _ in range(3)],
            "seed": [seed for _ in range(100) for seed in range(3)],
            "parameters": 100,
            "parameters_by_part": "{}",
        }
    )
    store = create(folder / "rates", {"name": "rates"}, plan)
    weights = {"torso/weight": np.ones((1000, 100), np.float32)}
    commits, beats = [], []
    for bundle in store.bundles:
        claim = store.claim(bundle, {})
        for index in range(5):
            rows = rows_at(index, tuple(claim.manifest.status))
            begin = time.perf_counter()
            claim.commit(
                curves=rows,
                scores=None,
                checkpoint=weights,
                metadata={"index": index},
                status={},
                fingerprint="f",
                finished=False,
            )
            commits.append(time.perf_counter() - begin)
        lease = Lease(claim, SECONDS)
        begin = time.perf_counter()
        lease._beat()
        beats.append(time.perf_counter() - begin)
        lease.end(released=True)
    say("commits", commits)
    say("heartbeats", beats)
    each = statistics.median(beats) * BEATS / SECONDS
    print(f"  at a lease of {SECONDS:.0f} s heartbeats take {each:.3%} of the time")
    say("reads of a manifest", [seconds(store.progress, b) for b in store.bundles])
    read = [seconds(store.checkpoint, bundle) for bundle in store.bundles]
    say("reads of a checkpoint", read)
    say("reads of 100 bundles (runs)", [seconds(store.runs) for _ in range(5)])
    say("reads of 500 segments (curves)", [seconds(store.curves) for _ in range(5)])


def rows_at(checkpoint: int, runs: tuple[str, ...]) -> pl.DataFrame:
    values = {
        name: [float(checkpoint) if column.dtype == pl.Float64 else checkpoint] * 3
        for name, column in CURVES.items()
    }
    return pl.DataFrame(values | {"run": list(runs)})


def seconds(action: Callable[..., object], *given: object) -> float:
    begin = time.perf_counter()
    action(*given)
    return time.perf_counter() - begin


def say(what: str, times: list[float]) -> None:
    middle = statistics.median(times)
    print(f"{what}: {1 / middle:,.0f} per second ({1000 * middle:.2f} ms, the median)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["overhead", "short", "rates"])
    parser.add_argument("--widths", type=int, nargs="+", default=[4, 28, 148])
    parser.add_argument("--interactions", type=int, default=1_048_576)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        if given.what == "rates":
            rates(Path(name))
            return
        time_the_runner()
        if given.what == "overhead":
            overhead(Path(name), given.widths, given.interactions)
        else:
            short(Path(name), given.runs)


if __name__ == "__main__":
    main()
