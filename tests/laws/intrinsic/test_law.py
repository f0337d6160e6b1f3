"""The closed forms agree with the law that they were derived from."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from allometry.laws.intrinsic.law import Intrinsic

LAWS = [
    Intrinsic(alpha_N=0.7, alpha_E=0.5, N_c=3e-3, kappa=50.0),
    Intrinsic(alpha_N=0.35, alpha_E=1.4, N_c=2.0, kappa=6.0),
]


@pytest.mark.parametrize("law", LAWS)
def test_least_compute_that_reaches_i_is_i(law):
    for compute in (1e8, 1e12):

        def cost(log_size, compute=compute):
            size = np.exp(log_size)
            return np.log(law.kappa * size * law.interactions_needed(size, compute))

        best = np.log(law.optimal_size(compute))
        found = minimize_scalar(cost, bounds=(best - 2, best + 2), method="bounded")
        assert found.fun == pytest.approx(np.log(compute), abs=1e-8)
        assert found.x == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("law", LAWS)
def test_frontier_spends_all_compute(law):
    compute = np.geomspace(1e6, 1e15, 7)
    size, interactions = law.optimal_size(compute), law.optimal_interactions(compute)
    np.testing.assert_allclose(law.kappa * size * interactions, compute, rtol=1e-10)
    np.testing.assert_allclose(
        law.log_intrinsic(size, interactions), np.log(compute), rtol=1e-12
    )
    slope = np.polyfit(np.log(compute), np.log(size), 1)[0]
    assert slope == pytest.approx(law.size_exponent)
    assert law.size_exponent + law.interactions_exponent == pytest.approx(1.0)
    assert 1 / law.beta == pytest.approx(1 / law.alpha_N + 1 / law.alpha_E)


@pytest.mark.parametrize("law", LAWS)
def test_interactions_needed_inverts_the_law(law):
    size = np.array([1e3, 1e5])
    interactions = np.array([[1e4], [1e6]])
    reached = np.exp(law.log_intrinsic(size, interactions))
    np.testing.assert_allclose(
        law.interactions_needed(size, reached),
        np.broadcast_to(interactions, (2, 2)),
        rtol=1e-6,
    )


def test_small_size_never_reaches_what_lies_above_its_ceiling():
    law = LAWS[0]
    ceiling = float(np.exp(law.log_intrinsic(1e3, 1e300)))
    assert np.isfinite(law.interactions_needed(1e3, ceiling * 0.99))
    assert np.isinf(law.interactions_needed(1e3, ceiling * 1.01))


@pytest.mark.parametrize("law", LAWS)
def test_optimal_run_needs_a_fixed_multiple_of_an_infinite_models_interactions(law):
    ratio = law.optimal_interactions(1e11) / law.interactions_infinite_size(1e11)
    expected = (1 + law.alpha_E / law.alpha_N) ** (1 / law.alpha_E)
    assert ratio == pytest.approx(expected)
    assert law.interactions_needed(1e30, 1e9) == pytest.approx(
        float(law.interactions_infinite_size(1e9)), rel=1e-6
    )


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("environment", [0.0, 1e3, 1e9])
def test_economic_size_costs_least(law, environment):
    intrinsic = 1e11
    size = float(law.economic_size(intrinsic, environment))

    def cost(size):
        needed = law.interactions_needed(size, intrinsic)
        return np.log(needed) + np.log(size + environment)

    assert cost(size) < min(cost(size * 1.01), cost(size / 1.01))
    if environment == 0.0:
        assert size == pytest.approx(float(law.optimal_size(intrinsic)))
    else:
        assert size > law.optimal_size(intrinsic)


def test_far_terms_neither_overflow_nor_vanish():
    value = LAWS[0].log_intrinsic(np.array([1e-200, 1e200]), 1e6)
    assert np.all(np.isfinite(value))
