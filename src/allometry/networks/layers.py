"""Layers: the dense and convolutional maps that every network is made of.

Their only leaves are arrays, so a network made of them may be a `scan` carry, a
`vmap` output and a `jit` argument as it is: its skeleton is its tree structure.

Weights start as N(0, gain²/inputs) and biases at 0: a unit's input then has the
same variance at every width. Orthogonal weights would not keep it where a layer
widens (a layer from n to m > n units shrinks each unit by √(n/m)), and in a family
that is scaled by width that would be a second thing that changes.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

#: Added to the mean square before its root is taken.
NORM_EPSILON = 1e-6


class Dense(eqx.Module):
    """An affine map `[inputs] -> [outputs]`."""

    weight: Float[Array, "outputs inputs"]
    bias: Float[Array, " outputs"]

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Return W x + b."""
        return self.weight @ x + self.bias


def dense(key: Key[Array, ""], inputs: int, outputs: int, gain: float = 1.0) -> Dense:
    """Build a dense layer with weights N(0, gain²/inputs); the key is consumed."""
    weight = jax.random.normal(key, (outputs, inputs)) * (gain * inputs**-0.5)
    return Dense(weight, jnp.zeros(outputs))


class Convolution(eqx.Module):
    """A convolution `[rows, columns, inputs] -> [rows′, columns′, outputs]`.

    Stride 1. Without padding ("VALID") a kernel of size k takes k − 1 off each side
    length; with zeros around ("SAME") the sides stay.
    """

    weight: Float[Array, "size size inputs outputs"]
    bias: Float[Array, " outputs"]
    padding: str = eqx.field(static=True, default="VALID")

    def __call__(
        self, image: Float[Array, "rows columns inputs"]
    ) -> Float[Array, "rows_after columns_after outputs"]:
        """Return the feature maps of one image."""
        maps = jax.lax.conv_general_dilated(
            image[None],
            self.weight,
            window_strides=(1, 1),
            padding=self.padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return maps[0] + self.bias


def convolution(
    key: Key[Array, ""],
    size: int,
    inputs: int,
    outputs: int,
    gain: float = 1.0,
    padding: str = "VALID",
) -> Convolution:
    """Build a `size` × `size` convolution with weights N(0, gain²/(size²·inputs)).

    The key is consumed.
    """
    weight = jax.random.normal(key, (size, size, inputs, outputs))
    weight = weight * (gain * (size * size * inputs) ** -0.5)
    return Convolution(weight, jnp.zeros(outputs), padding)


class Norm(eqx.Module):
    """Layer normalisation `[width] -> [width]` (Ba et al. 2016, arXiv 1607.06450)."""

    scale: Float[Array, " width"]
    offset: Float[Array, " width"]

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        """Centre x, divide it by its spread, then scale and shift it."""
        centred = x - x.mean()
        spread = jax.lax.rsqrt((centred**2).mean() + NORM_EPSILON)
        return self.scale * centred * spread + self.offset


def norm(width: int) -> Norm:
    """Build a `Norm` that leaves the normalised as it is."""
    return Norm(jnp.ones(width), jnp.zeros(width))


def max_pool(
    maps: Float[Array, "rows columns channels"],
) -> Float[Array, "half_rows half_columns channels"]:
    """Take the maximum of each 2 × 2 square; an odd last row or column is left out."""
    rows, columns, channels = maps.shape
    maps = maps[: rows // 2 * 2, : columns // 2 * 2]
    return maps.reshape(rows // 2, 2, columns // 2, 2, channels).max((1, 3))


def shrink(
    maps: Float[Array, "rows columns channels"],
) -> Float[Array, "half_rows half_columns channels"]:
    """Take the maximum of the 3 × 3 square around every second row and column.

    Sides are halved and rounded up. What lies beyond the border is left out.
    """
    return jax.lax.reduce_window(
        maps, -jnp.inf, jax.lax.max, (3, 3, 1), (2, 2, 1), "SAME"
    )
