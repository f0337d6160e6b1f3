"""Importing: seconds and memory for ten million rows, ours beside pandas.

    python benchmarks/importing.py [--rows 10000000] [--runs 100000] [--folder DIR]

Ours is `allometry import csv`, and then the mean performance by size and checkpoint of
what it has stored. pandas reads the same file, takes the same means and writes the
table as Parquet; it checks nothing, sorts nothing and keeps no record. Each is a fresh
process on two cores, timed from its start to its end, imports included; memory is the
peak of its resident set. The bound is 60 s and 4 GB. Linux only; needs pandas and
pyarrow, which the extra `dev` has.
"""

import argparse
import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Nothing large is imported up here: the peak of a child begins at its parent's.

CORES, SECONDS, GIGABYTES = 2, 60.0, 4.0
SIZES, INTERVAL = 8, 10_000

#: Rows of parameters, interactions and mean performance, in order.
Means = list[tuple[float, float, float]]


def simulate(log: Path, rows: int, runs: int) -> None:
    """Write a long table of noisy curves of 8 sizes, run after run."""
    import numpy as np
    import polars as pl

    run = np.repeat(np.arange(runs), rows // runs)
    size, seed = 1000 * 2 ** (run % SIZES), run // SIZES
    interactions = INTERVAL * np.tile(np.arange(1, rows // runs + 1), runs)
    learned = 1 - np.exp(-np.sqrt(size * interactions) / 1e5)
    noise = np.random.default_rng(0).normal(0.0, 0.03, run.size)
    table = {
        "parameters": size,
        "seed": seed,
        "interactions": interactions,
        "performance": np.round(learned + noise, 6),
    }
    name = pl.format("w{}-s{}", "parameters", "seed").alias("run")
    pl.DataFrame(table).select(name, pl.all()).write_csv(log)


def allometry(log: Path, out: Path) -> Means:
    """Import by the command line, then take the means of what is stored."""
    import polars as pl

    from allometry.cli.main import app
    from allometry.curves.opened import open_curves

    with contextlib.redirect_stdout(sys.stderr):
        app(["import", "csv", str(log), "--out", str(out)], standalone_mode=False)
    by = "parameters", "interactions"
    means = open_curves(out).table().group_by(by).agg(pl.col("performance").mean())
    return means.sort(by).rows()


def pandas(log: Path, out: Path) -> Means:
    """Read, take the means, and write the table as Parquet."""
    import pandas as pd

    table = pd.read_csv(log)
    means = table.groupby(["parameters", "interactions"])["performance"].mean()
    out.mkdir()
    table.to_parquet(out / "curves.parquet")
    return [(*by, mean) for by, mean in means.items()]


METHODS: dict[str, Callable[[Path, Path], Means]] = {
    "allometry": allometry,
    "pandas": pandas,
}


def child(*arguments: str) -> str:
    """Run this file in a process of its own; give its last line."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.rpartition("\n")[2]


def measure(name: str, log: Path, folder: Path) -> tuple[float, float, Means]:
    """Run a method; give its seconds, its peak in GB and its means."""
    began = time.perf_counter()
    said = child("--log", str(log), "--method", name, "--out", str(folder / name))
    spent = time.perf_counter() - began
    found = json.loads(said)
    return spent, found["peak"], found["means"]


def answer(name: str, log: Path, out: Path) -> None:
    """Be the child that runs a method: print its peak and its means."""
    means = METHODS[name](log, out)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("\n" + json.dumps({"peak": peak / 1e9, "means": means}), end="")


def same(ours: Means, theirs: Means) -> bool:
    """Say whether the means agree, but for rounding."""
    return len(ours) == len(theirs) and all(
        a[:2] == b[:2] and math.isclose(a[2], b[2], rel_tol=1e-9)
        for a, b in zip(ours, theirs, strict=True)
    )


def report(rows: int, runs: int, folder: Path) -> None:
    """Measure both and print the table."""
    log = folder / "log.csv"
    child("--log", str(log), "--rows", str(rows), "--runs", str(runs))
    size, cores = log.stat().st_size / 1e6, len(os.sched_getaffinity(0))
    print(f"{rows:,} rows of {runs:,} runs, {size:.0f} MB of CSV, {cores} cores\n")
    found = {name: measure(name, log, folder) for name in METHODS}
    if not same(found["allometry"][2], found["pandas"][2]):
        raise SystemExit("The two disagree about the means.")
    ours, theirs = found["allometry"], found["pandas"]
    print("| | seconds | peak, GB |\n|---|---|---|")
    for name, (spent, peak, _) in found.items():
        print(f"| {name} | {spent:.1f} | {peak:.2f} |")
    print(f"| ours / pandas | {ours[0] / theirs[0]:.2f} | {ours[1] / theirs[1]:.2f} |")
    within = ours[0] < SECONDS and ours[1] < GIGABYTES
    print(
        f"\nallometry is {'within' if within else 'OVER'} the bound of {SECONDS:g} s "
        f"and {GIGABYTES:g} GB."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument(
        "--folder", type=Path, help="where the temporary folder is made"
    )
    for name in ("--log", "--out"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rows % given.runs:
        parser.error("every run has as many rows: --rows is a multiple of --runs")
    if given.method:
        answer(given.method, given.log, given.out)
    elif given.log:
        simulate(given.log, given.rows, given.runs)
    else:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            report(given.rows, given.runs, Path(name))


if __name__ == "__main__":
    main()
