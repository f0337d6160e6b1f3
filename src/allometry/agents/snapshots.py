"""Snapshots: past learners as co-players (fictitious self-play).

Who learns against all that it has been does not chase its own tail as in self-play
(Heinrich, Lanctot, Silver 2015, "Fictitious self-play in extensive-form games"). So
XLand trained for two players: a snapshot every 500M frames, first a random policy
(Adaptive Agent Team 2023, arXiv 2301.07608). Here the pool is bounded, and what makes
room is the oldest.
"""

import dataclasses
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PyTree
from pydantic import Field

from allometry.agents import flops
from allometry.agents.actor import Actor
from allometry.agents.agent import Agent, Learner
from allometry.agents.coplayers import Opponents, check_share
from allometry.agents.finite import all_finite
from allometry.environments.environment import Environment, State, TimeStep
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec

Count = Annotated[int, Field(ge=1)]


class Pool(NamedTuple):
    """Past learners `[size, ...]`, and how many have been put there in all.

    Places that were not filled yet hold the first one, and are not drawn.
    """

    actors: Actor
    entered: Int[Array, ""]


class Cast(NamedTuple):
    """The place of an episode's co-players in the pool, and what they remember.

    The memory is `[P, ...]`: each slot has its own.
    """

    place: Int[Array, ""]
    memory: PyTree


@dataclasses.dataclass(frozen=True)
class Snapshots:
    """A pool of past learners; an episode's co-players are one of them, all alike.

    The first is the learner as it was initialised, a random policy. A copy that plays
    with one that is displaced goes on with the newcomer, whose memory is empty. Raises
    `Refusal` for what is no pool.
    """

    size: Count = 4
    """Most learners of the past that are kept."""
    every: Count = 100
    """Iterations from one that is put into the pool to the next."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Part of the episodes in which they play."""

    def __post_init__(self) -> None:
        """Refuse what is no pool."""
        check_share(self.share)
        for name in ("size", "every"):
            if getattr(self, name) < 1:
                raise Refusal(
                    f"Snapshots with {name} = {getattr(self, name)} are impossible: "
                    "give a whole number from 1 on."
                )

    def init(self, agent: Agent, learner: Learner) -> Pool:
        """Fill the pool with the learner as it is."""
        actors = jax.tree.map(
            lambda x: jnp.broadcast_to(x, (self.size, *x.shape)), agent.actor(learner)
        )
        return Pool(actors, jnp.int32(1))

    def cast(self, spec: EnvironmentSpec, pool: Pool, key: Key[Array, ""]) -> Cast:
        """Draw one of the pool, all equally likely; the key is consumed."""
        filled = jnp.minimum(pool.entered, self.size)
        place = jax.random.randint(key, (), 0, filled)
        return Cast(place, _empty(pool, (spec.players,)))

    def act(
        self,
        environment: Environment,
        pool: Pool,
        cast: Cast,
        state: State,
        timestep: TimeStep,
        key: Key[Array, ""],
    ) -> tuple[PyTree, Cast]:
        """Draw what the one that was cast would do; the key is consumed.

        All of the pool are asked: to give each copy the weights that it asks for moves
        more memory than that takes arithmetic (twice as slow on a CPU).
        """
        del environment, state
        play = jax.vmap(lambda actor: actor.act(timestep, cast.memory, key))
        action, memory = jax.tree.map(lambda x: x[cast.place], play(pool.actors))
        return action, cast._replace(memory=memory)

    def update(
        self,
        agent: Agent,
        opponents: Opponents,
        learner: Learner,
        number: Int[Array, ""],
    ) -> Opponents:
        """Put the learner in the place of the oldest after every `every`-th iteration.

        One that has diverged is left out.
        """
        pool, slots = opponents
        actor = agent.actor(learner)
        due = ((number + 1) % self.every == 0) & all_finite(actor)
        place = pool.entered % self.size
        actors = jax.tree.map(
            lambda old, new: old.at[place].set(jnp.where(due, new, old[place])),
            pool.actors,
            actor,
        )
        pool = Pool(actors, pool.entered + due)
        # Memories mean something only to the weights that made them.
        copies, players = slots.mine.shape
        displaced = due & (slots.cast.place == place)
        memory = jax.tree.map(
            lambda new, old: jnp.where(
                displaced.reshape(-1, *[1] * (old.ndim - 1)), new, old
            ),
            _empty(pool, (copies, players)),
            slots.cast.memory,
        )
        cast = slots.cast._replace(memory=memory)
        return Opponents(pool, slots._replace(cast=cast))

    def flops(self, agent: Agent, spec: EnvironmentSpec) -> float:
        """Count the FLOPs of one interaction: all of the pool are asked."""
        shapes = jax.eval_shape(
            lambda key: agent.actor(agent.init(spec, key)), jax.random.key(0)
        )
        return self.size * flops.playing(shapes, spec)


def _empty(pool: Pool, leading: tuple[int, ...]) -> PyTree:
    """Give memories before an episode, under leading axes."""
    actor = jax.tree.map(lambda x: x[0], pool.actors)
    return jax.tree.map(
        lambda x: jnp.broadcast_to(x, (*leading, *x.shape)), actor.initial()
    )
