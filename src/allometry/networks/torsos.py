"""Torsos: from one observation to a vector of features.

An `embedding` reads the observation; `depth` residual blocks follow, each
x + φ(W x)/√depth. The sum of the branches then has the same size at every depth,
so that depth may vary and little else does: the IMPALA networks of PPO-EWMA scale
their blocks by 1/√blocks (arXiv 2110.00641, released code), and Depth-μP derives
the same factor for blocks of one layer (arXiv 2310.02244, recalled).
"""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from allometry.networks.layers import Dense, dense
from allometry.specs import ArraySpec


class MLP(eqx.Module):
    """A dense layer and residual blocks over the flattened observation."""

    embedding: Dense
    blocks: tuple[Dense, ...]

    def __call__(self, observation: Float[Array, "..."]) -> Float[Array, " width"]:
        """Return the features of one observation."""
        return residual(self.blocks, activate(self.embedding(observation.ravel())))


def mlp(key: Key[Array, ""], observation: ArraySpec, width: int, depth: int) -> MLP:
    """Build an `MLP` of `width` units and `depth` blocks; the key is consumed."""
    first, *rest = jax.random.split(key, depth + 1)
    return MLP(
        dense(first, observation.size, width),
        tuple(dense(block, width, width) for block in rest),
    )


def residual(
    blocks: tuple[Dense, ...], x: Float[Array, " width"]
) -> Float[Array, " width"]:
    """Add each block's branch to x, scaled by 1/√(number of blocks)."""
    for block in blocks:
        x = x + activate(block(x)) * len(blocks) ** -0.5
    return x


def activate(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Apply the nonlinearity φ."""
    return jax.numpy.tanh(x)
