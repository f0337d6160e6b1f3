"""Rollout: the agent acts in copies of an environment, and a batch comes of it.

The rollout is the only place that resets: an environment says that an episode ended,
the rollout draws a task from the sampler and begins the next one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, PyTree

from allometry.agents.agent import Agent, Learner
from allometry.agents.loop import Loop
from allometry.agents.samplers import Sampler
from allometry.environments.environment import Environment, TimeStep


class Batch(NamedTuple):
    """T steps of B copies with P players, time first.

    `observation` is what the agent saw before `action`; `reward`, `terminated` and
    `truncated` are what came of it. `last` is the observation after the final step
    `[B, P, ...]`. `successor` `[T, B, P, ...]` is the observation after each step,
    before any reset; an environment that is not episodic has none (`None`), since
    there it is the next row. `extras` are what `act` gave.
    """

    observation: PyTree
    action: PyTree
    reward: Float[Array, "T B P"]
    terminated: Bool[Array, "T B"]
    truncated: Bool[Array, "T B"]
    successor: PyTree | None
    last: PyTree
    extras: dict[str, Any]


def rollout(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    learner: Learner,
    loop: Loop,
    key: Key[Array, ""],
    length: int,
) -> tuple[Loop, Batch]:
    """Collect `length` steps from each copy; the key is consumed."""
    episodic = environment.spec.episodic
    copies = loop.timestep.first.shape[0]

    def step(
        carry: tuple[PyTree, TimeStep, PyTree], key: Key[Array, ""]
    ) -> tuple[tuple[PyTree, TimeStep, PyTree], Batch]:
        state, timestep, memory = carry
        act_key, step_key, *end_key = jax.random.split(key, 3 if episodic else 2)
        action, memory, extras = agent.act(learner, timestep, memory, act_key)
        state, after = environment.step(step_key, state, action)
        row = Batch(
            observation=timestep.observation,
            action=action,
            reward=after.reward,
            terminated=after.terminated,
            truncated=after.truncated,
            successor=after.observation if episodic else None,
            last=None,
            extras=extras,
        )
        if episodic:
            state, after, memory = begin_again(state, after, memory, end_key[0])
        return (state, after, memory), row

    def begin_again(
        state: PyTree, after: TimeStep, memory: PyTree, key: Key[Array, ""]
    ) -> tuple[PyTree, TimeStep, PyTree]:
        task_key, reset_key = jax.random.split(key)
        task = sampler.sample(environment, loop.sampler, task_key)
        fresh = (*environment.reset(reset_key, task), agent.initial_memory(learner))
        ended = after.terminated | after.truncated
        return jax.tree.map(
            lambda new, old: jnp.where(ended, new, old), fresh, (state, after, memory)
        )

    carry = (loop.environment, loop.timestep, loop.memory)
    keys = jax.random.split(key, (length, copies))
    (state, timestep, memory), batch = jax.lax.scan(jax.vmap(step), carry, keys)
    batch = batch._replace(last=timestep.observation)
    updated = sampler.update(loop.sampler, batch.reward)
    return (
        Loop(state, timestep, memory, loop.replay, loop.opponents, updated),
        batch,
    )
