"""Distributions over actions: log-probability and entropy from a network's outputs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def log_probability(
    logits: Float[Array, " A"], action: Int[Array, ""]
) -> Float[Array, ""]:
    """Return log π(a) of a categorical distribution with these `logits`."""
    return jax.nn.log_softmax(logits)[action]


def entropy(logits: Float[Array, " A"]) -> Float[Array, ""]:
    """Return the entropy −Σ π log π, in nats."""
    log_pi = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_pi) * log_pi)
