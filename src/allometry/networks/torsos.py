"""Torsos: from one observation to a vector of features.

An `embedding` reads the observation; `depth` residual blocks follow, each
x + φ(W x)/√depth. The sum of the branches then has about the same size at every
depth, so that depth may vary and little else does. The IMPALA networks of PPO-EWMA
scale their blocks by 1/√blocks (arXiv 2110.00641, released code), and Depth-μP
derives the same factor for blocks of one layer (arXiv 2310.02244, recalled).
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree, Shaped

from allometry.networks.layers import (
    Convolution,
    Dense,
    convolution,
    dense,
    max_pool,
)
from allometry.refusal import Refusal
from allometry.specs import ArraySpec

#: Channels of the convolutions of `DigitsCNN` where its width is 1,000.
CHANNELS = (16, 32)
CHANNELS_WIDTH = 1000

#: Gain of the first weights before a ReLU, which passes half of the mean square on.
GAIN = 2**0.5


class Torso(eqx.Module):
    """What every torso has: the layers that read the observation, and features."""

    embedding: eqx.AbstractVar[eqx.Module]

    @abc.abstractmethod
    def __call__(
        self, observation: PyTree[Shaped[Array, "..."]]
    ) -> Float[Array, " width"]:
        """Return the features of one observation."""


class MLP(Torso):
    """A dense layer and residual blocks over the flattened observation.

    Several arrays are laid end to end, each integer of a discrete quantity as a 1 in
    the place of its value among 0s; `values` says of each array how many there are.

    φ is ELU: it does not die, and of five it is the one that the smallest networks
    learn best with. Reward per step on digits at width 4, mean over 64 seeds: ELU
    .844 ± .007, leaky ReLU .826, SiLU .809, tanh .800, ReLU .767
    (`python benchmarks/activations.py`).
    """

    embedding: Dense
    blocks: tuple[Dense, ...]
    values: tuple[int | None, ...] = eqx.field(static=True)

    def __call__(
        self, observation: PyTree[Shaped[Array, "..."]]
    ) -> Float[Array, " width"]:
        """Return the features of one observation."""
        arrays = zip(jax.tree.leaves(observation), self.values, strict=True)
        x = jnp.concatenate([_numbers(*array) for array in arrays])
        return residual(self.blocks, jax.nn.elu(self.embedding(x)), jax.nn.elu)


def mlp(
    key: Key[Array, ""], observation: PyTree[ArraySpec], width: int, depth: int
) -> MLP:
    """Build an `MLP` of `width` units and `depth` blocks; the key is consumed."""
    arrays = jax.tree.leaves(observation)
    inputs = sum(array.size * (array.num_values or 1) for array in arrays)
    first, *rest = jax.random.split(key, depth + 1)
    return MLP(
        dense(first, inputs, width),
        tuple(dense(block, width, width) for block in rest),
        tuple(array.num_values for array in arrays),
    )


class DigitsCNN(Torso):
    """The network of Hilton et al. 2023 (arXiv 2301.13442) for 28×28 digits.

    5×5 convolution, 2×2 max-pool, 3×3 convolution, 2×2 max-pool, dense, ReLU. Our
    sources name the paper's 1,000 dense units but neither its channels nor its
    padding: 16 and 32 channels per 1,000 units and no padding are ours, and so are
    the residual blocks that may follow.
    """

    embedding: Convolution
    convolution: Convolution
    hidden: Dense
    blocks: tuple[Dense, ...]

    def __call__(
        self, observation: Float[Array, "rows columns channels"]
    ) -> Float[Array, " width"]:
        """Return the features of one image."""
        maps = max_pool(jax.nn.relu(self.embedding(observation)))
        maps = max_pool(jax.nn.relu(self.convolution(maps)))
        x = jax.nn.relu(self.hidden(maps.ravel()))
        return residual(self.blocks, x, jax.nn.relu)


def digits_cnn(
    key: Key[Array, ""], observation: PyTree[ArraySpec], width: int, depth: int
) -> DigitsCNN:
    """Build a `DigitsCNN`, its channels in proportion to `width`.

    The key is consumed. Raises `Refusal` for what is not an image of ≥ 12×12 pixels.
    """
    shape = _one_array(observation, "cnn").shape
    if len(shape) != 3 or min(shape[:2]) < 12:
        raise Refusal(
            f'The torso "cnn" reads images of at least 12×12 pixels, and the '
            f'observation has shape {shape}. Choose the torso "mlp".'
        )
    rows, columns, channels = shape
    few, many = (max(1, round(c * width / CHANNELS_WIDTH)) for c in CHANNELS)
    pixels = _pixels_left(rows) * _pixels_left(columns)
    first, second, third, *rest = jax.random.split(key, 3 + depth)
    return DigitsCNN(
        convolution(first, 5, channels, few, GAIN),
        convolution(second, 3, few, many, GAIN),
        dense(third, pixels * many, width, GAIN),
        tuple(dense(block, width, width, GAIN) for block in rest),
    )


def residual(
    blocks: tuple[Dense, ...],
    x: Float[Array, " width"],
    activate: Callable[[Array], Array],
) -> Float[Array, " width"]:
    """Add each block's branch φ(W x) to x, scaled by 1/√(number of blocks)."""
    for block in blocks:
        x = x + activate(block(x)) * len(blocks) ** -0.5
    return x


def _one_array(observation: Any, torso: str) -> ArraySpec:
    """Refuse an observation that is not one array."""
    if not isinstance(observation, ArraySpec):
        count = len(jax.tree.leaves(observation))
        raise Refusal(
            f'The torso "{torso}" reads one array, and the observation is a tree of '
            f'{count}. Choose the torso "encoder".'
        )
    return observation


def _numbers(array: Array, values: int | None) -> Shaped[Array, " inputs"]:
    """Flatten an array, and show integers of a discrete quantity by their places."""
    return (array if values is None else jax.nn.one_hot(array, values)).ravel()


def _pixels_left(side: int) -> int:
    """Follow a side of the image through 5×5, halving, 3×3, halving."""
    return ((side - 4) // 2 - 2) // 2
