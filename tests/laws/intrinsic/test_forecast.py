"""Forecasts: closed-form answers, joint intervals, and what is refused or warned of."""

import dataclasses
import math

import numpy as np
import pytest

from allometry.laws import card
from allometry.laws.estimates import Estimate, Replicate
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.forecast import Forecast, forecast
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.natural import NaturalLaw, NaturalReplicate, attach
from allometry.refusal import Refusal

TRUTH = Intrinsic(alpha_N=0.7, alpha_E=0.5, N_c=6e-2, kappa=50.0)
SIZES = (300.0, 1_000.0, 3_000.0, 10_000.0)


def some_fit(shake: float = 0.0, **changes: object) -> Fit:
    """Give a fit at the truth; its replicates differ in α_E by ± `shake`."""
    constants = dataclasses.asdict(TRUTH)
    replicates = tuple(
        Replicate(N, {**constants, "alpha_E": 0.5 + shake * (-1) ** i})
        for i, N in enumerate(SIZES)
    )
    fit = Fit(
        law="intrinsic",
        parameters={k: Estimate(v, v, v) for k, v in constants.items()},
        derived={},
        identified=True,
        warnings=(),
        replicates=replicates,
        residuals=(),
        card={"data": {"range": {"C": [1e8, 1e12]}}, "reasons": ["Too few sizes."]},
    )
    return dataclasses.replace(fit, **changes)


def some_natural(spread: float = 0.0, low: float = 0.4) -> NaturalLaw:
    """Give F = e¹⁰ I^−0.45 without jackknife error."""
    return NaturalLaw(
        gamma=Estimate(0.45, low, 0.5),
        log_F_c=Estimate(10.0, 9.0, 11.0),
        bend=Estimate(0.0, -0.1, 0.1),
        spread=spread,
        maximum=1.0,
        fitted=(0.2, 0.95),
        replicates=tuple(NaturalReplicate(N, 0.45, 10.0) for N in SIZES),
    )


def width(estimate: Estimate) -> float:
    return math.log(estimate.high / estimate.low)


def test_a_compute_gives_the_frontier_exactly() -> None:
    found = forecast(some_fit(), compute=1e11)
    assert found.optimal_size.value == pytest.approx(float(TRUTH.optimal_size(1e11)))
    assert found.optimal_interactions.value == pytest.approx(
        float(TRUTH.optimal_interactions(1e11))
    )
    assert found.compute == found.intrinsic == Estimate(1e11, 1e11, 1e11, "FLOPs")
    spent = 50.0 * found.optimal_size.value * found.optimal_interactions.value
    assert spent == pytest.approx(1e11)
    assert found.performance is None
    assert found.beyond == 1.0
    assert found.warnings == ()
    assert found.optimal_size.unit == "parameters"
    assert found.optimal_interactions.unit == "agent steps"


def test_intervals_are_the_jackknife_s_over_replicates() -> None:
    found = forecast(some_fit(shake=0.02), compute=1e11)
    sizes = [
        math.log(float(Intrinsic(**r.parameters).optimal_size(1e11)))
        for r in some_fit(shake=0.02).replicates
    ]
    error = math.sqrt(3 / 4 * float(np.sum((sizes - np.mean(sizes)) ** 2)))
    assert width(found.optimal_size) == pytest.approx(2 * 1.645 * error)


def test_performance_at_a_compute_and_back() -> None:
    there = forecast(some_fit(), some_natural(), compute=1e11)
    assert there.performance is not None
    log_F = 10.0 - 0.45 * math.log(1e11)
    assert there.performance.value == pytest.approx(1 / (1 + math.exp(log_F)))
    back = forecast(
        some_fit(), some_natural(), performance=float(there.performance.value)
    )
    assert back.compute.value == pytest.approx(1e11)
    assert back.optimal_size.value == pytest.approx(there.optimal_size.value)
    assert width(back.compute) == pytest.approx(0.0, abs=1e-9)


def test_residual_noise_widens_what_passes_through_the_natural_metric() -> None:
    """Student's t at 3 degrees of freedom is 2.3534; noise in ln I is spread/γ."""
    found = forecast(some_fit(), some_natural(spread=0.2), performance=0.9)
    noise = 2.3534 * 0.2 / 0.45
    assert width(found.compute) == pytest.approx(2 * noise, rel=1e-4)
    assert width(found.optimal_size) == pytest.approx(
        2 * noise * TRUTH.size_exponent, rel=1e-4
    )
    seen = forecast(some_fit(), some_natural(spread=0.2), compute=1e11).performance
    assert seen is not None
    odds = [math.log(1 / R - 1) for R in (seen.low, seen.high)]
    assert odds[0] - odds[1] == pytest.approx(2 * 2.3534 * 0.2, rel=1e-4)
    assert seen.low < seen.value < seen.high < 1


def test_the_attached_natural_metric_is_used_from_the_file() -> None:
    stored = card.to_json(attach(some_fit(), some_natural()))
    found = forecast(card.from_json(stored, "memory"), performance=0.9)
    assert found == forecast(some_fit(), some_natural(), performance=0.9)


@pytest.mark.parametrize(
    ("compute", "beyond", "warned"),
    [(2e13, 20.0, False), (5e13, 50.0, True), (1e6, 100.0, True), (5e9, 1.0, False)],
)
def test_warns_beyond_thirty_times_the_data(
    compute: float, beyond: float, warned: bool
) -> None:
    found = forecast(some_fit(), compute=compute)
    assert found.beyond == pytest.approx(beyond)
    assert any("Beyond 30 times" in warning for warning in found.warnings) == warned


def test_warns_outside_the_performance_that_was_fitted() -> None:
    def doubts(performance: float) -> str:
        found = forecast(some_fit(), some_natural(), performance=performance)
        return " ".join(found.warnings)

    assert "0.97 lies above" in doubts(0.97)
    assert "0.1 lies below" in doubts(0.1)
    assert "lies" not in doubts(0.9)


def unidentified(**query: float) -> Forecast:
    return forecast(some_fit(identified=False), some_natural(), **query)


def test_a_law_not_identified_interpolates_with_an_emphatic_warning() -> None:
    found = unidentified(compute=1e10)
    assert found.warnings[0].startswith("NOT IDENTIFIED")
    assert found.warnings[1] == "Too few sizes."


def test_a_law_not_identified_refuses_to_extrapolate() -> None:
    for query in ({"compute": 2e12}, {"compute": 1e7}, {"performance": 0.999}):
        with pytest.raises(Refusal, match=r"not identified.*Too few sizes"):
            unidentified(**query)


@pytest.mark.parametrize("compute", [0.0, -1.0, math.nan, math.inf])
def test_impossible_compute(compute: float) -> None:
    with pytest.raises(Refusal, match="finite number above 0"):
        forecast(some_fit(), compute=compute)


@pytest.mark.parametrize("performance", [0.0, 1.0, -0.5, 2.0, math.nan])
def test_impossible_performance(performance: float) -> None:
    with pytest.raises(Refusal, match="above 0 and below the maximum, 1"):
        forecast(some_fit(), some_natural(), performance=performance)


def test_a_performance_beyond_all_numbers_is_refused() -> None:
    flat = dataclasses.replace(
        some_natural(),
        gamma=Estimate(1e-3, 5e-4, 2e-3),
        replicates=tuple(NaturalReplicate(N, 1e-3, 10.0) for N in SIZES),
    )
    with pytest.raises(Refusal, match="ask for less"):
        forecast(some_fit(), flat, performance=0.99)


def test_no_natural_metric_refuses_a_performance() -> None:
    with pytest.raises(Refusal, match=r"no natural metric.*fail-to-success"):
        forecast(some_fit(), performance=0.99)


def test_a_ratio_that_does_not_fall_refuses_a_performance() -> None:
    with pytest.raises(Refusal, match="does not fall"):
        forecast(some_fit(), some_natural(low=-0.1), performance=0.99)


def test_one_question_at_a_time() -> None:
    for query in ({}, {"compute": 1e9, "performance": 0.5}):
        with pytest.raises(Refusal, match="one of the two"):
            forecast(some_fit(), some_natural(), **query)


def test_a_natural_metric_of_another_fit_is_refused() -> None:
    other = dataclasses.replace(some_natural(), replicates=())
    with pytest.raises(Refusal, match="belongs to another fit"):
        forecast(some_fit(), other, compute=1e9)


def test_a_fit_without_parameters_or_range_is_refused() -> None:
    lost = {**some_fit().parameters, "N_c": Estimate(math.nan, 0.0, 0.0)}
    with pytest.raises(Refusal, match="parameters are missing"):
        forecast(some_fit(parameters=lost), compute=1e9)
    with pytest.raises(Refusal, match=r"'data\.range\.C'"):
        forecast(some_fit(card={}), compute=1e9)
