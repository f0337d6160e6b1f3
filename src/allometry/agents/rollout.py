"""Rollout: the agent acts in copies of an environment, and a batch comes of it.

The rollout is the only place that resets: an environment says that an episode ended,
the rollout draws a task from the sampler and begins the next one. What ended an episode
is shown to the agent as any other step, so that it has a value, whatever the agent
remembers; what it does there is not taken, since the next episode begins instead.
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

    `timestep` is what the agent saw before `action`; `reward`, `terminated` and
    `truncated` are what came of it. `taken` is false in the rows that show the end of
    an episode: their action led to nothing, and the next row begins another episode.
    Rows of an environment that is not episodic are all taken (`None`). `extras` are
    what `act` gave. `last` is what followed the final step `[B]`; `memory` and
    `last_memory` are the agent's before the first step and after the final one
    `[B, P, ...]`.
    """

    timestep: TimeStep
    action: PyTree
    reward: Float[Array, "T B P"]
    terminated: Bool[Array, "T B"]
    truncated: Bool[Array, "T B"]
    taken: Bool[Array, "T B"] | None
    extras: dict[str, Any]
    last: TimeStep
    memory: PyTree
    last_memory: PyTree


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
    ) -> tuple[tuple[PyTree, TimeStep, PyTree], tuple[PyTree, ...]]:
        state, before, memory = carry
        act_key, step_key, *begin_key = jax.random.split(key, 3 if episodic else 2)
        action, memory, extras = agent.act(learner, before, memory, act_key)
        state, after = environment.step(step_key, state, action)
        taken = None
        if episodic:
            taken = ~(before.terminated | before.truncated)
            state, after = jax.tree.map(
                lambda stepped, fresh: jnp.where(taken, stepped, fresh),
                (state, after),
                begin(begin_key[0]),
            )
        answer = after.reward, after.terminated, after.truncated
        return (state, after, memory), (before, action, *answer, taken, extras)

    def begin(key: Key[Array, ""]) -> tuple[PyTree, TimeStep]:
        task_key, reset_key = jax.random.split(key)
        task = sampler.sample(environment, loop.sampler, task_key)
        return environment.reset(reset_key, task)

    carry = (loop.environment, loop.timestep, loop.memory)
    keys = jax.random.split(key, (length, copies))
    (state, timestep, memory), rows = jax.lax.scan(jax.vmap(step), carry, keys)
    before, action, reward, terminated, truncated, taken, extras = rows
    batch = Batch(
        timestep=before,
        action=action,
        reward=reward,
        terminated=terminated,
        truncated=truncated,
        taken=taken,
        extras=extras,
        last=timestep,
        memory=loop.memory,
        last_memory=memory,
    )
    return loop._replace(environment=state, timestep=timestep, memory=memory), batch
