"""Distributions over actions: draws, log-probability and entropy of logits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def sample(key: Key[Array, ""], logits: Float[Array, " A"]) -> Int[Array, ""]:
    """Draw an action of a categorical distribution; the key is consumed.

    Inverts the cumulative distribution at one uniform number: a tenth of the random
    bits, and none of the logarithms, that adding Gumbel noise to ten logits takes.
    """
    cumulative = jnp.cumsum(jax.nn.softmax(logits))
    uniform = jax.random.uniform(key) * cumulative[-1]
    return jnp.sum(cumulative[:-1] <= uniform).astype(jnp.int32)


def log_probability(
    logits: Float[Array, " A"], action: Int[Array, ""]
) -> Float[Array, ""]:
    """Return log π(a) of a categorical distribution with these `logits`."""
    return jax.nn.log_softmax(logits)[action]


def entropy(logits: Float[Array, " A"]) -> Float[Array, ""]:
    """Return the entropy −Σ π log π, in nats."""
    log_pi = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_pi) * log_pi)
