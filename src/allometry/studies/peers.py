"""Peers: a run that is a population, whose members train side by side.

Its performance is that of its best member: the one with the highest fitness, which is
what the population itself goes by. To take the one that is measured to be best would be
to take its luck too.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from allometry.agents import population as populations
from allometry.agents.agent import Learner
from allometry.agents.coplayers import CoPlayers
from allometry.agents.finite import all_finite
from allometry.agents.population import Peers, Population
from allometry.agents.samplers import Sampler
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import Environment
from allometry.studies.chunk import Chunk
from allometry.studies.measure import Exact, Measure


@dataclasses.dataclass(frozen=True)
class Together:
    """How a population begins, and trains from one checkpoint to the next.

    There is room for the lineage of so many `iterations`, those of the whole training.
    """

    population: Population
    sampler: Sampler
    schedule: Schedule
    coplayers: CoPlayers | None
    iterations: int

    def begin(
        self, environment: Environment, settings: dict[str, Array], key: Array
    ) -> Peers:
        """Build the population that has not trained yet, around its run's settings."""
        parts = (self.population, environment, self.sampler, self.schedule)
        return populations.begin(*parts, key, self.iterations, settings, self.coplayers)

    def chunk(
        self,
        environment: Environment,
        measure: Measure,
        peers: Peers,
        first: Array,
        iterations: Array,
        finite: Array,
    ) -> Chunk:
        """Train the population and measure its best member.

        A member that has diverged waits for the next exploit, which replaces it; the
        run has diverged when all of them have. All are measured where that is exact,
        and so costs next to nothing.
        """
        parts = (self.population, environment, self.sampler, self.schedule)
        trained, metrics = populations.advance(
            *parts, peers, first, iterations, self.coplayers
        )
        fitness = populations.fitness(trained)
        learners = trained.members.learner
        found = functools.partial(measure.found, self.population.agent)
        if isinstance(measure, Exact):
            by_member = jax.vmap(found)(learners)
            sound = jnp.isfinite(fitness) & jax.vmap(all_finite)(by_member)
            best = _best(fitness, sound)
            performance = _of(by_member, best)
            by_member = jax.tree.map(lambda x: jnp.where(sound, x, jnp.nan), by_member)
        else:
            by_member = {}
            best = _best(fitness, jnp.isfinite(fitness))
            performance = found(_of(learners, best))
        finite = finite & jnp.isfinite(fitness[best]) & all_finite(performance)
        kept = jax.tree.map(
            lambda new, old: jnp.where(finite, new, old), trained, peers
        )
        return Chunk(kept, metrics, performance, finite, best, by_member)

    def members(self, peers: Peers) -> Member:
        """Give the members of all populations of a bundle, along one axis."""
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), peers.members)

    def learner(self, peers: Peers, number: int) -> Learner:
        """Give the learner of one member of a run."""
        return _of(peers.members.learner, number)


def _best(fitness: Float[Array, " N"], sound: Bool[Array, " N"]) -> Int[Array, ""]:
    """Choose the fittest of those that are sound; of equals the first."""
    return jnp.argmax(jnp.where(sound, fitness, -jnp.inf)).astype(jnp.int32)


def _of(tree: Any, member: int | Int[Array, ""]) -> Any:
    return jax.tree.map(lambda x: x[member], tree)
