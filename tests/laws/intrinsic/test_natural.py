"""The natural metric: recovery of a known power law, its interval, its storage."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from allometry.laws import card
from allometry.laws.estimates import Estimate, Replicate
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.natural import attach, natural, natural_of
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.refusal import Refusal

TRUTH = Intrinsic(alpha_N=0.7, alpha_E=0.5, N_c=6e-2, kappa=50.0)
GAMMA, LOG_F_C = 0.45, 10.0
SETTINGS = IntrinsicSettings(natural_metric="fail-to-success")


def constants(law: Intrinsic) -> dict[str, float]:
    return dataclasses.asdict(law)


def some_fit(replicates: tuple[Replicate, ...]) -> Fit:
    exact = {k: Estimate(v, v, v) for k, v in constants(TRUTH).items()}
    return Fit("intrinsic", exact, {}, True, (), replicates, (), {})


def study(luck: float = 0.0, bend: float = 0.0, maximum: float = 1.0) -> Points:
    """Simulate points whose fail-to-success ratio is a power of I, up to luck."""
    generator = np.random.default_rng(0)
    frames = []
    for size in np.round(np.geomspace(300, 40_000, 8)):
        E = np.round(np.geomspace(1e3, 1e6, 40))
        log_I = TRUTH.log_intrinsic(size, E) + generator.normal(0, luck)
        log_F = LOG_F_C - GAMMA * log_I - bend * (log_I - 23) ** 2
        frame = {
            "run": f"{size:g}",
            "parameters": size,
            "seed": 0,
            "interactions": E,
            "compute": TRUTH.kappa * size * E,
            "performance": maximum / (1 + np.exp(log_F)),
            "status": "done",
        }
        frames.append(pl.DataFrame(frame))
    band = (0.2 * maximum, 0.95 * maximum)
    settings = IntrinsicSettings(
        band=band, other_bands=(), drift_bands=(), maximum=maximum, chance=0.0
    )
    return points(pl.concat(frames), settings)


def without_luck(data: Points) -> tuple[Replicate, ...]:
    return tuple(Replicate(float(N), constants(TRUTH)) for N in data.sizes)


def test_recovers_an_exact_power_law() -> None:
    data = study()
    law = natural(data, some_fit(without_luck(data)), SETTINGS)
    assert law.gamma.value == pytest.approx(GAMMA, abs=1e-9)
    assert law.log_F_c.value == pytest.approx(LOG_F_C, abs=1e-7)
    assert law.gamma.high - law.gamma.low < 1e-8
    assert law.spread < 1e-8
    assert law.bend.value == pytest.approx(0.0, abs=1e-8)
    assert law.warnings == ()
    assert law.fitted == (data.performance.min(), data.performance.max())


def test_performance_and_intrinsic_are_inverse() -> None:
    data = study(maximum=10.0)
    settings = dataclasses.replace(
        SETTINGS, maximum=10.0, band=(2.0, 9.5), other_bands=(), drift_bands=()
    )
    law = natural(data, some_fit(without_luck(data)), settings)
    R = np.array([0.5, 5.0, 9.99])
    I = law.intrinsic_for(R)  # noqa: E741
    np.testing.assert_allclose(law.performance_at(I), R, rtol=1e-12)
    half = np.exp(LOG_F_C / GAMMA)
    assert law.performance_at(half) == pytest.approx(5.0, rel=1e-6)


def test_the_interval_holds_the_truth_under_luck() -> None:
    data = study(luck=0.25)
    law = natural(data, some_fit(without_luck(data)), SETTINGS)
    assert law.gamma.low < GAMMA < law.gamma.high
    assert 0.005 < law.gamma.high - law.gamma.low < 0.2
    assert 0.25 * GAMMA / 2 < law.spread < 0.25 * GAMMA * 2


def test_intervals_cover_as_often_as_they_say() -> None:
    """Nominal 90 %, 200 studies with luck per size: 84–96 % is ± 2.8 errors."""
    generator = np.random.default_rng(3)
    data = study()
    fit = some_fit(without_luck(data))
    log_I = TRUTH.log_intrinsic(data.N, data.E)
    hits = 0
    for _ in range(200):
        luck = generator.normal(0, 0.25, len(data.sizes))[data.group]
        performance = 1 / (1 + np.exp(LOG_F_C - GAMMA * (log_I + luck)))
        law = natural(dataclasses.replace(data, performance=performance), fit, SETTINGS)
        hits += law.gamma.low < GAMMA < law.gamma.high
    assert 0.84 <= hits / 200 <= 0.96, hits / 200


def test_the_law_s_own_replicates_are_carried_through() -> None:
    """Replicates of the law that disagree widen γ, though the points are exact."""
    data = study()
    shaken = tuple(
        Replicate(float(N), {**constants(TRUTH), "alpha_E": 0.5 + 0.02 * (-1) ** i})
        for i, N in enumerate(data.sizes)
    )
    calm = natural(data, some_fit(without_luck(data)), SETTINGS)
    law = natural(data, some_fit(shaken), SETTINGS)
    assert law.gamma.value == calm.gamma.value
    assert law.gamma.high - law.gamma.low > 0.01
    assert {item.left_out for item in law.replicates} == set(data.sizes)


def test_a_bend_is_measured_and_said() -> None:
    data = study(luck=0.05, bend=0.03)
    law = natural(data, some_fit(without_luck(data)), SETTINGS)
    log_I = TRUTH.log_intrinsic(data.N, data.E)
    assert law.bend.value == pytest.approx(2 * 0.03 * np.ptp(log_I), rel=0.15)
    assert any("no pure power law" in warning for warning in law.warnings)


def test_no_metric_is_refused() -> None:
    data = study()
    with pytest.raises(Refusal, match="no natural metric"):
        natural(data, some_fit(without_luck(data)), IntrinsicSettings())


def test_performance_at_the_maximum_is_refused() -> None:
    data = study()
    perfect = dataclasses.replace(data, performance=np.ones_like(data.performance))
    with pytest.raises(Refusal, match="below the setting 'maximum'"):
        natural(perfect, some_fit(without_luck(data)), SETTINGS)


def test_a_fit_without_a_law_is_refused() -> None:
    data = study()
    fit = some_fit(without_luck(data))
    lost = {**fit.parameters, "N_c": Estimate(float("nan"), 0.0, 0.0)}
    with pytest.raises(Refusal, match="no law to hold"):
        natural(data, dataclasses.replace(fit, parameters=lost), SETTINGS)


def test_attached_it_comes_back_exactly_through_json() -> None:
    data = study(luck=0.25, bend=0.03)
    fit = some_fit(without_luck(data))
    law = natural(data, fit, SETTINGS)
    attached = attach(fit, law)
    assert attached.derived["natural_exponent"] == law.gamma
    assert attached.warnings == law.warnings
    assert natural_of(card.from_json(card.to_json(attached), "memory")) == law
    assert attach(attached, law) == attached
    assert natural_of(fit) is None


def test_a_damaged_natural_metric_is_refused_by_field() -> None:
    data = study()
    fit = attach(
        some_fit(without_luck(data)),
        natural(data, some_fit(without_luck(data)), SETTINGS),
    )
    stored = {**fit.card["natural"], "spread": "x"}
    with pytest.raises(Refusal, match=r"'card.natural.spread'.*allometry fit"):
        natural_of(dataclasses.replace(fit, card={"natural": stored}))


def test_a_score_that_may_be_negative_has_no_fail_to_success_ratio():
    data = study()
    settings = dataclasses.replace(SETTINGS, chance=-1.0)
    with pytest.raises(Refusal, match=r"chance is -1.*score successes"):
        natural(data, some_fit(without_luck(data)), settings)
