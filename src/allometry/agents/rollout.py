"""Rollout: the agent acts in copies of an environment, and a batch comes of it.

The rollout is the only place that resets: an environment says that an episode ended,
the rollout draws a task from the sampler and begins the next one. What ended an episode
is shown to the agent as any other step, so that it has a value, whatever the agent
remembers; what it does there is not taken, since the next episode begins instead.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, PyTree

from allometry.agents import coplayers as company
from allometry.agents.agent import Agent, Learner
from allometry.agents.coplayers import CoPlayers
from allometry.agents.loop import Loop
from allometry.agents.samplers import Sampler
from allometry.environments.environment import Environment, TimeStep

#: State, time step, memory, and the slots (empty without co-players).
Carry = tuple[PyTree, TimeStep, PyTree, PyTree]


class Keys(NamedTuple):
    """What is random in a step of a copy; `begin` are a task's and its reset's."""

    act: Key[Array, "..."]
    step: Key[Array, "..."]
    begin: Any
    company: Any


class Batch(NamedTuple):
    """T steps of B copies with P players, time first.

    `timestep` is what the agent saw before `action`; `reward`, `terminated` and
    `truncated` are what came of it. `taken` is false in the rows that show the end of
    an episode: their action led to nothing, and the next row begins another episode.
    Rows of an environment that is not episodic are all taken (`None`). `extras` are
    what `act` gave. `last` is what followed the final step `[B]`; `memory` and
    `last_memory` are the agent's before the first step and after the final one
    `[B, P, ...]`.

    With co-players, `mine` says which slots are the learner's: nothing counts of the
    others. `action` is what was done, by whomever, and `chosen` what the agent would
    have done in all slots, of which its extras tell; without, both are `None`.
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
    mine: Bool[Array, "T B P"] | None = None
    chosen: PyTree = None


def rollout(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    learner: Learner,
    loop: Loop,
    key: Key[Array, ""],
    length: int,
    coplayers: CoPlayers | None = None,
) -> tuple[Loop, Batch]:
    """Collect `length` steps from each copy; the key is consumed.

    With `coplayers` the loop is one that was started with them.
    """
    copies = loop.timestep.first.shape[0]
    split = functools.partial(
        _split, episodic=environment.spec.episodic, accompanied=coplayers is not None
    )
    step = _stepping(agent, environment, sampler, learner, loop, coplayers)
    slots = () if coplayers is None else loop.opponents.slots
    carry = (loop.environment, loop.timestep, loop.memory, slots)
    # To split keys takes a loop on a CPU: once, and not at every step.
    keys = jax.vmap(jax.vmap(split))(jax.random.split(key, (length, copies)))
    carry, rows = jax.lax.scan(jax.vmap(step), carry, keys)
    state, timestep, memory, slots = carry
    before, action, reward, terminated, truncated, taken, extras, mine, chosen = rows
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
        mine=mine,
        chosen=chosen,
    )
    loop = loop._replace(environment=state, timestep=timestep, memory=memory)
    if coplayers is not None:
        loop = loop._replace(opponents=loop.opponents._replace(slots=slots))
    return loop, batch


def _split(key: Key[Array, ""], *, episodic: bool, accompanied: bool) -> Keys:
    """Give a step of one copy its keys; the key is consumed."""
    act, step, *others = jax.random.split(key, 2 + episodic + accompanied)
    begin = tuple(jax.random.split(others[0])) if episodic else None
    return Keys(act, step, begin, others[-1] if accompanied else None)


def _stepping(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    learner: Learner,
    loop: Loop,
    coplayers: CoPlayers | None,
) -> Callable[[Carry, Keys], tuple[Carry, tuple[PyTree, ...]]]:
    """Give the step of one copy: all act, and where an episode ended another begins."""

    def step(carry: Carry, keys: Keys) -> tuple[Carry, tuple[PyTree, ...]]:
        state, before, memory, slots = carry
        action, memory, extras = agent.act(learner, before, memory, keys.act)
        mine = chosen = None
        if coplayers is not None:
            parts, chosen = (coplayers, environment, loop.opponents.pool), action
            action, slots = company.step(
                *parts, slots, state, before, chosen, keys.company
            )
            mine = slots.mine
        state, after = environment.step(keys.step, state, action)
        taken = None
        if environment.spec.episodic:
            taken = ~(before.terminated | before.truncated)
            state, after = jax.tree.map(
                lambda stepped, fresh: jnp.where(taken, stepped, fresh),
                (state, after),
                begin(*keys.begin),
            )
        answer = after.reward, after.terminated, after.truncated
        row = (before, action, *answer, taken, extras, mine, chosen)
        return (state, after, memory, slots), row

    def begin(
        task_key: Key[Array, ""], reset_key: Key[Array, ""]
    ) -> tuple[PyTree, TimeStep]:
        task = sampler.sample(environment, loop.sampler, task_key)
        return environment.reset(reset_key, task)

    return step
