"""The command line in this process, and simulated stores that no one had to train."""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
import zlib

import jax
import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
from jax.experimental.compilation_cache import compilation_cache

from allometry.cli.main import main
from allometry.curves.store import Store, create, open_store
from allometry.curves.table import CURVES, NONDETERMINISTIC, RUNS
from allometry.laws.intrinsic.simulate import Scenario, simulate
from allometry.studies import executor
from allometry.studies import study as studies
from allometry.studies.survey import Survey
from tests.cli import slurm

STUDY = """\
title = "Tiny"

[environment]
name = "digits"

[agent]
name = "ppo"
horizon = 4

[training]
interactions = 1024
copies = 4
length = 16
checkpoints = 6

[grid]
seeds = 2

[grid.agent]
width = [4]
"""

#: One program of one run in two bundles, and enough commits to be killed between.
OFTEN = [
    "--set=grid.runs_per_bundle=1",
    "--set=training.interactions=5120",
    "--set=training.checkpoints=80",
    "--set=training.first_checkpoint=64",
    "--commit-every=0",
]
#: The same for longer: what stops it has to come by a cluster first.
LONGER = [
    "--set=grid.runs_per_bundle=1",
    "--set=training.interactions=12800",
    "--set=training.checkpoints=160",
    "--set=training.first_checkpoint=64",
    "--commit-every=0",
]
#: Of kinds that environments hold, none of which may be in a record.
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted-aws-6Zk1v",
    "WANDB_API_KEY": "planted-wandb-77d2",
    "MLFLOW_TRACKING_PASSWORD": "planted-mlflow-1d9",
    "SOME_TOKEN": "hunter2-hunter2",
}

QUICKLY = "jax_disable_most_optimizations"
MAIN = "from allometry.cli.main import main; main()"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a command ended. `said` is all that it printed, without line breaks."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", self.out + self.err)

    @property
    def document(self):
        """Parse what was printed, which is to be strict JSON and nothing else."""
        assert self.code == 0, self
        return json.loads(self.out, parse_constant=_no_constant)

    def refuses(self, *words: str) -> None:
        """Check that it ended in one sentence that holds `words`, and in no more."""
        assert self.code == 2, self
        assert self.out == ""
        said = self.said.strip()
        assert said.startswith("allometry: ")
        assert said.endswith((".", "…"))
        for word in words:
            assert word in said, said

    def is_usage_error(self, *words: str) -> None:
        """Check that it was refused before it began, with `words` in a box."""
        assert self.code == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(autouse=True, scope="package")
def compiled_once(tmp_path_factory):
    """Keep compiled programs on disk for all processes; say how to find them.

    This process compiles as those do, so that their numbers can be compared.
    """
    folder = str(tmp_path_factory.mktemp("programs"))
    settings = {
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    _configure(settings | {QUICKLY: False})
    yield {name.upper(): str(value) for name, value in settings.items()}
    _configure(before | {QUICKLY: True})


@pytest.fixture
def compiled_quickly():
    """Compile fast rather than well: for programs that only this test needs."""
    jax.config.update(QUICKLY, True)
    yield
    jax.config.update(QUICKLY, False)


def _configure(values):
    for name, value in values.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture
def allometry(monkeypatch, capfd):
    """Run a command in this process."""

    def run(*words) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["allometry", *map(str, words)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def process(compiled_once, tmp_path):
    """Start a command in a process of its own, in `tmp_path`."""
    started = []

    def start(*words, code=MAIN, prefix=(), **environment) -> subprocess.Popen:
        started.append(
            subprocess.Popen(
                [*prefix, sys.executable, "-c", code, *map(str, words)],
                cwd=tmp_path,
                env={**os.environ, **compiled_once, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for running in started:
        running.kill()
        running.wait()
        running.stdout.close()


@pytest.fixture(scope="session")
def often(tmp_path_factory):
    """Give the columns of `OFTEN`, of a run that nobody interrupts."""
    return _uninterrupted(tmp_path_factory.mktemp("often"), OFTEN)


@pytest.fixture(scope="session")
def longer(tmp_path_factory):
    """Give the columns of `LONGER`, of a run that nobody interrupts."""
    return _uninterrupted(tmp_path_factory.mktemp("longer"), LONGER)


def _uninterrupted(folder, options):
    """Run it here when it is first asked for, once."""
    made = {}

    def make(allometry, study):
        if not made:
            path = folder / "store"
            assert allometry("run", study, "--out", path, *options).code == 0
            made["columns"] = deterministic(open_store(path))
        return made["columns"]

    return make


@pytest.fixture(scope="module")
def conf(tmp_path_factory):
    """Start a Slurm of one node; give its slurm.conf."""
    if lacking := slurm.missing():
        reason = f"{', '.join(lacking)}: not on this machine (Debian: slurm-wlm, munge)"
        if os.environ.get("REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as conf:
        yield conf


@pytest.fixture
def study(tmp_path):
    """The file of a tiny study of real digits: one program, two runs."""
    path = tmp_path / "tiny.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def deterministic(store: Store) -> dict[str, list]:
    """Give the three tables, bit for bit, without what depends on the hour."""
    tables = {"runs": store.runs(), "curves": store.curves(), "scores": store.scores()}
    return {
        f"{name}.{column.name}": _bits(column)
        for name, table in tables.items()
        for column in table.drop(NONDETERMINISTIC, strict=False)
    }


def _bits(column: pl.Series) -> list:
    if column.dtype.is_float():
        return [None if x is None else np.float64(x).tobytes() for x in column]
    return column.to_list()


def begun(study, path) -> Store:
    """Make the store of a study of which nothing is trained."""
    return executor.prepare(Survey(studies.load(str(study))), path, "test")


def versions(path) -> dict[str, int]:
    """Say how many commits there have been in each bundle."""
    found = sorted((path / "bundles").glob("*/manifest-*.json"))
    return {file.parent.name: int(file.stem.split("-")[1]) for file in found}


def wait_for_a_commit(running, path, before) -> None:
    """Wait until more is committed than `before`, or the process has ended."""
    deadline = time.monotonic() + 240
    while running.poll() is None and time.monotonic() < deadline:
        now = versions(path)
        # A claim is a commit too, without rows: wait for the one after.
        if any(now[name] > before.get(name, 0) + 1 for name in now):
            return
        time.sleep(0.01)


def wait_for_a_heartbeat(running, path) -> None:
    """Wait until a bundle's claim has been made and its owner gives signs of life."""
    deadline = time.monotonic() + 240
    while running.poll() is None and time.monotonic() < deadline:
        if any((path / "bundles").glob("*/heartbeat-*.json")):
            return
        time.sleep(0.01)


def leaks(folder, secrets=None) -> list[str]:
    """Name the files below `folder` that hold a secret, as they lie or unpacked."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    wanted = [secret.encode() for secret in secrets or SECRETS.values()]
    return [
        str(file)
        for file in files
        if any(secret in text for text in _readings(file) for secret in wanted)
    ]


def _readings(file) -> list[bytes]:
    """Give the bytes of a file, and what they say to whoever unpacks them."""
    data = file.read_bytes()
    read = [data, os.fsencode(file)]
    if file.suffix == ".parquet":
        rows = pl.read_parquet(file).rows(named=True)
        about = pyarrow.parquet.read_metadata(file).metadata
        read += [repr(rows).encode(), repr(about).encode()]
    if file.suffix == ".json":
        read.append(repr(json.loads(data)).encode())
    for begin in re.finditer(rb"\x78[\x01\x9c\xda]|\x1f\x8b", data):  # zlib, gzip
        with contextlib.suppress(zlib.error):
            read.append(zlib.decompressobj(47).decompress(data[begin.start() :]))
    return read


#: Which Allometry made the runs of a simulated study.
CODE = {"version": "0.0.9", "commit": "c0ffee1" + 33 * "0", "dirty": True}


def simulated(path, *, by_horizon=False, diverged=0, law=None, sizes=8) -> Store:
    """Make the store of a study whose curves are simulated; they hold a law.

    With `by_horizon` there is one at each of two horizons; `diverged` runs end
    half-way without a finite number.
    """
    horizons = (1.0, 4.0) if by_horizon else (4.0,)
    frame = pl.concat(_simulated(horizon, sizes) for horizon in horizons)
    lost = frame["run"].unique(maintain_order=True).head(diverged).to_list()
    half = frame["checkpoint"] >= 20
    frame = frame.with_columns(
        performance=pl.when(pl.col("run").is_in(lost) & half)
        .then(None)
        .otherwise("performance")
    )
    content = {
        "name": "simulated",
        "title": "Simulated",
        "command": "allometry run simulated",
        "law": (law or {"natural_metric": "fail-to-success"})
        | ({"by": "horizon"} if by_horizon else {}),
    }
    static = [name for name in RUNS if name in frame.columns]
    plan = frame.unique("run", maintain_order=True).select(*static, "horizon")
    store = create(path, content, plan)
    for (bundle,), rows in frame.partition_by("bundle", as_dict=True).items():
        runs = rows["run"].unique()
        store.claim(bundle, {}).commit(
            curves=rows.select(*CURVES),
            scores=None,
            checkpoint=None,
            metadata={"code_version": CODE},
            status={run: "nonfinite" if run in lost else "done" for run in runs},
            fingerprint="f00d",
            finished=True,
        )
    return store


def _simulated(horizon: float, sizes: int) -> pl.DataFrame:
    frame = simulate(Scenario(sizes=sizes), np.random.default_rng(int(horizon)))
    bundle = pl.format("h{}-n{}", pl.lit(int(horizon)), pl.col("parameters"))
    compute = pl.col("compute")
    return frame.drop("status").with_columns(
        run=pl.format("h{}-{}", pl.lit(int(horizon)), pl.col("run")),
        study=pl.lit("simulated"),
        bundle=bundle,
        seed=pl.col("seed").cast(pl.Int64),
        parameters=pl.col("parameters").cast(pl.Int64),
        parameters_by_part=pl.lit(json.dumps({"policy.torso": 1})),
        horizon=pl.lit(horizon),
        checkpoint=pl.int_range(pl.len()).over("run"),
        environment_frames=pl.col("interactions"),
        updates=pl.col("interactions") // 512,
        compute_environment=pl.lit(0.0),
        compute_act=compute * 0.1,
        compute_learn=compute * 0.9,
        seconds=pl.col("interactions") / 1e5,
    )


@pytest.fixture(scope="session")
def stores():
    """Functions that tests share, so that no test file imports another."""
    return Stores


class Stores:
    simulated = staticmethod(simulated)
    deterministic = staticmethod(deterministic)
    versions = staticmethod(versions)
    wait_for_a_commit = staticmethod(wait_for_a_commit)
    wait_for_a_heartbeat = staticmethod(wait_for_a_heartbeat)
    leaks = staticmethod(leaks)
    begun = staticmethod(begun)
    OFTEN = OFTEN
    LONGER = LONGER
    SECRETS = SECRETS


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Skip the waiting for the disk in this process: its power is not cut."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
