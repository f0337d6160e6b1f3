"""The objective, its gradient and its search."""

import numpy as np
import pytest
from scipy.optimize import check_grad, isotonic_regression

from allometry.laws.intrinsic.estimate import (
    BOUNDS,
    Minimum,
    Objective,
    minimise,
    search,
)
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.simulate import TRUTH, response


def grid(noise=0.0, sizes=8, checkpoints=40, seed=0, law=TRUTH):
    N = np.repeat(np.geomspace(300.0, 40_000.0, sizes), checkpoints)
    E = np.tile(np.geomspace(16_000.0, 1e6, checkpoints), sizes)
    moved = np.random.default_rng(seed).normal(0.0, noise, N.shape)
    return N, E, response(law.log_intrinsic(N, E) + moved), np.ones(N.shape)


@pytest.mark.parametrize(
    "theta", [(0.3, -0.2, 0.5), (-1.0, 1.0, -2.0), (2.0, 0.0, 3.0)]
)
@pytest.mark.parametrize("levels", [None, 2])
def test_gradient_is_that_of_the_objective(theta, levels):
    N, E, performance, _ = grid(noise=0.2)
    if levels is not None:  # rounding makes many ties in performance
        performance = np.round(performance, levels)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N.shape)
    objective = Objective(N, E, performance, weight)
    error = check_grad(
        lambda x: objective(x)[0], lambda x: objective(x)[1], np.array(theta)
    )
    assert error < 1e-5 * max(1.0, float(np.abs(objective(np.array(theta))[1]).max()))


def test_objective_is_the_mean_square_of_its_residuals():
    N, E, performance, _ = grid(noise=0.2)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N.shape)
    objective = Objective(N, E, performance, weight)
    theta = np.array([0.2, 0.4, -1.0])
    residuals = objective.residuals(theta)
    mean = np.sum(weight * residuals**2) / weight.sum()
    assert objective(theta)[0] == pytest.approx(mean, rel=1e-9)


def test_residual_is_the_distance_in_the_plane_of_log_size_and_interactions():
    N, E, performance, weight = grid(noise=0.2)
    objective = Objective(N, E, performance, weight)
    theta = np.array([-0.4, 0.1, 0.3])
    law = objective.law(theta, 50.0)
    z, step = law.log_intrinsic(N, E), 1e-5
    along_N = (law.log_intrinsic(N * np.exp(step), E) - z) / step
    along_E = (law.log_intrinsic(N, E * np.exp(step)) - z) / step
    steepness = along_N**2 + along_E**2
    order = np.argsort(performance)
    f = isotonic_regression(z[order], weights=(weight / steepness)[order]).x
    expected = (z[order] - f) / np.sqrt(steepness[order])
    np.testing.assert_allclose(objective.residuals(theta)[order], expected, atol=1e-4)


def test_constants_do_not_change_the_fit_that_they_come_from():
    objective = Objective(*grid())
    theta = np.array([0.3, -0.2, 0.5])
    law = objective.law(theta, 50.0)
    size, interactions = np.exp(objective.centre)
    terms = (law.N_c / size) ** law.alpha_N, (law.E_c / interactions) ** law.alpha_E
    assert np.log(terms[0] / terms[1]) == pytest.approx(theta[2])
    assert law.alpha_N + law.alpha_E == pytest.approx(np.exp(theta[1]))
    assert Minimum(theta, 0.0).size_exponent == pytest.approx(law.size_exponent)


@pytest.mark.parametrize(
    "truth", [TRUTH, Intrinsic(1.2, 0.6, 0.6, 50.0), Intrinsic(0.45, 0.7, 9e-4, 50.0)]
)
def test_search_recovers_a_truth_without_noise(truth):
    # Many checkpoints: between neighbours in performance f leaves the law free.
    found = search(Objective(*grid(checkpoints=200, law=truth)))
    law = Objective(*grid(checkpoints=200)).law(found.best.theta, truth.kappa)
    assert found.agreement == 1.0
    assert law.size_exponent == pytest.approx(truth.size_exponent, abs=2e-3)
    assert law.alpha_N == pytest.approx(truth.alpha_N, rel=0.02)
    assert np.log(law.N_c) == pytest.approx(np.log(truth.N_c), abs=0.1)


def test_any_increasing_change_of_performance_changes_nothing():
    N, E, performance, weight = grid(noise=0.2)
    plain = Objective(N, E, performance, weight)
    bent = Objective(N, E, np.exp(7 * performance) - 3, weight)
    theta = np.array([-0.4, 0.1, 0.3])
    assert plain(theta)[0] == bent(theta)[0]


def test_points_with_equal_performance_share_one_value_in_any_order():
    N, E, performance, weight = grid(noise=0.3)
    performance = np.round(performance, 1)
    there = Objective(N, E, performance, weight)
    back = Objective(N[::-1], E[::-1], performance[::-1], weight[::-1])
    theta = np.array([-0.4, 0.1, 0.3])
    assert there(theta)[0] == pytest.approx(back(theta)[0], rel=1e-12)


def test_a_repeated_point_weighs_as_much_as_its_weight_doubled():
    N, E, performance, weight = grid(noise=0.3)
    twice = [np.r_[values, values[:50]] for values in (N, E, performance, weight)]
    heavier = np.r_[2 * weight[:50], weight[50:]]
    theta = np.array([-0.4, 0.1, 0.3])
    expected = Objective(N, E, performance, heavier, (8.0, 11.0))(theta)[0]
    assert Objective(*twice, (8.0, 11.0))(theta)[0] == pytest.approx(expected)


def test_frontier_sides_count_points_by_the_best_size():
    N, E, performance, weight = grid()
    objective = Objective(N, E, performance, weight)
    theta = search(objective).best.theta
    law = objective.law(theta, 50.0)
    below = np.mean(law.optimal_size(50.0 * N * E) > N)
    assert objective.frontier_sides(theta) == pytest.approx((below, 1 - below))


def test_bounds_are_kept_and_named():
    objective = Objective(*grid(noise=0.2))
    low = BOUNDS[0][0]
    held = minimise(objective, np.array([low, 0.0, 0.0]), ((low, low), *BOUNDS[1:]))
    assert held.theta[0] == low
    assert held.at_bound == ("size exponent",)
