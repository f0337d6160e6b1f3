"""The batched descent against SciPy, at bounds, and where nothing is defined."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from allometry.laws.parametric.descend import descend, loss

X = np.linspace(0.1, 4.0, 25)
WIDE = (np.array([-5.0, -3.0, -5.0]), np.array([5.0, 3.0, 5.0]))


def decay(y: np.ndarray):
    """Give residuals of t₀ exp(−t₁ x) + t₂ − y, batched, with their derivatives."""

    def residuals(theta):
        t_0, t_1, t_2 = (theta[:, i, None] for i in range(3))
        fall = np.exp(-t_1 * X)
        residual = t_0 * fall + t_2 - y
        return residual, [fall, -t_0 * X * fall, np.ones_like(fall)]

    return residuals


def data(seed: int) -> np.ndarray:
    """Draw y of one decay with normal luck and three outliers."""
    generator = np.random.default_rng(seed)
    y = 2 * np.exp(-0.7 * X) + 0.5 + generator.normal(0, 0.1, len(X))
    y[generator.choice(len(X), 3, replace=False)] += 2.0
    return y


def by_scipy(y, start, bounds, delta, weight=1.0):
    """Minimise the same loss with SciPy's trust region."""
    root = np.sqrt(weight)
    assert delta is None or np.all(weight == 1.0)
    found = least_squares(
        lambda theta: root * decay(y)(theta[None])[0][0],
        start,
        bounds=bounds,
        loss="linear" if delta is None else "huber",
        f_scale=1.0 if delta is None else delta,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    return found.x, found.cost


@pytest.mark.parametrize("delta", [None, 0.2, 0.05])
@pytest.mark.parametrize("seed", range(5))
def test_minimum_is_scipys(seed, delta):
    y, start = data(seed), np.array([1.0, 1.0, 0.0])
    found = descend(decay(y), start[None], np.ones(25), WIDE, delta)
    theta, cost = by_scipy(y, start, WIDE, delta)
    assert found.loss[0] <= cost * (1 + 1e-9)
    assert found.theta[0] == pytest.approx(theta, abs=1e-4)


@pytest.mark.parametrize("delta", [None, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_minimum_at_a_bound_is_scipys(seed, delta):
    bounds = (np.array([-5.0, 1.0, 0.7]), np.array([1.5, 3.0, 5.0]))
    y, start = data(seed), np.array([1.0, 1.5, 1.0])
    found = descend(decay(y), start[None], np.ones(25), bounds, delta)
    theta, cost = by_scipy(y, start, bounds, delta)
    at_bound = np.isclose(theta, bounds[0], atol=1e-6) | np.isclose(
        theta, bounds[1], atol=1e-6
    )
    assert at_bound.any()
    assert found.loss[0] <= cost * (1 + 1e-9)
    assert found.theta[0] == pytest.approx(theta, abs=1e-4)
    assert (found.theta >= bounds[0]).all()
    assert (found.theta <= bounds[1]).all()


def test_weights_count_observations():
    y, start = data(7), np.array([[1.0, 1.0, 0.0]])
    weight = np.random.default_rng(0).integers(0, 3, 25).astype(float)
    found = descend(decay(y), start, weight, WIDE)
    theta, cost = by_scipy(y, start[0], WIDE, None, weight)
    assert found.theta[0] == pytest.approx(theta, abs=1e-5)
    assert found.loss[0] == pytest.approx(cost)


def test_rows_of_a_batch_do_not_know_each_other():
    y, generator = data(3), np.random.default_rng(0)
    start = generator.uniform(0.2, 2.0, (7, 3))
    weight = generator.integers(0, 3, (7, 25)).astype(float)
    together = descend(decay(y), start, weight, WIDE, 0.2)
    for row in range(7):
        alone = descend(decay(y), start[row : row + 1], weight[row], WIDE, 0.2)
        assert alone.theta[0] == pytest.approx(together.theta[row], rel=1e-12)
        assert alone.loss[0] == pytest.approx(together.loss[row], rel=1e-12)


def test_large_batches_are_cut_into_parts(monkeypatch):
    y, start = data(3), np.random.default_rng(0).uniform(0.2, 2.0, (9, 3))
    whole = descend(decay(y), start, np.ones((9, 25)), WIDE)
    monkeypatch.setattr("allometry.laws.parametric.descend._ROOM", 2 * 25 * 9)
    parts = descend(decay(y), start, np.ones((9, 25)), WIDE)
    assert np.array_equal(parts.theta, whole.theta)
    assert np.array_equal(parts.loss, whole.loss)


def logarithm(theta):
    """Give residuals of ln(t₀ + x) about ln(.05 + x): undefined below t₀ = −.1."""
    inside = theta[:, :1] + X
    return np.log(inside) - np.log(0.05 + X), [1 / inside]


def test_descent_steps_back_from_where_nothing_is_defined():
    bounds = (np.array([-5.0]), np.array([100.0]))
    # A full step from 50 leads far below −.1, where the logarithm is not a number.
    start = np.array([[50.0], [-3.0], [0.0]])
    found = descend(logarithm, start, np.ones(25), bounds)
    assert found.theta[[0, 2], 0] == pytest.approx(np.array([0.05, 0.05]), abs=1e-6)
    assert found.loss[[0, 2]] == pytest.approx(np.zeros(2), abs=1e-12)
    assert found.loss[1] == np.inf


def test_loss_is_hubers():
    residual = np.array([[0.1, -0.3, 2.0, -5.0]])
    weight = np.array([1.0, 2.0, 1.0, 0.0])
    expected = 0.1**2 / 2 + 2 * 0.3**2 / 2 + 0.5 * (2.0 - 0.25)
    assert loss(residual, weight, 0.5)[0] == pytest.approx(expected)
    squares = 0.1**2 / 2 + 2 * 0.3**2 / 2 + 2.0**2 / 2
    assert loss(residual, weight, None)[0] == pytest.approx(squares)
    assert loss(np.array([[0.1, np.nan]]), np.ones(2), None)[0] == np.inf
