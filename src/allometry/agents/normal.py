"""Normal: continuous actions, each number drawn by a Gaussian of its own."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

#: Deviations in half-ranges: what a head's 0 gives, and what no head goes below.
INITIAL_DEVIATION = 0.5
LEAST_DEVIATION = 1e-3
#: Softplus of this, above the least deviation, is the initial one.
_SHIFT = math.log(math.expm1(INITIAL_DEVIATION - LEAST_DEVIATION))


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Normal:
    """Independent Gaussians for numbers between `minimum` and `maximum`.

    A head gives the means and then the deviations, both in half-ranges around the
    midpoint: μ = midpoint + half·m and σ = half·(1e-3 + softplus(d + shift)), which
    is half·0.5 at d = 0. Draws are NOT clipped to the bounds, so that log π(a) is that
    of what was drawn; environments clip what they are given.
    """

    shape: tuple[int, ...]
    minimum: float
    maximum: float
    parts: ClassVar[int] = 2

    @property
    def size(self) -> int:
        """How many numbers an action has."""
        return math.prod(self.shape)

    @property
    def outputs(self) -> int:
        """A mean and a deviation for each number."""
        return 2 * self.size

    def moments(
        self, outputs: Float[Array, " O"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the mean and the deviation of each number, in the action's units."""
        half = (self.maximum - self.minimum) / 2
        mean, deviation = outputs.reshape(2, *self.shape)
        mean = self.minimum + half + half * mean
        return mean, half * (LEAST_DEVIATION + jax.nn.softplus(deviation + _SHIFT))

    def sample(
        self, key: Key[Array, ""], outputs: Float[Array, " O"]
    ) -> Float[Array, "..."]:
        """Draw an action, which may lie beyond the bounds; the key is consumed."""
        mean, deviation = self.moments(outputs)
        return mean + deviation * jax.random.normal(key, self.shape)

    def mode(self, outputs: Float[Array, " O"]) -> Float[Array, "..."]:
        """Give the mean, which may lie beyond the bounds."""
        return self.moments(outputs)[0]

    def log_probability(
        self, outputs: Float[Array, " O"], action: Float[Array, "..."]
    ) -> Float[Array, ""]:
        """Return the log of the density at an action, per unit of each number."""
        mean, deviation = self.moments(outputs)
        square = jnp.square((action - mean) / deviation)
        constant = math.log(2 * math.pi) / 2
        return -jnp.sum(square / 2 + jnp.log(deviation) + constant)

    def entropy(self, outputs: Float[Array, " O"]) -> Float[Array, ""]:
        """Return the differential entropy Σ log σ + ½ log 2πe, in nats."""
        _, deviation = self.moments(outputs)
        return jnp.sum(jnp.log(deviation) + (1 + math.log(2 * math.pi)) / 2)

    def divergence(
        self, p_outputs: Float[Array, " O"], q_outputs: Float[Array, " O"]
    ) -> Float[Array, " 2"]:
        """Return KL(p‖q) in two parts, in nats: of the mean, and of the deviation.

        The first is to q with p's deviation, ½ Σ ((μₚ − μ_q)/σₚ)²; the second to q
        with p's mean, Σ log(σ_q/σₚ) + ½ (σₚ/σ_q)² − ½. Where only one of the two
        differs they sum to KL(p‖q). Source: Song et al. 2019, arXiv 1909.12238, their
        decoupled constraints.
        """
        (p_mean, p_deviation), (q_mean, q_deviation) = map(
            self.moments, (p_outputs, q_outputs)
        )
        of_mean = jnp.square((p_mean - q_mean) / p_deviation) / 2
        ratio = p_deviation / q_deviation
        of_deviation = (jnp.square(ratio) - 1) / 2 - jnp.log(ratio)
        return jnp.stack([of_mean.sum(), of_deviation.sum()])

    def random(self, key: Key[Array, ""]) -> Float[Array, "..."]:
        """Draw uniformly between the bounds; the key is consumed."""
        low, high = self.minimum, self.maximum
        return jax.random.uniform(key, self.shape, minval=low, maxval=high)
