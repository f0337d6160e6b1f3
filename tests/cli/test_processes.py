"""`allometry run --processes`: workers on cores of their own."""

import os

from allometry.curves.store import open_store
from allometry.studies.layout import cores


def test_worker_processes_train_what_threads_do(
    allometry, stores, study, tmp_path, compiled_once, compiled_quickly, monkeypatch
):
    quickly = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    for name, value in (compiled_once | quickly).items():
        monkeypatch.setenv(name, value)
    apart = ("--set", "grid.runs_per_bundle=1")
    several = ("--processes", min(2, cores()))
    outcome = allometry("run", study, *apart, "--out", tmp_path / "two", *several)
    assert outcome.code == 0
    assert outcome.out.startswith("0/2 runs done, 0 %\n")
    assert "2/2 runs done, 100 %" in outcome.out
    assert outcome.out.count("No law was fitted: ") == 1
    assert allometry("run", study, *apart, "--out", tmp_path / "one").code == 0
    two, one = open_store(tmp_path / "two"), open_store(tmp_path / "one")
    assert stores.deterministic(two) == stores.deterministic(one)
    owners = {two.manifest(name).owner["pid"] for name in two.bundles}
    assert os.getpid() not in owners


def test_processes_that_cannot_be_are_refused(allometry, study, tmp_path):
    options = ("run", study, "--out", tmp_path / "out", "--processes")
    outcome = allometry(*options, 9999)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "--processes 9999 need a core each" in outcome.said
    outcome = allometry(*options, 1, "--workers", 2)
    outcome.refuses("--processes and --workers exclude each other")
