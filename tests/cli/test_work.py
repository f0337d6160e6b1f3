import polars as pl
import pytest

from allometry.curves import store as stores_of_curves
from allometry.curves.store import open_store
from allometry.studies import executor
from allometry.studies.study import load, shipped
from allometry.studies.survey import Survey, of_store


@pytest.fixture
def begun(study, tmp_path):
    """The store of the tiny study, nothing of it trained."""
    return executor.prepare(Survey(load(str(study))), tmp_path / "out", "test")


def test_a_worker_needs_the_folder_only_and_the_last_one_concludes(
    allometry, study, begun, compiled_quickly
):
    study.unlink()
    outcome = allometry("work", begun.path)
    assert outcome.code == 0
    assert outcome.out.startswith("0/2 runs done, compiling, 0 %\n")
    assert "2/2 runs done, 100 %" in outcome.out
    assert "No law was fitted: " in outcome.said
    assert begun.runs()["status"].to_list() == ["done"] * 2
    again = allometry("work", begun.path)
    assert (again.code, again.said.strip()) == (
        0,
        f"Nothing is left to train in {begun.path}.",
    )


def test_what_is_not_free_can_be_left_to_others(allometry, begun):
    begun.claim("width-4", {})
    outcome = allometry("work", begun.path, "--no-wait")
    assert outcome.code == 0
    assert "1 of its bundles are with other workers" in outcome.said
    assert begun.runs()["attempts"].to_list() == [1, 1]


def test_a_budget_that_is_used_up_ends_like_a_stop_and_later_goes_on(
    allometry, study, tmp_path, compiled_quickly
):
    out = tmp_path / "out"
    outcome = allometry("run", study, "--out", out, "--budget", "0.001s")
    assert outcome.code == 130
    assert f"Stopped: the budget of 0.001s is used up; {out} keeps" in outcome.said
    assert open_store(out).runs()["status"].to_list() == ["queued"] * 2
    outcome = allometry("work", out, "--budget", "1e6")
    assert outcome.code == 130
    assert "the budget of 1e6 FLOPs is used up" in outcome.said
    store = open_store(out)
    assert store.runs()["status"].to_list() == ["preempted"] * 2
    assert store.curves().height > 0
    assert allometry("work", out).code == 0
    assert store.runs()["status"].to_list() == ["done"] * 2


@pytest.mark.parametrize("verb", ["run", "work"])
def test_options_that_cannot_be_used_are_refused(allometry, study, begun, verb):
    path = begun.path if verb == "work" else study
    allometry(verb, path, "--budget", "soon").refuses("--budget 'soon'", "2h")
    allometry(verb, path, "--budget", "3600").refuses("3600s")
    allometry(verb, path, "--lease", "nan").is_usage_error("--lease")
    allometry(verb, path, "--lease", "1e9").is_usage_error("--lease", "86400")
    allometry(verb, path, "--commit-every", "-1").is_usage_error("--commit-every")
    assert begun.runs()["attempts"].to_list() == [0, 0]


def test_what_is_no_study_is_refused(allometry, begun, tmp_path):
    allometry("work", tmp_path / "missing").refuses("does not exist", "allometry run")
    plan = begun.plan
    other = stores_of_curves.create(tmp_path / "other", {"name": "other"}, plan)
    allometry("work", other.path).refuses("study.json", "environment")
    changed = begun.study | {"grid": begun.study["grid"] | {"runs_per_bundle": 1}}
    apart = stores_of_curves.create(tmp_path / "apart", changed, plan)
    allometry("work", apart.path).refuses("other bundles", "another version")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_study_comes_back_from_its_store(name, tmp_path, monkeypatch):
    study = load(name)
    resolved = study.resolved | {"command": f"allometry run {name}"}
    monkeypatch.setattr("allometry.studies.survey.bundles", lambda study: ())
    empty = stores_of_curves.Store(tmp_path, resolved, _no_runs())
    found = of_store(empty).study
    assert found == study
    assert found.resolved == study.resolved


def _no_runs():

    return pl.DataFrame(schema={"run": pl.String, "bundle": pl.String})
