import math

import pytest

from allometry.laws.estimates import Estimate
from allometry.reports import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (350, "350"), (999.6, "1k"), (1234, "1.23k"), (4e4, "40k"),
     (1_048_576, "1.05M"), (2.5e9, "2.5B"), (0.05, "0.05"), (math.nan, "unknown")],
)  # fmt: skip
def test_counts(value, text):
    assert numbers.si(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e12, "10¹²"), (3.44e12, "3.4 × 10¹²"), (9.99e9, "10¹⁰"), (2.43e-7, "2.4 × 10⁻⁷"),
     (42, "42"), (-3e8, "−3 × 10⁸"), (0, "0"), (math.inf, "unknown")],
)  # fmt: skip
def test_powers(value, text):
    assert numbers.power(value) == text


def test_intervals():
    assert numbers.span(Estimate(0.51, 0.392, 0.63)) == "0.510 (0.392–0.630)"
    assert numbers.span(Estimate(0.1, -0.2, 0.4), numbers.exponent) == (
        "0.10 (−0.20 to 0.40)"
    )
    assert "no interval" in numbers.span(Estimate(1.0, math.nan, math.nan))


def test_an_interval_of_powers_has_one_power() -> None:
    assert numbers.power_span(Estimate(1.37e10, 8.8e9, 2.1e10)) == (
        "1.4 (0.88–2.1) × 10¹⁰"
    )
    assert numbers.power_span(Estimate(9.99e10, 8e10, 1.2e11)) == "1 (0.8–1.2) × 10¹¹"
    assert numbers.power_span(Estimate(120.0, 80.0, 150.0)) == "120 (80–150)"
    assert "no interval" in numbers.power_span(Estimate(1e9, math.nan, math.nan))
    nothing = Estimate(math.nan, math.nan, math.nan)
    assert "unknown" in numbers.power_span(nothing)


@pytest.mark.parametrize("decades", [0.3, 1.0, 2.0, 3.0, 8.0, 14.0])
def test_log_ticks_are_few_and_inside(decades):
    low, high = 2.3e3, 2.3e3 * 10**decades
    ticks, texts = numbers.log_ticks(low, high, numbers.power)
    assert 2 <= len(ticks) <= 9
    assert len(set(texts)) == len(texts)
    assert all(low * 0.99 <= tick <= high * 1.01 for tick in ticks)
