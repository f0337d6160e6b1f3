"""Distributions: draws against the softmax, log-probability and entropy by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chisquare

from allometry.agents import distributions

LOGITS = np.array([0.3, -1.2, 2.0, 0.0, -6.0], np.float32)
DRAWS = 50_000

EXTREME = {
    "one far above": [1e30, -1e30, 0.0],
    "one far above, last": [-1e30, 0.0, 1e30],
    "all very low": [-1e30, -1e30, -1e30],
    "beyond exp's range": [200.0, -200.0, 0.0],
    "impossible": [float("-inf"), 0.0, float("-inf")],
    "not numbers": [float("nan")] * 3,
    "infinite": [float("inf"), 0.0, 0.0],
}


@jax.jit
def draws(logits: jax.Array) -> jax.Array:
    keys = jax.random.split(jax.random.key(0), DRAWS)
    return jax.vmap(distributions.sample, (0, None))(keys, logits)


def test_draws_have_the_frequencies_of_the_softmax() -> None:
    expected = DRAWS * np.exp(log_softmax(LOGITS.astype(float)))
    counts = np.bincount(draws(jnp.asarray(LOGITS)), minlength=len(LOGITS))
    assert expected.min() > 5  # where the chi-square holds
    assert chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("logits", EXTREME.values(), ids=EXTREME)
def test_draws_are_never_out_of_range(logits: list[float]) -> None:
    drawn = np.asarray(draws(jnp.array(logits)))
    assert drawn.min() >= 0
    assert drawn.max() < len(logits)


@pytest.mark.parametrize(
    ("logits", "only"),
    [([1e30, -1e30, 0.0], 0), ([-1e30, 0.0, 1e30], 2), ([-np.inf, 0.0, -np.inf], 1)],
)
def test_what_has_no_probability_is_never_drawn(logits: list, only: int) -> None:
    assert (np.asarray(draws(jnp.array(logits))) == only).all()


def test_log_probability_is_the_log_of_the_softmax() -> None:
    found = jax.vmap(distributions.log_probability, (None, 0))(
        jnp.asarray(LOGITS), jnp.arange(len(LOGITS))
    )
    np.testing.assert_allclose(found, log_softmax(LOGITS.astype(float)), rtol=1e-5)


def test_entropy_is_minus_the_mean_log_probability() -> None:
    log_pi = log_softmax(LOGITS.astype(float))
    found = distributions.entropy(jnp.asarray(LOGITS))
    assert float(found) == pytest.approx(-(np.exp(log_pi) * log_pi).sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("logits", "nats"),
    [([5.0] * 8, np.log(8)), ([1e4, 0.0], 0.0), ([1e30, -1e30, 0.0], 0.0)],
)
def test_entropy_at_its_ends(logits: list[float], nats: float) -> None:
    found = distributions.entropy(jnp.array(logits))
    assert float(found) == pytest.approx(nats, abs=1e-6)


def test_logits_may_be_shifted() -> None:
    logits = jnp.asarray(LOGITS)
    shifted, plain = map(distributions.entropy, (logits + 50.0, logits))
    assert float(shifted) == pytest.approx(float(plain), rel=1e-4)
