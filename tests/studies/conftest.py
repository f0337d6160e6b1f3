"""Tiny studies of real digits. Programs are compiled once per session and kept."""

import threading

import jax
import polars as pl
import pytest
from jax.experimental.compilation_cache import compilation_cache

from allometry.curves.table import NONDETERMINISTIC
from allometry.studies import executor
from allometry.studies.study import from_mapping
from allometry.studies.survey import Survey

CONTENT = {
    "name": "tiny",
    "environment": {"name": "digits"},
    "agent": {"name": "ppo", "horizon": 4},
    "training": {"interactions": 1024, "copies": 4, "length": 16, "checkpoints": 6},
    "grid": {"seeds": 2, "agent": {"width": [4]}},
}


@pytest.fixture(autouse=True, scope="package")
def compiled_once(tmp_path_factory):
    """Keep compiled programs on disk: the same one takes seconds again and again."""
    names = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in names}
    _configure(names)
    yield
    _configure(before)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Skip the waiting for the disk: no test here cuts its power."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def _configure(values):
    for name, value in values.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def survey_of(**changes) -> Survey:
    """Give the tiny study with other keys, as `training={"length": 8}`."""
    content = changes | {
        key: value | changes.get(key, {}) if isinstance(value, dict) else value
        for key, value in CONTENT.items()
    }
    agent = {key: value for key, value in content["agent"].items() if value is not None}
    return Survey(from_mapping(content | {"agent": agent}, "the test"))


class Watcher:
    """Writes down what it is told; calls `on_advance` with the number of chunks."""

    def __init__(self, on_advance=lambda chunks: None):
        self.on_advance = on_advance
        self.begun, self.advances, self.ended, self.warnings = [], [], [], []
        self.diverged, self.lost, self.others, self.waits = [], [], [], []

    def started(self, bundle, interactions):
        self.begun.append((bundle.name, interactions))

    def advanced(self, bundle, interactions):
        self.advances.append((bundle.name, interactions))
        self.on_advance(len(self.advances))

    def finished(self, bundle, nonfinite):
        self.ended.append(bundle.name)
        self.diverged += nonfinite

    def left(self, bundle, sentence):
        self.lost.append(sentence)

    def elsewhere(self, bundle):
        self.others.append(bundle.name)

    def waiting(self, bundles):
        self.waits.append(bundles)

    def warned(self, sentence):
        self.warnings.append(sentence)


def train(survey, path, *, watcher=None, stop=None, **options):
    """Train a study at `path`; return its store, and whether it is complete."""
    store = executor.prepare(survey, path, "test")
    outcome = executor.run(
        survey,
        store,
        watcher or Watcher(),
        stop=stop or threading.Event(),
        **{"commit_every": 0.0, "workers": 1} | options,
    )
    return store, outcome.complete


def deterministic(store) -> dict[str, pl.DataFrame]:
    """Give the three tables without what depends on the machine and the hour."""
    tables = {
        "runs": store.runs(),
        "curves": store.curves(),
        "scores": store.scores(),
    }
    return {
        name: table.drop(NONDETERMINISTIC, strict=False)
        for name, table in tables.items()
    }


def same_bits(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Compare tables bit for bit: −0 is not 0 here, and a NaN equals itself."""
    return one.schema == other.schema and _bits(one) == _bits(other)


def _bits(table):
    return [
        column.to_numpy().tobytes() + column.is_null().to_numpy().tobytes()
        if column.dtype.is_numeric()
        else column.to_list()
        for column in table
    ]


@pytest.fixture(scope="session")
def studies():
    """Functions that tests share, so that no test file imports another."""
    return Functions


class Functions:
    survey_of = staticmethod(survey_of)
    train = staticmethod(train)
    deterministic = staticmethod(deterministic)
    same_bits = staticmethod(same_bits)
    Watcher = Watcher


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The tiny study, trained without interruption."""
    return train(survey_of(), tmp_path_factory.mktemp("trained") / "store")[0]
