"""Each rule refuses what it is for, in a sentence that says what would mend it."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.estimate import search
from allometry.laws.intrinsic.identify import judge
from allometry.laws.intrinsic.leave_one_out import leave_one_size_out, objective_of
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.intrinsic.simulate import SCENARIOS, TRUTH, Scenario, simulate
from allometry.laws.intrinsic.solve import solve


def solution(scenario, seed=0, settings=None):
    return solve(points(simulate(scenario, np.random.default_rng(seed)), settings))


def said(solved):
    return " ".join(solved.reasons)


def test_base_study_is_identified():
    solved = solution(SCENARIOS["base"])
    assert solved.identified
    exponent = solved.derived["size_exponent"]
    assert exponent.low < TRUTH.size_exponent < exponent.high


@pytest.mark.parametrize("seed", range(3))
def test_models_all_too_large_are_refused_and_smaller_ones_asked_for(seed):
    solved = solution(Scenario(smallest=50_000.0, largest=5_000_000.0), seed)
    assert not solved.identified
    assert "add smaller sizes, or train the small ones for longer" in said(solved)


@pytest.mark.parametrize("seed", range(3))
def test_models_all_too_small_are_refused_and_larger_ones_asked_for(seed):
    # Trained for long, and seen by a band as low as their performance.
    scenario = Scenario(smallest=30.0, largest=900.0, interactions=4e6)
    solved = solution(scenario, seed, IntrinsicSettings(band=(0.12, 0.95)))
    assert not solved.identified
    assert "add larger sizes" in said(solved)


@pytest.mark.parametrize("seed", range(4))
def test_collapsing_curves_are_refused_unless_cleaned(seed):
    scenario = Scenario(collapse=1.0, collapse_depth=(0.2, 0.4))
    raw = solution(scenario, seed, IntrinsicSettings(monotone=False))
    assert not raw.identified
    assert "Fit with monotone = true" in said(raw)
    assert "monotone = true" not in said(solution(scenario, seed))


def test_too_few_sizes_in_the_band_are_a_value_that_says_so():
    table = simulate(SCENARIOS["base"], np.random.default_rng(0))
    low = pl.when(pl.col("parameters") < 10_000).then(0.1)
    table = table.with_columns(performance=low.otherwise("performance"))
    solved = solve(points(table))
    assert not solved.identified
    assert "of 2 sizes" in said(solved)
    assert np.isnan(solved.derived["size_exponent"].value)
    assert solved.replicates == ()


def parts(scenario=SCENARIOS["base"]):
    cleaned = points(simulate(scenario, np.random.default_rng(0)))
    objective = objective_of(cleaned)
    found = search(objective)
    return cleaned, objective, found, leave_one_size_out(cleaned, objective, found.best)


def test_profile_is_the_least_objective_at_the_shifted_exponent():
    cleaned, objective, found, replicates = parts()
    verdict = judge(cleaned, objective, found, replicates)
    for step, ratio in zip((-0.1, 0.1), verdict.profile, strict=True):
        exponent = found.best.size_exponent + step
        logit = np.log(exponent / (1 - exponent))

        def at(rest, logit=logit):
            return objective(np.array([logit, *rest]))[0] / found.best.value

        least = minimize(at, found.best.theta[1:], method="Nelder-Mead").fun
        assert ratio == pytest.approx(least, rel=1e-3)


def test_flat_objective_disagreement_and_bounds_are_each_a_reason():
    cleaned, objective, found, replicates = parts()
    assert judge(cleaned, objective, found, replicates).reasons == ()

    disagreeing = dataclasses.replace(found, agreement=5 / 9)
    (reason,) = judge(cleaned, objective, disagreeing, replicates).reasons
    assert "Only 5 of 9 starts" in reason

    apart = [
        dataclasses.replace(
            replicate, parameters={**replicate.parameters, "alpha_N": 0.3 * (1 + i)}
        )
        for i, replicate in enumerate(replicates)
    ]
    (reason,) = judge(cleaned, objective, found, tuple(apart)).reasons
    assert "standard error" in reason

    # Shifted against its minimum, the objective is lower beside it than at it.
    off = dataclasses.replace(
        found.best, theta=found.best.theta + np.array([0.5, 0, 0])
    )
    off = dataclasses.replace(off, value=objective(off.theta)[0])
    judged = judge(cleaned, objective, dataclasses.replace(found, best=off), replicates)
    assert any("hardly prefer" in reason for reason in judged.reasons)

    ended = dataclasses.replace(found.best, theta=np.array([-0.3, 3.0, 0.0]))
    judged = judge(
        cleaned, objective, dataclasses.replace(found, best=ended), replicates
    )
    assert any("bound of the sharpness" in reason for reason in judged.reasons)
