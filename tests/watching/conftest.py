"""A study of two bundles whose commits are made by hand, without any training."""

import subprocess

import polars as pl
import pytest

from allometry.curves.owner import this_process
from allometry.curves.store import create
from allometry.curves.table import CURVES
from allometry.studies import history

OWNER = this_process() | {"time": 1000.0}
#: FLOPs of an interaction of one run.
FLOPS = {"small": 100.0, "large": 1000.0}


def plan(bundles=("small", "large"), seeds=2) -> pl.DataFrame:
    rows = [
        {
            "run": f"{bundle}-{seed}",
            "study": "by-hand",
            "bundle": bundle,
            "seed": seed,
            "parameters": int(FLOPS[bundle] / 10),
            "parameters_by_part": "{}",
        }
        for bundle in bundles
        for seed in range(seeds)
    ]
    return pl.DataFrame(rows)


class Hand:
    """Commits checkpoints of 100 interactions to a bundle, as a worker would."""

    def __init__(self, store, bundle, owner=OWNER):
        self.bundle = bundle
        self.claim = store.claim(bundle, owner)
        self.done = self.claim.manifest.metadata.get("checkpoint", 0)
        self.past = history.begun(self.claim.manifest)

    def commit(self, *, finished=False, lost=(), status=None, seconds=1.0, **more):
        """Record one more checkpoint; `lost` are the runs that are non-finite."""
        index, self.done = self.done, self.done + 1
        counts = {"checkpoint": self.done, "interactions": 100 * self.done}
        past = history.committed(self.past, self.claim.manifest, counts)
        compute = FLOPS[self.bundle] * counts["interactions"]
        spent = {
            "interactions": counts["interactions"],
            "compute": compute,
            "compute_environment": compute / 10,
        }
        metadata = {
            "checkpoint": self.done,
            "iteration": self.done,
            "seconds": 5.0 + seconds * self.done,
            "chunks": [[1, seconds]] * index,
            "nonfinite": list(lost),
            "metrics": {"entropy": [0.5, 0.25]},
            "planned": 1000,
            "spent": spent,
            "history": past,
        }
        runs = tuple(self.claim.manifest.status)
        ended = "done" if finished else "running"
        said = {run: "nonfinite" if run in lost else ended for run in runs}
        self.claim.commit(
            curves=self._rows(index, runs, lost, spent),
            scores=None,
            checkpoint={},
            metadata=metadata | more,
            status=said | (status or {}),
            fingerprint="f00d",
            finished=finished,
        )
        self.past = past

    def _rows(self, index, runs, lost, spent) -> pl.DataFrame:
        rows = {name: 0.0 if c.dtype.is_float() else 0 for name, c in CURVES.items()}
        rows |= spent | {"checkpoint": index, "seconds": 5.0 + index}
        each = [
            rows | {"run": run, "performance": None if run in lost else index / 10}
            for run in runs
        ]
        schema = {name: column.dtype for name, column in CURVES.items()}
        return pl.DataFrame(each, schema=schema)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Skip the waiting for the disk: no test here cuts its power."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def store(tmp_path):
    study = {"name": "by-hand", "title": "", "training": {"interactions": 990}}
    return create(tmp_path / "study", study, plan())


@pytest.fixture
def hand():
    """Who commits; shared so that no test file imports another."""
    return Hand


@pytest.fixture
def gone():
    """The owner that a process which has ended leaves behind."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return this_process() | {"pid": ended.pid}
