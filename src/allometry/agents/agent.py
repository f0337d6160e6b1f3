"""The agent contract: `init`, `act`, `learn`, and what it costs.

An agent is a frozen record of hyper-parameters, each marked *traced* (a leaf of the
learner: may be vmapped or mutated by a population, never recompiles) or *static*
(decides the program). A learner is a pytree whose leaves are all arrays, so that it
may be a `scan` carry, a `vmap` axis and a checkpoint as it is.
"""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float, Key, PyTree

from allometry.agents.actor import Actor
from allometry.agents.schedule import Schedule
from allometry.environments.environment import TimeStep
from allometry.specs import EnvironmentSpec

#: A NamedTuple with a field `settings`, what the agent's `settings()` gave.
Learner = Any
Memory = Any


class Flops(NamedTuple):
    """What one interaction costs, in FLOPs."""

    act: float
    learn: float


@runtime_checkable
class Agent(Protocol):
    """An agent as the loop sees it. Functions are for one environment instance."""

    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Learner:
        """Build a learner with this record's hyper-parameters; the key is consumed."""
        ...

    def settings(self) -> dict[str, Float[Array, ""]]:
        """Give the traced hyper-parameters as they stand in a learner.

        Learners of one program may differ in them; a population changes them.
        """
        ...

    def initial_memory(self, learner: Learner) -> Memory:
        """Give one player's memory before an episode (an empty pytree if none)."""
        ...

    def act(
        self,
        learner: Learner,
        timestep: TimeStep,
        memory: Memory,
        key: Key[Array, ""],
        *,
        explore: bool = True,
    ) -> tuple[PyTree, Memory, dict[str, Array]]:
        """Choose the players' actions `[P, ...]`; extras go into the batch.

        A memory `[P, ...]` is the agent's to clear where the time step is a `first`.
        """
        ...

    def actor(self, learner: Learner) -> Actor:
        """Give what acts, apart from what only learning needs."""
        ...

    def learn(
        self, learner: Learner, batch: Any, key: Key[Array, ""]
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Update on one batch; the metrics are means over it."""
        ...

    def probabilities(
        self, learner: Learner, observation: Float[Array, "..."]
    ) -> Float[Array, " A"]:
        """Give the exploring policy's action probabilities for one observation."""
        ...

    def parameters(self, learner: Learner) -> dict[str, int]:
        """Count parameters by network and part (`policy.torso`, `value.heads`, …)."""
        ...

    def flops(self, spec: EnvironmentSpec, schedule: Schedule) -> Flops:
        """Count FLOPs per interaction when a `schedule` makes the batches."""
        ...

    def updates(self) -> int:
        """Count the gradient steps of one iteration.

        Those that come every so many iterations are shared out among them.
        """
        ...


@runtime_checkable
class Phasic(Protocol):
    """An agent that every `period` iterations learns again from its last batches.

    What it keeps of them is the loop's `replay`, that of iteration i in place i mod
    `period`. After each iteration whose number is one below a multiple of `period`
    every place has been filled anew, in order, and the agent reflects on all of them.
    """

    @property
    def period(self) -> int:
        """Count the iterations from one such phase to the next."""
        ...

    def replay(
        self, learner: Learner, spec: EnvironmentSpec, schedule: Schedule
    ) -> PyTree:
        """Give room for what is kept of `period` batches, on a leading axis."""
        ...

    def kept(self, learner: Learner, batch: Any) -> PyTree:
        """Choose what is kept of a batch that the learner has not learnt from yet."""
        ...

    def reflect(self, learner: Learner, replay: PyTree, key: Key[Array, ""]) -> Learner:
        """Learn from what was kept of `period` batches; the key is consumed."""
        ...


def traced(default: float, doc: str) -> Any:
    """Declare a hyper-parameter that is a leaf of the learner."""
    return dataclasses.field(default=default, metadata={"traced": True, "doc": doc})


def static(default: Any, doc: str) -> Any:
    """Declare a hyper-parameter that decides the program."""
    return dataclasses.field(default=default, metadata={"traced": False, "doc": doc})


def traced_names(record: Any) -> tuple[str, ...]:
    """Name the traced hyper-parameters of an agent's record or class, in order."""
    fields = dataclasses.fields(record)
    return tuple(field.name for field in fields if field.metadata["traced"])
