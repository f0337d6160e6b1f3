"""Normal: against scipy's, and divergences against numerical integration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest, norm

from allometry.agents.normal import Normal

NORMAL = Normal((2,), -1.0, 5.0)  # its midpoint is 2 and its half-range 3
OUTPUTS = jnp.array([0.5, -1.0, 0.3, -2.0])
OTHER = jnp.array([0.1, -0.7, -0.4, 0.9])
DRAWS = 20_000


def by_hand(outputs: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Give means and deviations; the shift is where softplus is 0.499."""
    head = np.asarray(outputs, float)
    shift = np.log(np.exp(0.499) - 1)
    deviation = 3 * (0.001 + np.log1p(np.exp(head[2:] + shift)))
    return 2 + 3 * head[:2], deviation


def test_what_a_head_says_in_the_units_of_the_action() -> None:
    assert NORMAL.outputs == 4
    mean, deviation = NORMAL.moments(OUTPUTS)
    np.testing.assert_allclose(mean, by_hand(OUTPUTS)[0], rtol=1e-5)
    np.testing.assert_allclose(deviation, by_hand(OUTPUTS)[1], rtol=1e-5)


def test_a_head_of_zeros_gives_the_midpoint_and_half_of_the_half_range() -> None:
    mean, deviation = NORMAL.moments(jnp.zeros(4))
    np.testing.assert_allclose(mean, [2.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(deviation, [1.5, 1.5], rtol=1e-6)


def test_no_head_gives_less_than_the_least_deviation() -> None:
    _, deviation = NORMAL.moments(jnp.full(4, -1e30))
    np.testing.assert_allclose(deviation, [3e-3, 3e-3], rtol=1e-6)


def test_draws_are_normal_and_not_clipped() -> None:
    keys = jax.random.split(jax.random.key(0), DRAWS)
    drawn = jax.jit(jax.vmap(NORMAL.sample, (0, None)))(keys, OUTPUTS)
    mean, deviation = by_hand(OUTPUTS)
    for column in range(2):
        law = norm(mean[column], deviation[column]).cdf
        assert kstest(np.asarray(drawn[:, column]), law).pvalue > 1e-3
    assert abs(np.corrcoef(np.asarray(drawn).T)[0, 1]) < 5 / DRAWS**0.5
    assert float(drawn.min()) < -1.0


def test_mode_is_the_mean() -> None:
    np.testing.assert_allclose(NORMAL.mode(OUTPUTS), by_hand(OUTPUTS)[0], rtol=1e-5)


def test_log_probability_is_that_of_scipy() -> None:
    action = np.array([4.0, -3.0], np.float32)
    found = NORMAL.log_probability(OUTPUTS, jnp.asarray(action))
    expected = norm(*by_hand(OUTPUTS)).logpdf(action).sum()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_entropy_is_that_of_scipy() -> None:
    expected = norm(*by_hand(OUTPUTS)).entropy().sum()
    assert float(NORMAL.entropy(OUTPUTS)) == pytest.approx(expected, rel=1e-5)


def integrated(p: tuple, q: tuple) -> float:
    """Give KL(p‖q) of Gaussians by their means and deviations, number by number."""
    total = 0.0
    for mean, deviation, other_mean, other_deviation in zip(*p, *q, strict=True):
        first, second = norm(mean, deviation), norm(other_mean, other_deviation)
        total += quad(
            lambda x, f=first, g=second: f.pdf(x) * (f.logpdf(x) - g.logpdf(x)),
            mean - 12 * deviation,
            mean + 12 * deviation,
        )[0]
    return total


def test_each_part_is_the_divergence_with_the_other_held() -> None:
    p, q = by_hand(OUTPUTS), by_hand(OTHER)
    found = NORMAL.divergence(OUTPUTS, OTHER)
    expected = [integrated(p, (q[0], p[1])), integrated(p, (p[0], q[1]))]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("part", [0, 1], ids=["mean", "deviation"])
def test_parts_sum_to_the_divergence_where_only_one_differs(part: int) -> None:
    half = slice(2 * part, 2 * part + 2)
    other = OUTPUTS.at[half].set(OTHER[half])
    found = NORMAL.divergence(OUTPUTS, other)
    expected = integrated(by_hand(OUTPUTS), by_hand(other))
    assert float(found.sum()) == pytest.approx(expected, rel=1e-4)
    assert float(found[1 - part]) == pytest.approx(0.0, abs=1e-6)


def test_random_actions_are_uniform_between_the_bounds() -> None:
    keys = jax.random.split(jax.random.key(1), 5_000)
    drawn = np.asarray(jax.jit(jax.vmap(NORMAL.random))(keys))
    assert drawn.shape == (5_000, 2)
    assert kstest(drawn.ravel(), "uniform", (-1.0, 6.0)).pvalue > 1e-3


def test_actions_of_any_shape() -> None:
    one = Normal((), -1.0, 1.0)
    assert one.sample(jax.random.key(0), jnp.zeros(one.outputs)).shape == ()
    grid = Normal((2, 3), -1.0, 1.0)
    assert grid.mode(jnp.zeros(grid.outputs)).shape == (2, 3)
