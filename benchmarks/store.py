"""Measure the store: reading the record of many bundles, and the cost of a commit.

    python benchmarks/store.py [--bundles 10000] [--folder DIR]
    python benchmarks/store.py --compacted 1000000 [--checkpoints 10]
    python benchmarks/store.py --url s3://BUCKET/NAME
    python benchmarks/store.py --url moto

Prints the seconds that `open_store`, `runs()` and `table()` take, and the milliseconds
of a commit beside those of the bare `fsync`s that it needs. The folder (a temporary one
by default) should be on the disk that studies will use.

With `--compacted` a store of so many runs is made, all finished and compacted, by
writing the tables that a compaction would; then it is listed and read.

With `--url` eight bundles are committed to and read in a bucket, and in a folder of the
disk beside it. `moto` starts moto's server of S3, an emulation, in a process of its own
on this machine. Nothing is deleted in a bucket.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from allometry.curves import compact, compacted, manifest, objects, sealed, segment
from allometry.curves.manifest import Manifest
from allometry.curves.place import Place, place
from allometry.curves.store import Store, create, open_store
from allometry.curves.table import CURVES, SECONDS

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


def simulate_compacted(store: Store, checkpoints: int) -> None:
    """Write the tables of a compaction of all bundles, with their manifests' folders.

    Every bundle's folder is there, as it would be: empty, since nobody looks into it.
    """
    runs = store.plan.select("run", "bundle").sort("run")
    for bundle in store.bundles:
        (store.path / "bundles" / bundle).mkdir(parents=True)
    at = pl.DataFrame({"checkpoint": range(checkpoints)})
    rows = runs.select("run").join(at, how="cross")
    number = pl.Series(np.random.default_rng(0).normal(size=rows.height))
    numbers = [
        number.cast(column.dtype).alias(name)
        for name, column in CURVES.items()
        if name not in ("run", "checkpoint")
    ]
    told = {"status": "done", "fingerprint": "f", "attempts": 1}
    texts = [
        Manifest(
            bundle=bundle,
            version=1,
            token=1,
            attempts=1,
            finished=True,
            status={f"{bundle}-s{seed}": "done" for seed in range(SEEDS)},
        ).model_dump_json()
        for bundle in sorted(store.bundles)
    ]
    bundles = pl.DataFrame({"bundle": sorted(store.bundles)})
    tables = {
        "bundles": bundles.with_columns(
            version=pl.lit(1, pl.Int64), doubtful=False, dropped=True
        ),
        "manifests": bundles.with_columns(manifest=pl.Series(texts)),
        "runs": runs.with_columns(
            **{name: pl.lit(value) for name, value in told.items()},
            **{name: pl.lit(1.0) for name in SECONDS},
        ),
        "curves": rows.with_columns(numbers),
    }
    folder = store.path / "compacted"
    folder.mkdir()
    files = {}
    for table, frame in tables.items():
        exact = frame.cast(compacted.SCHEMAS[table]).select(*compacted.SCHEMAS[table])
        parts = enumerate(compact.parts(exact))
        name = f"{table}-00000001-00000000"
        files[table] = tuple(
            segment.write(folder, f"{name}-{number:04d}.parquet", part)
            for number, part in parts
        )
    record = compacted.Compaction(number=1, settled=True, **files)
    compacted.path_of(folder, 1).write_bytes(sealed.seal(record))


def compacted_store(folder: Path, runs: int, checkpoints: int) -> None:
    store = create(folder / "compacted", {}, plan(runs // SEEDS))
    simulate_compacted(store, checkpoints)
    size = sum(path.stat().st_size for path in store.path.glob("compacted/*"))
    print(
        f"{runs} runs of {checkpoints} checkpoints, compacted: {size / 2**20:.0f} MiB"
    )
    print(f"  open_store   {seconds(lambda: open_store(store.path)):.1f} s")
    for what in ("runs", "finished", "curves", "table"):
        taken = seconds(getattr(open_store(store.path), what))
        print(f"  {what + '()':12} {taken:.1f} s")


def compaction(store: Store) -> None:
    before = store.curves()
    print(f"{len(store.bundles)} finished bundles of {COMMITS} segments")
    print(f"  curves()     {seconds(store.curves):.3f} s")
    print(f"  compact      {seconds(lambda: compact.compact(store)):.3f} s")
    print(f"  curves()     {seconds(store.curves):.3f} s")
    assert store.curves().equals(before)


@contextlib.contextmanager
def emulated() -> Iterator[str]:
    """Start moto's server of S3 with a bucket; give a URL in it."""
    code = (
        "import logging, sys\n"
        "from moto.server import ThreadedMotoServer\n"
        "logging.getLogger('werkzeug').setLevel(logging.ERROR)\n"
        "server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)\n"
        "server.start()\n"
        "print(server.get_host_and_port()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.stdout.readline().strip()}",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        objects.filesystem("s3", os.getpid()).mkdir("benchmark")
        yield "s3://benchmark"
        server.terminate()


def commits_and_reads(where: Place) -> None:
    """Print rates of commits, and of reading their records, in a place."""
    store = create(where, {}, plan(8))
    times = sorted(commits(store))
    print(f"{len(times)} commits of {SEEDS} rows and 400 kB")
    print(f"  median       {1000 * statistics.median(times):.1f} ms")
    print(f"  per second   {len(times) / sum(times):.1f}, by one worker")
    print("  bundles read per second, status and all rows:")
    for what in ("runs", "curves"):
        taken = min(seconds(getattr(open_store(where), what)) for _ in range(3))
        print(f"  {what + '()':12} {len(store.bundles) / taken:.1f}")
    print(f"  compact      {seconds(lambda: compact.compact(store)):.2f} s")
    taken = min(seconds(open_store(where).curves) for _ in range(3))
    print(f"  curves()     {1000 * taken:.0f} ms, compacted")


def beside_a_disk(url: str, folder: Path) -> None:
    with emulated() if url == "moto" else contextlib.nullcontext(url) as bucket:
        for where in (folder / "store", place(bucket) / f"benchmark-{time.time_ns()}"):
            print("on the disk" if isinstance(where, Path) else f"in {bucket}")
            commits_and_reads(where)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--compacted", type=int, default=None, metavar="RUNS")
    parser.add_argument("--checkpoints", type=int, default=10)
    parser.add_argument("--url", default=None, metavar="URL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        if given.url is not None:
            beside_a_disk(given.url, Path(name))
            return
        if given.compacted is not None:
            compacted_store(Path(name), given.compacted, given.checkpoints)
            return
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
        compaction(few)


if __name__ == "__main__":
    main()
