"""Training: collect, learn, and again, for one member; callers `vmap` over members.

Iteration i draws its keys from (member's key, i) alone, so that training cut into
chunks, at whatever places, is the same training.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree, UInt32

from allometry.agents import loop as loops
from allometry.agents.agent import Agent, Learner, Phasic
from allometry.agents.coplayers import CoPlayers
from allometry.agents.loop import Loop
from allometry.agents.rollout import rollout
from allometry.agents.samplers import Sampler
from allometry.agents.samples import mean, weights
from allometry.agents.schedule import Schedule
from allometry.environments.environment import Environment

State = TypeVar("State")
Metrics = dict[str, Array]


class Member(NamedTuple):
    """One run in training: all of its state. `key` is raw key data, uint32."""

    learner: Learner
    loop: Loop
    key: UInt32[Array, "..."]


def begin(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    schedule: Schedule,
    key: Key[Array, ""],
    coplayers: CoPlayers | None = None,
) -> Member:
    """Build the member that has not trained yet; the key is consumed.

    Raises `Refusal` for `coplayers` where there is one player.
    """
    learner_key, loop_key, member_key = jax.random.split(key, 3)
    learner = agent.init(environment.spec, learner_key)
    parts = (agent, environment, sampler, learner)
    loop = loops.start(*parts, loop_key, schedule.copies, coplayers)
    if isinstance(agent, Phasic):
        loop = loop._replace(replay=agent.replay(learner, environment.spec, schedule))
    return Member(learner, loop, jax.random.key_data(member_key))


def advance(
    agent: Agent,
    environment: Environment,
    sampler: Sampler,
    schedule: Schedule,
    member: Member,
    first: Int[Array, ""],
    iterations: Int[Array, ""],
    coplayers: CoPlayers | None = None,
) -> tuple[Member, dict[str, Float[Array, ""]]]:
    """Train for `iterations` iterations from number `first`; return means of metrics.

    The trip count is traced: one compilation serves chunks of any length. A mean is
    not finite if any iteration's metric was not. Of rewards those of the learner's own
    slots count.
    """

    def iteration(number: Int[Array, ""], member: Member) -> tuple[Member, dict]:
        key = jax.random.wrap_key_data(member.key)
        act_key, learn_key, task_key = jax.random.split(
            jax.random.fold_in(key, number), 3
        )
        loop, batch = rollout(
            agent,
            environment,
            sampler,
            member.learner,
            member.loop,
            act_key,
            schedule.length,
            coplayers,
        )
        if isinstance(agent, Phasic):
            learn_key, phase_key = jax.random.split(learn_key)
        learner, metrics = agent.learn(member.learner, batch, learn_key)
        if isinstance(agent, Phasic):
            kept = agent.kept(member.learner, batch)
            replay = _put(loop.replay, kept, number % agent.period)
            learner = _reflected(agent, learner, replay, number, phase_key)
            loop = loop._replace(replay=replay)
        tasks = sampler.update(environment, loop.sampler, batch.reward, task_key)
        loop = loop._replace(sampler=tasks)
        if coplayers is not None:
            opponents = coplayers.update(agent, loop.opponents, learner, number)
            loop = loop._replace(opponents=opponents)
        metrics["reward"] = mean(batch.reward, weights(batch))
        return Member(learner, loop, member.key), metrics

    return repeat(iteration, member, first, iterations)


def _put(replay: PyTree, kept: PyTree, place: Int[Array, ""]) -> PyTree:
    return jax.tree.map(
        lambda batches, batch: jax.lax.dynamic_update_index_in_dim(
            batches, batch, place, 0
        ),
        replay,
        kept,
    )


def _reflected(
    agent: Phasic,
    learner: Learner,
    replay: PyTree,
    number: Int[Array, ""],
    key: Key[Array, ""],
) -> Learner:
    """Let the agent reflect after iteration `number`, if it is due.

    All members of a bundle are at one number, so that under `vmap` too the phase is
    computed where it is due only.
    """
    return jax.lax.cond(
        (number + 1) % agent.period == 0,
        agent.reflect,
        lambda learner, replay, key: learner,
        learner,
        replay,
        key,
    )


def repeat(
    iteration: Callable[[Int[Array, ""], State], tuple[State, Metrics]],
    state: State,
    first: Int[Array, ""],
    iterations: Int[Array, ""],
) -> tuple[State, Metrics]:
    """Run `iterations` iterations from number `first`; return means of metrics."""

    def body(step: Int[Array, ""], carry: tuple[State, Metrics]) -> Any:
        state, metrics = iteration(first + step, carry[0])
        return state, jax.tree.map(jnp.add, carry[1], metrics)

    shapes = jax.eval_shape(iteration, first, state)[1]
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    state, totals = jax.lax.fori_loop(0, iterations, body, (state, zeros))
    return state, jax.tree.map(lambda total: total / iterations, totals)
