"""Loop: everything outside the learner that training needs to go on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from allometry.agents import coplayers as company
from allometry.agents.agent import Agent, Learner
from allometry.agents.coplayers import CoPlayers
from allometry.agents.samplers import Sampler
from allometry.environments.environment import Environment, TimeStep


class Loop(NamedTuple):
    """The state of the collecting side; checkpointed beside the learner.

    `environment` and `timestep` have a leading axis of copies `[B, ...]`, `memory` one
    of copies and one of players `[B, P, ...]`; `opponents` are `coplayers.Opponents`.
    `replay` is what a `Phasic` agent keeps of its last batches, one for each place.
    What an algorithm does without (a replay, opponents) is an empty pytree.
    """

    environment: PyTree
    timestep: TimeStep
    memory: PyTree
    replay: PyTree
    opponents: PyTree
    sampler: PyTree


def start(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    learner: Learner,
    key: Key[Array, ""],
    copies: int,
    coplayers: CoPlayers | None = None,
) -> Loop:
    """Reset `copies` instances of the environment; the key is consumed.

    Raises `Refusal` for co-players where there is one player.
    """
    sampler_key, task_key, reset_key = jax.random.split(key, 3)
    state = sampler.init(environment, sampler_key)

    def begin(
        task_key: Key[Array, ""], reset_key: Key[Array, ""]
    ) -> tuple[PyTree, TimeStep]:
        task = sampler.sample(environment, state, task_key)
        return environment.reset(reset_key, task)

    environments, timestep = jax.vmap(begin)(
        jax.random.split(task_key, copies), jax.random.split(reset_key, copies)
    )
    players = environment.spec.players
    memory = jax.tree.map(
        lambda each: jnp.broadcast_to(each, (copies, players, *each.shape)),
        agent.initial_memory(learner),
    )
    opponents: PyTree = ()
    if coplayers is not None:
        opponents = company.start(coplayers, agent, environment, learner, copies)
    return Loop(environments, timestep, memory, (), opponents, state)
