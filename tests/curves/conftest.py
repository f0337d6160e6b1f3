"""A small study of two bundles with two runs each, and what is committed to it."""

import contextlib
import resource
import secrets

import numpy as np
import polars as pl
import pytest

from allometry.curves.place import place
from allometry.curves.store import create
from allometry.curves.table import CURVES, SCORES


def plan() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "run": ["w8-s0", "w8-s1", "w4-s1", "w4-s0"],
            "study": "small",
            "bundle": ["w8", "w8", "w4", "w4"],
            "seed": [0, 1, 1, 0],
            "parameters": [99, 99, 42, 42],
            "parameters_by_part": '{"policy.torso": 42}',
            "width": [8, 8, 4, 4],
        }
    )


def rows_at(checkpoint: int, runs=("w4-s1", "w4-s0"), columns=CURVES) -> pl.DataFrame:
    """Rows whose every number is `checkpoint`."""
    values = {
        name: [checkpoint] * len(runs)
        if column.dtype.is_integer()
        else [float(checkpoint)] * len(runs)
        for name, column in columns.items()
    }
    texts = {"run": list(runs)}
    if columns is SCORES:
        texts |= {"split": ["held_out"] * len(runs), "task": ["digits"] * len(runs)}
    return pl.DataFrame(values | texts)


def commit(claim, index: int, *, finished: bool = False, **changes) -> None:
    """Record checkpoint `index` with one row per run in both tables."""
    given = {
        "curves": rows_at(index),
        "scores": rows_at(index, columns=SCORES),
        "checkpoint": {"index": np.array(index), "weights": np.arange(6.0)},
        "metadata": {"index": index},
        "status": dict.fromkeys(("w4-s0", "w4-s1"), "done") if finished else {},
        "fingerprint": f"f{index}",
        "finished": finished,
    }
    claim.commit(**given | changes)


def next_index(claim) -> int:
    """Where a process that has just claimed the bundle must go on."""
    arrays = claim.checkpoint()
    return 0 if arrays is None else int(arrays["index"]) + 1


def indices(store) -> list[int]:
    """Checkpoints on record, having checked that both tables hold whole commits."""
    curves, scores = store.curves(), store.scores()
    both = ("w4-s0", "w4-s1")
    per_run = [curves.filter(run=run)["checkpoint"].to_list() for run in both]
    per_run += [scores.filter(run=run)["checkpoint"].to_list() for run in both]
    assert all(found == per_run[0] for found in per_run)
    assert per_run[0] == list(range(len(per_run[0])))
    assert store.progress("w4").get("index", -1) == len(per_run[0]) - 1
    return per_run[0]


@pytest.fixture
def root(request, tmp_path):
    """A folder of this test's own: on the disk, or in the bucket that it asks for.

    `@pytest.mark.parametrize("root", ["disk", "memory", "s3"], indirect=True)` runs a
    test in all of them.
    """
    kind = getattr(request, "param", "disk")
    if kind == "disk":
        return tmp_path
    if kind == "memory":
        pytest.importorskip("fsspec")
    else:
        request.getfixturevalue("s3")
    return place(f"{kind}://studies/{secrets.token_hex(4)}")


@pytest.fixture
def store(root):
    return create(root / "study", {"name": "small", "sizes": [4, 8]}, plan())


@pytest.fixture
def study():
    """Functions that tests share, so that no test file imports another."""
    return StudyFunctions


class StudyFunctions:
    plan = staticmethod(plan)
    rows_at = staticmethod(rows_at)
    commit = staticmethod(commit)
    next_index = staticmethod(next_index)
    indices = staticmethod(indices)


@pytest.fixture
def no_sync(monkeypatch):
    """Skip the waiting for the disk where a test does not cut its power."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def file_limit():
    """Let the system refuse files of more than some bytes, as a full disk would."""

    @contextlib.contextmanager
    def limited(limit: int):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited
