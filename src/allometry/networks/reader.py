"""Reader: from one array of an observation to a few features.

`Flat` reads what has no order to speak of; other readers are in files of their own.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Shaped

from allometry.networks.layers import Dense, dense
from allometry.specs import ArraySpec


class Reader(eqx.Module):
    """What every reader has: the array that it reads, and its features."""

    spec: ArraySpec = eqx.field(static=True)

    @abc.abstractmethod
    def __call__(self, array: Shaped[Array, "..."]) -> Float[Array, " features"]:
        """Return the features of one array."""


class Flat(Reader):
    """A dense layer over all numbers of an array."""

    dense: Dense

    def __call__(self, array: Shaped[Array, "..."]) -> Float[Array, " features"]:
        """Return the features of one array."""
        return jax.nn.elu(self.dense(numbers(self.spec, array).ravel()))


def flat(key: Key[Array, ""], spec: ArraySpec, width: int) -> Flat:
    """Build a `Flat` reader of half of `width` features; the key is consumed."""
    return Flat(spec, dense(key, numbers_in(spec), half(width)))


def half(width: int) -> int:
    """Give the width of what reads one of several things, half of the network's."""
    return (width + 1) // 2


def numbers(
    spec: ArraySpec, array: Shaped[Array, "..."], low: float = -1.0
) -> Float[Array, "..."]:
    """Give an array as numbers that a network can read.

    What has a number of values is one-hot along the last axis, which grows by so many.
    Other integers are scaled from their bounds to `low` … 1. All else, integers without
    bounds too, is as it is.
    """
    if spec.num_values is not None:
        hot = jax.nn.one_hot(array, spec.num_values)
        *before, last = spec.shape or (1,)
        return hot.reshape(*before, last * spec.num_values)
    array = array.astype(jnp.float32)
    if not jnp.issubdtype(jnp.dtype(spec.dtype), jnp.integer):
        return array
    if spec.minimum is None or spec.maximum is None:
        return array
    spread = spec.maximum - spec.minimum
    if not 0 < spread < math.inf:
        return array
    return low + (1 - low) * (array - spec.minimum) / spread


def numbers_in(spec: ArraySpec) -> int:
    """Count the numbers that `numbers` gives."""
    return spec.size * (spec.num_values or 1)


def fields_in(spec: ArraySpec) -> int:
    """Count those along the last axis."""
    return spec.shape[-1] * (spec.num_values or 1)
