"""Single: a run of one member, which trains alone."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array

from allometry.agents import training
from allometry.agents.agent import Agent, Learner
from allometry.agents.coplayers import CoPlayers
from allometry.agents.finite import all_finite
from allometry.agents.samplers import Sampler
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import Environment
from allometry.studies.chunk import Chunk
from allometry.studies.measure import Measure


@dataclasses.dataclass(frozen=True)
class Single:
    """How one member begins, and trains from one checkpoint to the next."""

    agent: Agent
    sampler: Sampler
    schedule: Schedule
    coplayers: CoPlayers | None

    def begin(
        self, environment: Environment, settings: dict[str, Array], key: Array
    ) -> Member:
        """Build the member that has not trained yet, with its run's own settings."""
        parts = (self.agent, environment, self.sampler, self.schedule)
        member = training.begin(*parts, key, self.coplayers)
        return member._replace(learner=member.learner._replace(settings=settings))

    def chunk(
        self,
        environment: Environment,
        measure: Measure,
        member: Member,
        first: Array,
        iterations: Array,
        finite: Array,
    ) -> Chunk:
        """Train the member and measure it; keep its last good state if it diverged."""
        parts = (self.agent, environment, self.sampler, self.schedule)
        trained, metrics = training.advance(
            *parts, member, first, iterations, self.coplayers
        )
        performance = measure.found(self.agent, trained.learner)
        finite = finite & all_finite((trained, metrics, performance))
        kept = jax.tree.map(
            lambda new, old: jnp.where(finite, new, old), trained, member
        )
        return Chunk(kept, metrics, performance, finite, jnp.int32(0), {})

    def members(self, members: Member) -> Member:
        """Give the members of all runs of a bundle, along one axis."""
        return members

    def learner(self, member: Member, number: int) -> Learner:
        """Give the learner of a run's one member."""
        return member.learner
