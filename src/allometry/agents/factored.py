"""Factored: several discrete actions at once, each drawn for itself.

What a policy says of one group does not depend on what it draws in another, as in the
factored heads of AdA (arXiv 2301.07608).
"""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from allometry.agents import categorical


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Factored:
    """A group for each element of `shape`, each one of `num_values`.

    A head gives the logits of the groups, one after another.
    """

    shape: tuple[int, ...]
    num_values: int
    parts: ClassVar[int] = 1

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return math.prod(self.shape)

    @property
    def outputs(self) -> int:
        """One logit for each value of each group."""
        return self.groups * self.num_values

    def sample(
        self, key: Key[Array, ""], outputs: Float[Array, " O"]
    ) -> Int[Array, "..."]:
        """Draw an action in each group; the key is consumed."""
        keys = jax.random.split(key, self.groups)
        drawn = jax.vmap(categorical.sample)(keys, self._logits(outputs))
        return drawn.reshape(self.shape)

    def mode(self, outputs: Float[Array, " O"]) -> Int[Array, "..."]:
        """Give the likeliest action of each group, the first if there are several."""
        likeliest = jnp.argmax(self._logits(outputs), axis=1)
        return likeliest.astype(jnp.int32).reshape(self.shape)

    def log_probability(
        self, outputs: Float[Array, " O"], action: Int[Array, "..."]
    ) -> Float[Array, ""]:
        """Return log π(a), a sum over groups."""
        of_groups = jax.vmap(categorical.log_probability)
        return of_groups(self._logits(outputs), action.reshape(-1)).sum()

    def entropy(self, outputs: Float[Array, " O"]) -> Float[Array, ""]:
        """Return the entropy, in nats: a sum over groups."""
        return jax.vmap(categorical.entropy)(self._logits(outputs)).sum()

    def divergence(
        self, p_outputs: Float[Array, " O"], q_outputs: Float[Array, " O"]
    ) -> Float[Array, " 1"]:
        """Return KL(p‖q), in nats, as its one part: a sum over groups."""
        of_groups = jax.vmap(categorical.divergence)
        return of_groups(self._logits(p_outputs), self._logits(q_outputs)).sum()[None]

    def random(self, key: Key[Array, ""]) -> Int[Array, "..."]:
        """Draw uniformly in each group; the key is consumed."""
        return jax.random.randint(key, self.shape, 0, self.num_values, jnp.int32)

    def _logits(self, outputs: Float[Array, " O"]) -> Float[Array, "G A"]:
        return outputs.reshape(self.groups, self.num_values)
