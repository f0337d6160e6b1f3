"""Chance: whole numbers, choices and orders out of one draw of uniform numbers.

Every call of `jax.random` is a program of its own, which takes about half a second to
compile. What samples tasks needs some fifty draws, and takes them from one vector.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

T = TypeVar("T")


class Chance:
    """Uniform numbers in [0, 1), of which each is handed out once, in order."""

    def __init__(self, numbers: Float[Array, " U"] | None) -> None:
        self._numbers = numbers
        self.taken = 0

    def uniform(self, *shape: int) -> Float[Array, "..."]:
        """Hand out numbers in [0, 1)."""
        start, self.taken = self.taken, self.taken + math.prod(shape)
        if self._numbers is None:
            return jnp.zeros(shape)
        return self._numbers[start : self.taken].reshape(shape)

    def coin(self, probability: float, *shape: int) -> Bool[Array, "..."]:
        """Say yes with a probability."""
        return self.uniform(*shape) < probability

    def whole(self, count: Int[Array, "..."] | int, *shape: int) -> Int[Array, "..."]:
        """Draw whole numbers 0 … count − 1, evenly; 0 where `count` is not above 0."""
        number = jnp.floor(self.uniform(*shape) * jnp.maximum(count, 1))
        return number.astype(jnp.int32)

    def choice(self, values: Sequence[int], *shape: int) -> Int[Array, "..."]:
        """Choose among values, evenly."""
        return jnp.asarray(values, jnp.int32)[self.whole(len(values), *shape)]

    def order(self, count: int) -> Int[Array, " N"]:
        """Draw a permutation of 0 … count − 1, evenly."""
        return jnp.argsort(self.uniform(count)).astype(jnp.int32)


def draw(key: Key[Array, ""], function: Callable[[Chance], T]) -> T:
    """Call a function with as much chance as it takes; the key is consumed.

    How much that is must not depend on what is drawn: it is counted in a trace without
    numbers.
    """
    counter = Chance(None)
    jax.eval_shape(lambda: function(counter))
    return function(Chance(jax.random.uniform(key, (counter.taken,))))
