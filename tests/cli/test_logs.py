"""Tests of `allometry logs`; what it knows is tested in `tests/watching`."""

import json

import pytest

from allometry.curves.store import create


@pytest.fixture
def store(stores, tmp_path):
    return stores.simulated(tmp_path / "store", sizes=4, diverged=1)


def test_all_bundles_are_told_of_where_no_run_is_named(allometry, store):
    outcome = allometry("logs", store.path)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert len(lines) == 4 * 2 + 1
    assert sum("; finished" in line for line in lines) == 4
    assert sum("was non-finite at checkpoint 20" in line for line in lines) == 1


def test_a_bundle_stands_for_its_runs_and_a_run_for_itself(allometry, store):
    bundle = store.bundles[-1]
    runs = store.plan.filter(bundle=bundle)["run"].to_list()
    whole = allometry("logs", store.path, bundle)
    assert "(mean of 3 runs)" in whole.out
    one = allometry("logs", store.path, runs[0])
    last = store.curves().filter(run=runs[0])["performance"][-1]
    assert f"performance {last:.4g}; finished" in one.out
    assert bundle in one.out.splitlines()[0]


def test_json_is_an_object_per_line(allometry, store):
    run = store.plan["run"][-1]
    outcome = allometry("logs", store.path, run, "--json")
    claim, commit = [json.loads(line) for line in outcome.out.splitlines()]
    assert (claim["event"], claim["attempt"]) == ("claim", 1)
    assert commit["event"] == "commit"
    assert commit["performance"] == {
        run: store.curves().filter(run=run)["performance"][-1]
    }


def test_an_unknown_name_is_refused_with_the_nearest(allometry, store):
    run = store.plan["run"][-1]
    allometry("logs", store.path, run.replace("-", "_", 1)).refuses("no run", run)
    allometry("logs", store.path, "zzz").refuses(store.plan["run"][0])


def test_before_anything_has_happened_it_says_so(allometry, store, tmp_path):
    new = create(tmp_path / "new", store.study, store.plan)
    assert allometry("logs", new.path).out == "Nothing has happened yet.\n"
    assert allometry("logs", new.path, "--json").out == ""
