"""Profile intervals of a straight line are Student's, exactly."""

import numpy as np
import pytest
from scipy.stats import t as student

from allometry.laws import profile


def test_least_finds_a_minimum_inside_and_at_a_bound() -> None:
    place, value = profile.least(lambda x: (x - 0.3) ** 2 + 2, -5.0, 9.0)
    assert place == pytest.approx(0.3, abs=1e-6)
    assert value == pytest.approx(2.0)
    assert profile.least(lambda x: x, -5.0, 9.0)[0] == -5.0


def test_interval_of_a_mean_is_student_s() -> None:
    y = np.random.default_rng(0).normal(3.0, 2.0, 9)

    def squares(mean: float) -> float:
        return float(((y - mean) ** 2).sum())

    allowed = profile.threshold(squares(y.mean()), len(y), 1)
    low, high = profile.interval(squares, float(y.mean()), (-50.0, 50.0), allowed)
    half = student.ppf(0.95, 8) * y.std(ddof=1) / 3
    assert low == pytest.approx(y.mean() - half, abs=1e-5)
    assert high == pytest.approx(y.mean() + half, abs=1e-5)


def test_an_open_side_gives_the_bound() -> None:
    edges = profile.interval(lambda x: max(0.0, x), 0.0, (-4.0, 7.0), 2.0)
    assert edges == (-4.0, pytest.approx(2.0, abs=1e-5))
