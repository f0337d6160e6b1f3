"""Samplers decide which task comes next: `init`, `sample`, `update`."""

import dataclasses
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float, Key, PyTree

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
        self, state: SamplerState, outcomes: Float[Array, "T B P"]
    ) -> SamplerState:
        """Learn from the rewards of one rollout."""
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

    def update(self, state: PyTree, outcomes: Float[Array, "T B P"]) -> PyTree:
        """Learn nothing."""
        return state
