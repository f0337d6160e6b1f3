"""Program: a bundle compiled, from one checkpoint of its curves to the next.

One compilation serves every chunk, whatever its length: the trip count is traced and
the curve is measured inside. The environment travels as an argument, so that its data
are not baked into the program.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from allometry.agents.samplers import Prefetched, Sampler, Uniform
from allometry.environments.environment import Environment
from allometry.studies import layout as layouts
from allometry.studies.chunk import Chunk
from allometry.studies.compiled import Compiled
from allometry.studies.coplayers import coplayers
from allometry.studies.grid import Bundle
from allometry.studies.layout import Layout
from allometry.studies.measure import Measure
from allometry.studies.peers import Together
from allometry.studies.schema import Study
from allometry.studies.single import Single


class Program:
    """The compiled training of one bundle."""

    def __init__(
        self,
        study: Study,
        bundle: Bundle,
        environment: Environment,
        measure: Measure,
        *,
        iterations: int,
        layout: Layout | None = None,
        compiled: Callable[[Single | Together, int], Compiled] | None = None,
    ):
        """Prepare the training of so many iterations.

        It is compiled at the first `advance`, unless `compiled`, asked for a trainee
        and a number of runs, gives what another program has compiled. Without a
        `layout` it is that of the first devices that there are.
        """
        self._bundle = bundle
        self._layout = layout
        self._devices = study.training.devices
        self.environment = environment
        self.measure = measure
        self.agent, self.schedule = bundle.runs[0].agent, study.schedule
        self.trainee = _trainee(study, bundle, environment, iterations)
        self.compiled = (
            Compiled(self.trainee)
            if compiled is None
            else compiled(self.trainee, len(bundle.runs))
        )

    @functools.cached_property
    def layout(self) -> Layout:
        """On which devices it trains; raises `Refusal` if there are too few."""
        return self._layout or layouts.first(self._devices)

    def start(self) -> Any:
        """Build the runs' states before training, stacked along a leading axis."""
        return self.compiled.start(*self._beginning())

    def shapes(self) -> Any:
        """Give the shapes of these states, without building them."""
        return jax.eval_shape(self.compiled.start, *self._beginning())

    def advance(
        self,
        members: Any,
        first: int,
        iterations: int,
        finite: Bool[np.ndarray, " M"] | None = None,
    ) -> Chunk:
        """Train all runs for `iterations` from iteration number `first`.

        Those that are not `finite` any more stay as they are.
        """
        if finite is None:
            finite = np.ones(len(self._bundle.runs), bool)
        counts = np.int32(first), np.int32(iterations)
        members = self.layout.laid(members)
        with self.layout.in_use():
            return self.compiled.advance(
                self.environment, self.measure, members, *counts, finite
            )

    def _beginning(self) -> tuple[Environment, dict[str, Array], Array]:
        runs = self._bundle.runs
        settings = jax.tree.map(
            lambda *values: jnp.stack(values), *[run.agent.settings() for run in runs]
        )
        return self.environment, settings, jnp.stack([run.key for run in runs])


def _trainee(
    study: Study, bundle: Bundle, environment: Environment, iterations: int
) -> Single | Together:
    """Say what a run is: a member alone, or a population."""
    run, tasks = bundle.runs[0], sampler(study, environment)
    parts = tasks, study.schedule, coplayers(study, environment)
    if run.population is None:
        return Single(run.agent, *parts)
    return Together(run.population, *parts, iterations)


def sampler(study: Study, environment: Environment) -> Sampler:
    """Choose where a study's tasks come from: drawn ahead, where episodes begin."""
    if not environment.spec.episodic:
        return Uniform()
    asked = study.training
    ready = asked.tasks_ready or 4 * asked.copies
    fresh = asked.tasks_fresh or max(1, asked.copies // 4)
    return Prefetched(ready, min(fresh, ready))
