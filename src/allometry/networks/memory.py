"""Memory: what carries the past of an episode from step to step.

A state belongs to one player of one copy. `step` reads the features of one step,
`window` those of several and clears the past wherever an episode begins; both give
the same numbers, so that what acts step by step learns from windows.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

#: A pytree of arrays.
State = Any


class Memory(eqx.Module):
    """What every memory has; features go in and out at one width."""

    @abc.abstractmethod
    def initial(self) -> State:
        """Give the state before an episode's first step."""

    @abc.abstractmethod
    def step(
        self, state: State, x: Float[Array, " width"]
    ) -> tuple[State, Float[Array, " width"]]:
        """Read one step's features."""

    @abc.abstractmethod
    def window(
        self, state: State, x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[State, Float[Array, "T width"]]:
        """Read several steps' features; `first` marks those that begin an episode."""

    def cleared(self, state: State, first: Bool[Array, ""]) -> State:
        """Give the initial state where an episode begins, else the one that is."""
        return jax.tree.map(
            lambda new, old: jnp.where(first, new, old), self.initial(), state
        )
