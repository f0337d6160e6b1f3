import json

import pytest

from allometry.environments import registry
from allometry.refusal import Refusal
from allometry.studies.facts import facts
from allometry.studies.survey import run_rows, seconds


def test_facts_are_those_of_the_network_and_its_training(studies):
    survey = studies.survey_of(grid={"agent": {"width": [4, 8]}})
    for known, width in zip(survey.facts, (4, 8), strict=True):
        # 64 pixels in, one residual block, ten labels or one value out.
        shared = 64 * width + width + width * width + width
        policy, value = shared + 10 * width + 10, shared + width + 1
        assert known.parameters == policy
        assert sum(known.parameters_by_part.values()) == policy + value
        assert known.iteration_interactions == 64
        assert known.interactions == 1024
        # Acting multiplies and adds once per weight; learning does so for two
        # networks, forwards and backwards, and for the proximal policy.
        assert 2 * policy < known.costs.act < 4 * policy
        assert known.costs.learn > 6 * (policy + value)
        each = known.costs.act + known.costs.learn
        assert known.flops == each * 1024 * len(known.bundle.runs)


def test_the_environment_is_loaded_once_whatever_is_asked(studies, monkeypatch):
    calls = []
    make = registry.make
    monkeypatch.setattr(
        registry, "make", lambda **options: calls.append(1) or make(**options)
    )
    survey = studies.survey_of(grid={"agent": {"width": [4, 8]}})
    assert not calls
    run_rows(survey)
    survey.program(survey.facts[0])
    bundle = survey.facts[0].bundle
    assert facts(survey.study, survey.environment(bundle), bundle)
    assert len(calls) == 1


def test_rows_tell_what_is_known_of_the_runs(studies):
    survey = studies.survey_of()
    rows = run_rows(survey).to_dicts()
    assert [row["run"] for row in rows] == ["width-4-seed-0", "width-4-seed-1"]
    for row in rows:
        parts = json.loads(row["parameters_by_part"])
        assert row["parameters"] == survey.facts[0].parameters
        assert parts == survey.facts[0].parameters_by_part
        assert (row["width"], row["horizon"], row["bundle"]) == (4, 4.0, "width-4")


def test_what_cannot_be_measured_cannot_be_studied(studies):
    survey = studies.survey_of(environment={"name": "one_value"})
    with pytest.raises(Refusal, match=r'"one_value", which cannot be studied.*digits'):
        survey.program(survey.facts[0])


def test_the_time_that_a_study_takes_is_measured(studies, monkeypatch):
    monkeypatch.setattr("allometry.studies.survey.SAMPLE", 0.05)
    survey = studies.survey_of()
    assert 0 < seconds(survey, workers=2) < 600
