"""Program: a bundle compiled, from one checkpoint of its curves to the next.

One compilation serves every chunk, whatever its length: the trip count is traced and
the curve is measured inside. The environment travels as an argument, so that its data
are not baked into the program.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from allometry.agents import training
from allometry.agents.agent import Agent
from allometry.agents.finite import all_finite
from allometry.agents.samplers import Prefetched, Sampler, Uniform
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import Environment
from allometry.studies.grid import Bundle
from allometry.studies.measure import Measure
from allometry.studies.schema import Study

#: Of a program that runs once: to compile it well takes longer than to run it.
QUICK = {"xla_backend_optimization_level": 0}


class Chunk(NamedTuple):
    """What came of one chunk; arrays have a leading axis of members `[M]`.

    `performance` is what the `Measure` found.
    Where a member is not `finite` its state is the last good one, for good.
    """

    members: Member
    metrics: dict[str, Float[Array, " M"]]
    performance: dict[str, Float[Array, "M ..."]]
    finite: Bool[Array, " M"]


class Program:
    """The compiled training of one bundle."""

    def __init__(
        self, study: Study, bundle: Bundle, environment: Environment, measure: Measure
    ):
        """Prepare the program; it is compiled at the first `advance`."""
        self._bundle = bundle
        self.environment = environment
        self.measure = measure
        self.agent, self.schedule = bundle.runs[0].agent, study.schedule
        agent, ready = self.agent, sampler(study, environment)
        self._start = jax.jit(
            jax.vmap(
                functools.partial(_begin, agent, ready, study.schedule), (None, 0, 0)
            ),
            compiler_options=QUICK,
        )
        self._chunk = functools.partial(_chunk, agent, ready, study.schedule)
        self._advance = jax.jit(self._traced)
        self.compilations = 0

    def start(self) -> Member:
        """Build the members before training, stacked along a leading axis."""
        return self._start(*self._beginning())

    def shapes(self) -> Member:
        """Give the shapes of the members, without building them."""
        return jax.eval_shape(self._start, *self._beginning())

    def advance(
        self,
        members: Member,
        first: int,
        iterations: int,
        finite: Bool[np.ndarray, " M"] | None = None,
    ) -> Chunk:
        """Train the members for `iterations` from iteration number `first`.

        Those that are not `finite` any more stay as they are.
        """
        if finite is None:
            finite = np.ones(len(self._bundle.runs), bool)
        counts = np.int32(first), np.int32(iterations)
        return self._advance(self.environment, self.measure, members, *counts, finite)

    def _beginning(self) -> tuple[Environment, dict[str, Array], Array]:
        runs = self._bundle.runs
        settings = jax.tree.map(
            lambda *values: jnp.stack(values), *[run.agent.settings() for run in runs]
        )
        return self.environment, settings, jnp.stack([run.key for run in runs])

    def _traced(
        self,
        environment: Environment,
        measure: Measure,
        members: Member,
        first: Array,
        iterations: Array,
        finite: Array,
    ) -> Chunk:
        self.compilations += 1  # runs when JAX traces, which it does once per program
        chunk = jax.vmap(self._chunk, (None, None, 0, None, None, 0))
        return chunk(environment, measure, members, first, iterations, finite)


def sampler(study: Study, environment: Environment) -> Sampler:
    """Choose where a study's tasks come from: drawn ahead, where episodes begin."""
    if not environment.spec.episodic:
        return Uniform()
    asked = study.training
    ready = asked.tasks_ready or 4 * asked.copies
    fresh = asked.tasks_fresh or max(1, asked.copies // 4)
    return Prefetched(ready, min(fresh, ready))


def _begin(
    agent: Agent,
    tasks: Sampler,
    schedule: Schedule,
    environment: Environment,
    settings: dict[str, Array],
    key: Array,
) -> Member:
    member = training.begin(agent, environment, tasks, schedule, key)
    return member._replace(learner=member.learner._replace(settings=settings))


def _chunk(
    agent: Agent,
    tasks: Sampler,
    schedule: Schedule,
    environment: Environment,
    measure: Measure,
    member: Member,
    first: Array,
    iterations: Array,
    finite: Array,
) -> Chunk:
    """Train one member and measure it; keep its last good state if it diverged."""
    trained, metrics = training.advance(
        agent, environment, tasks, schedule, member, first, iterations
    )
    performance = measure.found(agent, trained.learner)
    finite = finite & all_finite((trained, metrics, performance))
    kept = jax.tree.map(lambda new, old: jnp.where(finite, new, old), trained, member)
    return Chunk(kept, metrics, performance, finite)
