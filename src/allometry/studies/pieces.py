"""Pieces: acting and learning alone, on a batch that no environment has made.

Time steps stand still: every row of the batch is what the members see where they are
now. Networks do not mind, so that a piece takes as many seconds as it does in training,
while nothing of an environment has to be compiled.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from allometry.agents.agent import Agent, Learner
from allometry.agents.rollout import Batch
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import TimeStep


def still(schedule: Schedule, member: Member) -> TimeStep:
    """Show a member's time steps `[B]` at every step of a rollout `[T, B]`."""
    return jax.tree.map(
        lambda x: jnp.broadcast_to(x, (schedule.length, *x.shape)),
        member.loop.timestep,
    )


def acted(
    agent: Agent, member: Member, seen: TimeStep, key: Key[Array, ""], *, episodic: bool
) -> Batch:
    """Act on rows of time steps `[T, B]`, as a rollout does; the key is consumed."""
    loop = member.loop

    def step(
        memory: PyTree, row: tuple[TimeStep, Key[Array, ""]]
    ) -> tuple[PyTree, tuple[PyTree, PyTree]]:
        before, key = row
        action, memory, extras = agent.act(member.learner, before, memory, key)
        return memory, (action, extras)

    keys = jax.random.split(key, seen.first.shape)
    memory, (action, extras) = jax.lax.scan(jax.vmap(step), loop.memory, (seen, keys))
    return Batch(
        timestep=seen,
        action=action,
        reward=seen.reward,
        terminated=seen.terminated,
        truncated=seen.truncated,
        taken=~(seen.terminated | seen.truncated) if episodic else None,
        extras=extras,
        last=loop.timestep,
        memory=loop.memory,
        last_memory=memory,
    )


def learned(
    agent: Agent, member: Member, batch: Batch, key: Key[Array, ""]
) -> tuple[Learner, dict[str, Array]]:
    """Learn from such a batch, as after a rollout; the key is consumed."""
    return agent.learn(member.learner, batch, key)
