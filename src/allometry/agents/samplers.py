"""Samplers decide which task comes next: `init`, `sample`, `update`."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from allometry.environments.environment import Environment, Task

SamplerState = Any


@runtime_checkable
class Sampler(Protocol):
    """A source of training tasks, with a state that it learns from outcomes."""

    def init(self, environment: Environment, key: Key[Array, ""]) -> SamplerState:
        """Give the state before any outcome; the key is consumed."""
        ...

    def sample(
        self, environment: Environment, state: SamplerState, key: Key[Array, ""]
    ) -> Task:
        """Draw one task; the key is consumed."""
        ...

    def update(
        self,
        environment: Environment,
        state: SamplerState,
        outcomes: Float[Array, "T B P"],
        key: Key[Array, ""],
    ) -> SamplerState:
        """Learn from the rewards of one rollout; the key is consumed."""
        ...


@dataclasses.dataclass(frozen=True)
class Uniform:
    """The environment's own training distribution, whatever the outcomes."""

    def init(self, environment: Environment, key: Key[Array, ""]) -> PyTree:
        """Keep nothing."""
        return ()

    def sample(
        self, environment: Environment, state: PyTree, key: Key[Array, ""]
    ) -> Task:
        """Draw from `environment.sample_task`."""
        return environment.sample_task(key)

    def update(
        self,
        environment: Environment,
        state: PyTree,
        outcomes: Float[Array, "T B P"],
        key: Key[Array, ""],
    ) -> PyTree:
        """Learn nothing."""
        return state


class Shelf(NamedTuple):
    """Tasks that are ready `[size, ...]`, and the place of the oldest."""

    tasks: Task
    oldest: Int[Array, ""]


@dataclasses.dataclass(frozen=True)
class Prefetched:
    """Tasks drawn ahead, for environments whose `sample_task` is heavy.

    A shelf of `size` tasks stands ready, and `fresh` new ones take the place of the
    oldest after each rollout. A task serves as many episodes as begin in a rollout,
    divided by `fresh`, on average.
    """

    size: int
    fresh: int

    def init(self, environment: Environment, key: Key[Array, ""]) -> Shelf:
        """Draw a shelf of tasks."""
        return Shelf(_draw(environment, key, self.size), jnp.int32(0))

    def sample(
        self, environment: Environment, state: Shelf, key: Key[Array, ""]
    ) -> Task:
        """Take one of the shelf, all equally likely."""
        # One draw where `randint` takes three, and as even to one in a million.
        place = jax.random.bits(key, (), jnp.uint32) % self.size
        return jax.tree.map(lambda tasks: tasks[place], state.tasks)

    def update(
        self,
        environment: Environment,
        state: Shelf,
        outcomes: Float[Array, "T B P"],
        key: Key[Array, ""],
    ) -> Shelf:
        """Replace the oldest tasks."""
        places = (state.oldest + jnp.arange(self.fresh)) % self.size
        fresh = _draw(environment, key, self.fresh)
        tasks = jax.tree.map(
            lambda old, new: old.at[places].set(new), state.tasks, fresh
        )
        return Shelf(tasks, (state.oldest + self.fresh) % self.size)


def _draw(environment: Environment, key: Key[Array, ""], count: int) -> Task:
    return jax.vmap(environment.sample_task)(jax.random.split(key, count))
