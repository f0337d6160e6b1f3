"""Exponents by horizon: agreement by Cochran's test, and horizons without a law."""

import math

import numpy as np
import polars as pl
import pytest

from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.exponents import agreement, exponents
from allometry.laws.intrinsic.forecast import forecast
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.intrinsic.simulate import TRUTH, Scenario, simulate
from allometry.refusal import Refusal

QUICK = IntrinsicSettings(other_bands=(), drift_bands=())


def with_exponent(value: float, error: float, identified: bool = True) -> Fit:
    half = 1.645 * error
    derived = {"size_exponent": Estimate(value, value - half, value + half)}
    return Fit("intrinsic", {}, derived, identified, (), (), (), {})


def test_cochran_s_statistic_by_hand() -> None:
    """.4 ± .1 and .6 ± .1: mean .5, Q = 2, p = .157; pooled error .1/√2."""
    found = agreement({1.0: with_exponent(0.4, 0.1), 4.0: with_exponent(0.6, 0.1)})
    assert found.statistic == pytest.approx(2.0)
    assert found.freedom == 1
    assert found.p == pytest.approx(0.1573, abs=1e-4)
    assert found.agree is True
    assert found.pooled.value == pytest.approx(0.5)
    assert found.pooled.high == pytest.approx(0.5 + 1.645 * 0.1 / math.sqrt(2))
    assert "h = 1, 4 show no difference" in found.sentence


def test_exponents_that_differ() -> None:
    found = agreement({1.0: with_exponent(0.3, 0.05), 4.0: with_exponent(0.6, 0.05)})
    assert found.agree is False
    assert "differ (Cochran" in found.sentence


def test_fits_that_are_not_identified_have_no_say() -> None:
    fits = {
        1.0: with_exponent(0.4, 0.1),
        4.0: with_exponent(0.6, 0.1),
        64.0: with_exponent(5.0, 0.01, identified=False),
    }
    found = agreement(fits)
    assert found.statistic == pytest.approx(2.0)
    assert found.sentence.endswith("Not identified at h = 64.")
    alone = agreement({4.0: fits[4.0], 64.0: fits[64.0]})
    assert alone.agree is None
    assert "cannot be told: 1 of 2" in alone.sentence


def test_false_alarms_are_as_rare_as_they_say() -> None:
    """Four equal exponents are said to differ in 10 % of 1,000 draws, ± 2.8 errors."""
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(1_000):
        drawn = generator.normal(0.5, 0.07, 4)
        fits = {float(i): with_exponent(a, 0.07) for i, a in enumerate(drawn)}
        alarms += agreement(fits).agree is False
    assert 0.073 <= alarms / 1_000 <= 0.127, alarms


def test_each_horizon_has_its_fit_and_an_empty_one_its_reason() -> None:
    generator = np.random.default_rng(1)
    scenario = Scenario(luck=0.05, noise=0.005)
    study = pl.concat(
        [
            simulate(scenario, generator).with_columns(horizon=1),
            simulate(scenario, generator)
            .filter(pl.col("parameters") < 700)
            .with_columns(pl.format("{} at 64", "run").alias("run"), horizon=64),
        ]
    )
    fits = exponents(study, QUICK)
    assert list(fits) == [1.0, 64.0]
    assert fits[1.0].identified
    estimate = fits[1.0].derived["size_exponent"]
    assert estimate.value == pytest.approx(TRUTH.size_exponent, abs=0.05)
    assert not fits[64.0].identified
    assert "sizes" in fits[64.0].warnings[0]
    assert math.isnan(fits[64.0].derived["size_exponent"].value)
    with pytest.raises(Refusal, match="parameters are missing"):
        forecast(fits[64.0], compute=1e9)
    assert agreement(fits).agree is None


def test_bad_tables_are_refused() -> None:
    study = simulate(Scenario(), np.random.default_rng(0))
    with pytest.raises(Refusal, match="'horizon'"):
        exponents(study, QUICK)
    with pytest.raises(Refusal, match="'compute'"):
        exponents(study.with_columns(horizon=1).drop("compute"), QUICK)
