"""Factored: each group is a categorical of its own, and the sums are over groups."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chisquare, entropy

from allometry.agents.factored import Factored

SHAPE, VALUES, DRAWS = (2, 2), 3, 20_000
FACTORED = Factored(SHAPE, VALUES)
LOGITS = np.random.default_rng(0).normal(size=(4, VALUES)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(4, VALUES)).astype(np.float32)
OUTPUTS, OTHER = jnp.asarray(LOGITS.ravel()), jnp.asarray(OTHERS.ravel())
LOG_PI = log_softmax(LOGITS.astype(float), axis=1)
LOG_OTHER = log_softmax(OTHERS.astype(float), axis=1)


@jax.jit
def draws(outputs: jax.Array) -> jax.Array:
    keys = jax.random.split(jax.random.key(0), DRAWS)
    return jax.vmap(FACTORED.sample, (0, None))(keys, outputs)


def test_a_head_gives_logits_for_every_group() -> None:
    assert FACTORED.groups == 4
    assert FACTORED.outputs == 12


def test_groups_are_drawn_with_their_own_frequencies_and_apart() -> None:
    drawn = np.asarray(draws(OUTPUTS))
    assert drawn.shape == (DRAWS, *SHAPE)
    assert drawn.dtype == np.int32
    codes = np.ravel_multi_index(drawn.reshape(DRAWS, 4).T, (VALUES,) * 4)
    joint = LOG_PI[0]
    for group in LOG_PI[1:]:
        joint = np.add.outer(joint, group)
    expected = DRAWS * np.exp(joint).ravel()
    often = expected > 5  # where the chi-square holds
    counts = np.bincount(codes, minlength=VALUES**4)[often]
    expected = expected[often] * counts.sum() / expected[often].sum()
    assert chisquare(counts, expected).pvalue > 1e-3


def test_log_probability_is_the_sum_over_groups() -> None:
    action = np.array([[0, 2], [1, 1]], np.int32)
    found = FACTORED.log_probability(OUTPUTS, jnp.asarray(action))
    expected = sum(LOG_PI[group, value] for group, value in enumerate(action.ravel()))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_entropy_is_the_sum_over_groups() -> None:
    expected = entropy(np.exp(LOG_PI), axis=1).sum()
    assert float(FACTORED.entropy(OUTPUTS)) == pytest.approx(expected, rel=1e-5)


def test_divergence_is_the_sum_over_groups() -> None:
    expected = entropy(np.exp(LOG_PI), np.exp(LOG_OTHER), axis=1).sum()
    found = FACTORED.divergence(OUTPUTS, OTHER)
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_mode_is_the_likeliest_of_each_group() -> None:
    found = np.asarray(FACTORED.mode(OUTPUTS))
    np.testing.assert_array_equal(found.ravel(), LOGITS.argmax(axis=1))
    assert found.shape == SHAPE
    assert found.dtype == np.int32


def test_random_actions_are_uniform() -> None:
    keys = jax.random.split(jax.random.key(1), 5_000)
    drawn = np.asarray(jax.jit(jax.vmap(FACTORED.random))(keys))
    assert drawn.shape == (5_000, *SHAPE)
    for group in drawn.reshape(-1, 4).T:
        assert chisquare(np.bincount(group, minlength=VALUES)).pvalue > 1e-3
