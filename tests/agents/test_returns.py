"""Returns: GAE by hand, and against its definition as a mean of n-step advantages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from allometry.agents.returns import discount_of_horizon, generalised_advantage

STEPS = 6

gae = jax.jit(generalised_advantage)


def estimate(
    rewards: list,
    before: list,
    after: list,
    discount: float,
    trace: float,
    **ends: list,
) -> np.ndarray:
    none = [False] * len(rewards)
    return np.asarray(
        gae(
            jnp.array(rewards, jnp.float32),
            jnp.array(before, jnp.float32),
            jnp.array(after, jnp.float32),
            jnp.array(ends.get("terminated", none)),
            jnp.array(ends.get("truncated", none)),
            jnp.float32(discount),
            jnp.float32(trace),
        )
    )


def test_by_hand() -> None:
    # δ = r + ½ v′ − v = (1 + 2 − 2, 0 + 3 − 4, 2 + 4 − 6) = (1, −1, 0), γλ = ¼.
    found = estimate([1, 0, 2], [2, 4, 6], [4, 6, 8], discount=0.5, trace=0.5)
    np.testing.assert_allclose(found, [1 - 0.25, -1.0, 0.0], atol=1e-6)


def test_nothing_is_bootstrapped_over_a_termination() -> None:
    found = estimate(
        [1, 1, 1], [0, 0, 0], [9, 9, 9], 0.5, 1.0, terminated=[False, True, False]
    )
    # The last step bootstraps (1 + 4.5), the second ends, the first looks one ahead.
    np.testing.assert_allclose(found, [1 + 4.5 + 0.5 * 1, 1.0, 5.5])


def test_a_truncation_bootstraps_and_passes_nothing_back() -> None:
    found = estimate(
        [1, 1, 1], [0, 0, 0], [0, 9, 0], 0.5, 1.0, truncated=[False, True, False]
    )
    np.testing.assert_allclose(found, [1 + 0.5 * 5.5, 5.5, 1.0])


def test_with_full_traces_it_is_the_discounted_return_less_the_baseline() -> None:
    generator = np.random.default_rng(0)
    rewards, values = generator.normal(size=(2, STEPS))
    after, discount = np.append(values[1:], 3.0), 0.8
    found = estimate(rewards, values, after, discount, trace=1.0)
    powers = discount ** np.arange(STEPS)
    for t in range(STEPS):
        left = STEPS - t
        value = powers[:left] @ rewards[t:] + discount**left * after[-1]
        assert found[t] == pytest.approx(value - values[t], abs=1e-5)


def test_without_traces_it_is_the_error_of_one_step() -> None:
    found = estimate([1, 2], [3, 4], [4, 5], discount=0.9, trace=0.0)
    np.testing.assert_allclose(found, [1 + 3.6 - 3, 2 + 4.5 - 4], rtol=1e-5)


def mean_of_n_step_advantages(
    rewards: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
) -> np.ndarray:
    """Give (1 − λ) Σ λⁿ⁻¹ A⁽ⁿ⁾, the longest taking all that is left of the weight."""
    advantages = []
    for t in range(STEPS):
        ends = [k for k in range(t, STEPS) if terminated[k] or truncated[k]]
        longest = (ends[0] if ends else STEPS - 1) - t + 1
        total = 0.0
        for n in range(1, longest + 1):
            k = t + n - 1
            reward = sum(discount**i * rewards[t + i] for i in range(n))
            ahead = 0.0 if terminated[k] else discount**n * after[k]
            weight = trace ** (n - 1) * (1 if n == longest else 1 - trace)
            total += weight * (reward + ahead - before[t])
        advantages.append(total)
    return np.array(advantages)


REALS = arrays.arrays(np.float32, STEPS, elements=st.floats(-5, 5, width=32))
ENDS = arrays.arrays(bool, STEPS, elements=st.sampled_from([False, False, True]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(REALS, REALS, REALS, ENDS, ENDS, st.floats(0, 1), st.floats(0, 1))
def test_is_the_mean_of_n_step_advantages(
    rewards: np.ndarray,
    before: np.ndarray,
    beyond: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
) -> None:
    truncated &= ~terminated
    # Within an episode what a step leads to is what the next one starts from.
    follows = np.append(before[1:], beyond[-1])
    after = np.where(terminated | truncated, beyond, follows)
    found = estimate(
        rewards,
        before,
        after,
        discount,
        trace,
        terminated=terminated,
        truncated=truncated,
    )
    expected = mean_of_n_step_advantages(
        rewards, before, after, terminated, truncated, discount, trace
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("horizon", "discount"), [(1, 0.0), (3, 0.5), (4, 0.6), (64, 1 - 2 / 65)]
)
def test_discount_of_a_horizon(horizon: float, discount: float) -> None:
    assert discount_of_horizon(horizon) == pytest.approx(discount)


@pytest.mark.parametrize("horizon", [2.0, 4.0, 20.0])
def test_weights_have_the_centre_of_mass_of_the_horizon(horizon: float) -> None:
    steps = np.arange(2000)
    weights = discount_of_horizon(horizon) ** steps
    assert (weights @ steps) / weights.sum() == pytest.approx((horizon - 1) / 2)


@pytest.mark.parametrize("horizon", [0.5, 0, -3, float("nan")])
def test_no_horizon_below_one_step(horizon: float) -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        discount_of_horizon(horizon)
