"""Distributions: which kind a spec has, and what all kinds hold to.

Of one discrete action: draws against the softmax, the rest against scipy.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chisquare
from scipy.stats import entropy as entropy_of_scipy

from allometry.agents import distributions
from allometry.agents.categorical import Categorical
from allometry.agents.distributions import Distribution, distribution
from allometry.agents.factored import Factored
from allometry.agents.normal import Normal
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, discrete

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


GOLDEN_DRAWS = [
    0, 0, 2, 2, 3, 2, 2, 2, 3, 2, 2, 0, 2, 1, 2, 0, 2, 2, 2, 2, 3, 2, 2, 2
]  # fmt: skip
KINDS = {
    "categorical": discrete(5),
    "factored": ArraySpec((2, 3), "int32", num_values=3),
    "normal": ArraySpec((3,), "float32", -2.0, 1.0),
}
each_kind = pytest.mark.parametrize("spec", KINDS.values(), ids=KINDS)


def heads(kind: Distribution, seed: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (kind.outputs,))


def test_draws_are_those_of_earlier_releases() -> None:
    # Recorded before `Categorical`: curves of old and new studies stay comparable.
    keys = jax.random.split(jax.random.key(3), 24)
    drawn = jax.vmap(Categorical(5).sample, (0, None))(keys, jnp.asarray(LOGITS))
    assert drawn.tolist() == GOLDEN_DRAWS


@each_kind
def test_the_spec_chooses_the_kind(spec: ArraySpec) -> None:
    expected = {
        "categorical": Categorical(5),
        "factored": Factored((2, 3), 3),
        "normal": Normal((3,), -2.0, 1.0),
    }
    name = next(name for name, known in KINDS.items() if known == spec)
    assert distribution(spec) == expected[name]
    assert hash(distribution(spec)) == hash(expected[name])
    assert isinstance(distribution(spec), Distribution)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ArraySpec((2,)), "minimum"),
        (ArraySpec((2,), "float32", 0.0), "maximum"),
        (ArraySpec((2,), "int32", 0.0, 3.0), "num_values"),
        (ArraySpec((), "float32", 0.0, float("inf")), "finite"),
        (ArraySpec((), "float32", 1.0, 1.0), "below"),
        (ArraySpec((0,), "int32", num_values=2), "nothing to choose"),
        (ArraySpec((), "int32", num_values=0), "nothing to choose"),
    ],
)
def test_no_kind_for_other_specs(spec: ArraySpec, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        distribution(spec)


@each_kind
def test_actions_are_those_of_the_spec(spec: ArraySpec) -> None:
    kind = distribution(spec)
    outputs, key = heads(kind, 0), jax.random.key(1)
    for action in (kind.sample(key, outputs), kind.mode(outputs), kind.random(key)):
        assert action.shape == spec.shape
        assert action.dtype == spec.dtype
    assert kind.divergence(outputs, outputs).shape == (kind.parts,)


@each_kind
def test_no_action_is_likelier_than_the_mode(spec: ArraySpec) -> None:
    kind = distribution(spec)
    outputs = heads(kind, 0)
    keys = jax.random.split(jax.random.key(1), 100)
    others = jax.vmap(kind.sample, (0, None))(keys, outputs)
    found = jax.vmap(kind.log_probability, (None, 0))(outputs, others)
    assert float(found.max()) <= float(
        kind.log_probability(outputs, kind.mode(outputs))
    )


@each_kind
def test_entropy_is_what_draws_give(spec: ArraySpec) -> None:
    kind = distribution(spec)
    outputs = heads(kind, 0)

    @jax.jit
    def surprises(keys: jax.Array) -> jax.Array:
        drawn = jax.vmap(kind.sample, (0, None))(keys, outputs)
        return -jax.vmap(kind.log_probability, (None, 0))(outputs, drawn)

    found = surprises(jax.random.split(jax.random.key(1), 20_000))
    error = float(found.std()) / 20_000**0.5
    assert float(kind.entropy(outputs)) == pytest.approx(
        float(found.mean()), abs=5 * error
    )


@each_kind
def test_divergence_is_0_from_itself_and_more_from_others(spec: ArraySpec) -> None:
    kind = distribution(spec)
    outputs = heads(kind, 0)
    np.testing.assert_allclose(kind.divergence(outputs, outputs), 0.0, atol=1e-6)
    assert (np.asarray(kind.divergence(outputs, heads(kind, 1))) > 0).all()


def test_divergence_of_one_discrete_action_is_that_of_scipy() -> None:
    other = np.array([1.0, 0.5, -0.5, 0.0, -1.0], np.float32)
    p, q = np.exp(log_softmax(LOGITS)), np.exp(log_softmax(other))
    found = Categorical(5).divergence(jnp.asarray(LOGITS), jnp.asarray(other))
    np.testing.assert_allclose(found, [entropy_of_scipy(p, q)], rtol=1e-5)


@each_kind
@pytest.mark.parametrize("scale", [1e4, -1e4, 1e8])
def test_gradients_are_finite_at_extremes(spec: ArraySpec, scale: float) -> None:
    kind = distribution(spec)
    outputs, others = scale * heads(kind, 0), heads(kind, 1)
    action = kind.random(jax.random.key(2))

    def numbers(outputs: jax.Array) -> Any:
        return (
            kind.log_probability(outputs, action),
            kind.entropy(outputs),
            kind.divergence(outputs, others).sum(),
            kind.divergence(others, outputs).sum(),
        )

    values, gradients = numbers(outputs), jax.jacrev(numbers)(outputs)
    assert all(np.isfinite(value) for value in values)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
