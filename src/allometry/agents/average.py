"""Average: an exponentially weighted moving average of weights, bias-corrected.

The proximal policy of PPO-EWMA and PPG-EWMA (Hilton, Cobbe, Schulman 2021,
arXiv 2110.00641).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


class Average(NamedTuple):
    """The average so far and the sum of the weights that went into it."""

    parameters: PyTree
    weight: Float[Array, ""]


def start(parameters: PyTree) -> Average:
    """Begin an average at `parameters`, which count once."""
    return Average(parameters, jnp.ones(()))


def update(average: Average, parameters: PyTree, decay: Float[Array, ""]) -> Average:
    """Fold `parameters` in: w ← d·w + 1, p̄ ← p̄·(d·w_old/w_new) + p/w_new.

    A `decay` of 0 resets the average to `parameters`.
    """
    weight = decay * average.weight + 1
    keep = decay * average.weight / weight
    return Average(
        jax.tree.map(
            lambda p, q: p * keep + q / weight, average.parameters, parameters
        ),
        weight,
    )


def decay_of_centre(centre: Float[Array, ""]) -> Float[Array, ""]:
    """Return d = 1 − 1/(c + 1): the weights' centre of mass then lies c steps back."""
    return 1 - 1 / (centre + 1)
