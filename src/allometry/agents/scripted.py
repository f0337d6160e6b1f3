"""Scripted: co-players that follow a pure function of the environment.

The function runs inside the compiled training, so that it is JAX from end to end. The
players of `allometry.environments.xland.scripted` are not: they search and plan in
Python, one episode at a time.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PyTree
from pydantic import Field

from allometry.agents.agent import Agent, Learner
from allometry.agents.coplayers import Opponents, check_share
from allometry.environments.contract import random_action
from allometry.environments.environment import Environment, State, TimeStep
from allometry.specs import EnvironmentSpec

#: What all players would do, `[P, ...]`, of an environment, its state (in which the
#: task is), the time step that shows it and a key. It sees more than players see.
Policy = Callable[[Environment, State, TimeStep, Key[Array, ""]], PyTree]


@dataclasses.dataclass(frozen=True)
class Scripted:
    """Co-players that follow one policy; they remember and learn nothing.

    Raises `Refusal` for a share that cannot be.
    """

    policy: Policy
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Part of the episodes in which they play."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_share(self.share)

    def init(self, agent: Agent, learner: Learner) -> PyTree:
        """Keep nothing."""
        del agent, learner
        return ()

    def cast(self, spec: EnvironmentSpec, pool: PyTree, key: Key[Array, ""]) -> PyTree:
        """Keep nothing."""
        del spec, pool, key
        return ()

    def act(
        self,
        environment: Environment,
        pool: PyTree,
        cast: PyTree,
        state: State,
        timestep: TimeStep,
        key: Key[Array, ""],
    ) -> tuple[PyTree, PyTree]:
        """Follow the policy; the key is consumed."""
        del pool
        return self.policy(environment, state, timestep, key), cast

    def update(
        self,
        agent: Agent,
        opponents: Opponents,
        learner: Learner,
        number: Int[Array, ""],
    ) -> Opponents:
        """Learn nothing."""
        del agent, learner, number
        return opponents

    def flops(self, agent: Agent, spec: EnvironmentSpec) -> float:
        """Count nothing: a script is no network, and part of the environment."""
        del agent, spec
        return 0.0


def uniform(
    environment: Environment, state: State, timestep: TimeStep, key: Key[Array, ""]
) -> Array:
    """Act uniformly at random within the bounds of an action; consumes the key."""
    del state, timestep
    return random_action(environment.spec, key)


def still(
    environment: Environment, state: State, timestep: TimeStep, key: Key[Array, ""]
) -> PyTree:
    """Take action 0 at every step, which in XLand is to stand."""
    del environment, state, key
    return jax.tree.map(jnp.zeros_like, timestep.extras["previous_action"])


#: Policies by the names that a study file gives them.
POLICIES: dict[str, Policy] = {"random": uniform, "still": still}
