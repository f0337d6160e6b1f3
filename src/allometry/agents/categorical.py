"""Categorical: one discrete action, drawn by the softmax of its logits.

The functions are of logits alone; the record is what `distribution` gives.
"""

import dataclasses
from typing import ClassVar

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


def divergence(
    p_logits: Float[Array, " A"], q_logits: Float[Array, " A"]
) -> Float[Array, ""]:
    """Return KL(p‖q) = Σ p log(p/q) of two categorical distributions, in nats."""
    log_p, log_q = jax.nn.log_softmax(p_logits), jax.nn.log_softmax(q_logits)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q))


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Categorical:
    """One of `num_values`; a head gives its logits."""

    num_values: int
    parts: ClassVar[int] = 1

    @property
    def outputs(self) -> int:
        """One logit for each value."""
        return self.num_values

    def sample(
        self, key: Key[Array, ""], outputs: Float[Array, " O"]
    ) -> Int[Array, ""]:
        """Draw an action; the key is consumed."""
        return sample(key, outputs)

    def mode(self, outputs: Float[Array, " O"]) -> Int[Array, ""]:
        """Give the likeliest action, the first if there are several."""
        return jnp.argmax(outputs).astype(jnp.int32)

    def log_probability(
        self, outputs: Float[Array, " O"], action: Int[Array, ""]
    ) -> Float[Array, ""]:
        """Return log π(a)."""
        return log_probability(outputs, action)

    def entropy(self, outputs: Float[Array, " O"]) -> Float[Array, ""]:
        """Return the entropy, in nats."""
        return entropy(outputs)

    def divergence(
        self, p_outputs: Float[Array, " O"], q_outputs: Float[Array, " O"]
    ) -> Float[Array, " 1"]:
        """Return KL(p‖q), in nats, as its one part."""
        return divergence(p_outputs, q_outputs)[None]

    def random(self, key: Key[Array, ""]) -> Int[Array, ""]:
        """Draw uniformly; the key is consumed."""
        return jax.random.randint(key, (), 0, self.num_values, jnp.int32)
