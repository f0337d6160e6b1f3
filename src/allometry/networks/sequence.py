"""Sequence: rows side by side, such as rays, through 1-D convolutions."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Shaped

from allometry.networks.layers import Dense, dense
from allometry.networks.reader import Reader, fields_in, half, numbers
from allometry.specs import ArraySpec

#: Places that a convolution sees at once, and from one of its places to the next.
KERNEL, STRIDE = 3, 2


class Sequence(Reader):
    """Two convolutions, then a dense layer over all that is left.

    Nothing is pooled: where along the sequence something is stays known.
    """

    convolutions: tuple[Dense, ...]
    dense: Dense

    def __call__(
        self, array: Shaped[Array, "places fields"]
    ) -> Float[Array, " features"]:
        """Return the features of a sequence."""
        x = numbers(self.spec, array)
        for convolution in self.convolutions:
            x = jax.nn.elu(jax.vmap(convolution)(windows(x)))
        return jax.nn.elu(self.dense(x.ravel()))


def sequence(key: Key[Array, ""], spec: ArraySpec, width: int) -> Sequence:
    """Build a `Sequence` of `width` features, half of it a place; consume the key."""
    first, second, last = jax.random.split(key, 3)
    each = half(width)
    convolutions = (
        dense(first, KERNEL * fields_in(spec), each),
        dense(second, KERNEL * each, each),
    )
    places = spec.shape[0]
    for _ in convolutions:
        places = math.ceil(places / STRIDE)
    return Sequence(spec, convolutions, dense(last, places * each, width))


def windows(x: Float[Array, "places fields"]) -> Float[Array, "fewer more_fields"]:
    """Lay each place's neighbourhood out in a row, zeros beyond the ends."""
    places = STRIDE * math.ceil(x.shape[0] / STRIDE)
    padded = jnp.pad(x, ((KERNEL // 2, KERNEL // 2 + places - x.shape[0]), (0, 0)))
    return jnp.concatenate(
        [padded[first : first + places : STRIDE] for first in range(KERNEL)], 1
    )
