"""Measure the store: reading the record of many bundles, and the cost of a commit.

    python benchmarks/store.py [--bundles 10000] [--folder DIR]

Prints the seconds that `open_store`, `runs()` and `table()` take, and the milliseconds
of a commit beside those of the bare `fsync`s that it needs. The folder (a temporary one
by default) should be on the disk that studies will use.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from allometry.curves import manifest, sealed
from allometry.curves.manifest import Manifest
from allometry.curves.store import Store, create, open_store
from allometry.curves.table import CURVES

SEEDS = 3
COMMITS = 40


def plan(bundles: int) -> pl.DataFrame:
    rows = [
        {
            "run": f"w{bundle:05d}-s{seed}",
            "study": "benchmark",
            "bundle": f"w{bundle:05d}",
            "seed": seed,
            "parameters": 100 * (bundle + 1),
            "parameters_by_part": '{"policy.torso": 100}',
            "width": bundle,
        }
        for bundle in range(bundles)
        for seed in range(SEEDS)
    ]
    return pl.DataFrame(rows)


def rows_at(checkpoint: int, runs: tuple[str, ...]) -> pl.DataFrame:
    values = {
        name: [float(checkpoint)] * len(runs)
        if column.dtype == pl.Float64
        else [checkpoint] * len(runs)
        for name, column in CURVES.items()
    }
    return pl.DataFrame(values | {"run": list(runs)})


def simulate(store: Store) -> None:
    """Write one manifest per bundle as a claim would, but without waiting for disk."""
    for bundle in store.bundles:
        folder = store.path / "bundles" / bundle
        folder.mkdir(parents=True)
        status = {f"{bundle}-s{seed}": "running" for seed in range(SEEDS)}
        state = Manifest(bundle=bundle, version=1, token=1, attempts=1, status=status)
        manifest.path_of(folder, 1).write_bytes(sealed.seal(state))


def seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def bare_syncs(folder: Path, count: int) -> None:
    for index in range(count):
        with (folder / f"bare-{index}").open("wb") as file:
            file.write(b"x" * 3000)
            file.flush()
            os.fsync(file.fileno())


def commits(store: Store) -> list[float]:
    """Time commits of rows and a checkpoint of 400 kB to every bundle."""
    weights = {"torso/weight": np.ones((1000, 100), np.float32)}
    times = []
    for bundle in store.bundles:
        claim = store.claim(bundle, {})
        runs = tuple(claim.manifest.status)
        for index in range(COMMITS):
            begin = time.perf_counter()
            claim.commit(
                curves=rows_at(index, runs),
                scores=None,
                checkpoint=weights,
                metadata={"interactions": index},
                status={},
                fingerprint="f",
                finished=index == COMMITS - 1,
            )
            times.append(time.perf_counter() - begin)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        many = create(Path(name, "many"), {}, plan(given.bundles))
        simulate(many)
        print(f"{given.bundles} bundles of {SEEDS} runs")
        print(f"  open_store   {seconds(lambda: open_store(many.path)):.3f} s")
        print(f"  runs()       {seconds(many.runs):.3f} s")
        few = create(Path(name, "few"), {}, plan(8))
        times = sorted(1000 * value for value in commits(few))
        bare = min(seconds(lambda: bare_syncs(Path(name), 5)) for _ in range(5))
        print(f"commits of {SEEDS} rows and 400 kB ({len(times)} commits)")
        print(f"  median       {statistics.median(times):.1f} ms")
        print(f"  99th of 100  {times[int(0.99 * len(times))]:.1f} ms")
        print(f"  5 bare fsyncs {1000 * bare:.1f} ms")
        print(f"8 bundles of {COMMITS} segments")
        print(f"  table()      {seconds(few.table):.3f} s")


if __name__ == "__main__":
    main()
