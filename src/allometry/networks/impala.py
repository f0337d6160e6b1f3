"""IMPALA: the residual convolutional network of Espeholt et al. 2018 for images.

Stacks of a convolution, a 3 × 3 max-pool at every second pixel and residual blocks,
then a dense layer (arXiv 1802.01561), as PPO-EWMA scales it (arXiv 2110.00641, released
code): channels in proportion to the width, branches by 1/√(stacks · blocks), and so the
two convolutions of a branch by the root of that.
"""

import math

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key, Shaped

from allometry.networks.layers import Convolution, Dense, convolution, dense, shrink
from allometry.networks.reader import Reader, fields_in, numbers
from allometry.networks.torsos import GAIN
from allometry.specs import ArraySpec

#: Channels of the stacks where the width is 256.
CHANNELS = (16, 32, 32)
CHANNELS_WIDTH = 256


class Branch(eqx.Module):
    """Two convolutions that add to the maps, each after a ReLU."""

    first: Convolution
    second: Convolution

    def __call__(
        self, maps: Float[Array, "rows columns channels"]
    ) -> Float[Array, "rows columns channels"]:
        """Return the maps with what the branch adds."""
        return maps + self.second(jax.nn.relu(self.first(jax.nn.relu(maps))))


class Stack(eqx.Module):
    """A convolution, a max-pool that halves the sides, and branches."""

    convolution: Convolution
    branches: tuple[Branch, ...]

    def __call__(
        self, maps: Float[Array, "rows columns channels"]
    ) -> Float[Array, "half_rows half_columns more_channels"]:
        """Return the maps of half the size."""
        maps = shrink(self.convolution(maps))
        for branch in self.branches:
            maps = branch(maps)
        return maps


class Impala(Reader):
    """Three stacks and a dense layer."""

    stacks: tuple[Stack, ...]
    dense: Dense

    def __call__(
        self, array: Shaped[Array, "rows columns channels"]
    ) -> Float[Array, " width"]:
        """Return the features of an image; integers are scaled to 0 … 1."""
        maps = numbers(self.spec, array, low=0.0)
        for stack in self.stacks:
            maps = stack(maps)
        return jax.nn.relu(self.dense(jax.nn.relu(maps).ravel()))


def impala(key: Key[Array, ""], spec: ArraySpec, width: int, blocks: int = 2) -> Impala:
    """Build an `Impala` of `width` features, `blocks` a stack; the key is consumed."""
    *keys, last = jax.random.split(key, len(CHANNELS) + 1)
    rows, columns, _ = spec.shape
    inputs = fields_in(spec)
    scale = (len(CHANNELS) * blocks) ** -0.25 if blocks else 1.0
    stacks = []
    for each, channels in zip(keys, CHANNELS, strict=True):
        outputs = max(1, round(channels * width / CHANNELS_WIDTH))
        stacks.append(_stack(each, inputs, outputs, blocks, GAIN * scale))
        inputs = outputs
        rows, columns = math.ceil(rows / 2), math.ceil(columns / 2)
    hidden = dense(last, rows * columns * inputs, width, GAIN)
    return Impala(spec, tuple(stacks), hidden)


def _stack(
    key: Key[Array, ""], inputs: int, channels: int, blocks: int, gain: float
) -> Stack:
    first, *rest = jax.random.split(key, 1 + 2 * blocks)
    maps = [convolution(one, 3, channels, channels, gain, "SAME") for one in rest]
    branches = tuple(map(Branch, maps[::2], maps[1::2]))
    return Stack(convolution(first, 3, inputs, channels, padding="SAME"), branches)
