"""Survey: what a study will train, before it does: runs, parameters, FLOPs, time."""

import dataclasses
import functools
import json
import time
from collections.abc import Callable
from typing import Any

import jax
import polars as pl

from allometry.curves.store import STUDY, Store
from allometry.environments import registry
from allometry.environments.environment import Environment, Graded
from allometry.refusal import Refusal
from allometry.studies import room
from allometry.studies.compiled import KEPT, Compiled
from allometry.studies.facts import Facts, facts
from allometry.studies.grid import Bundle, bundles
from allometry.studies.layout import Layout
from allometry.studies.measure import Measure, measure
from allometry.studies.peers import Together
from allometry.studies.program import Program
from allometry.studies.room import Needed
from allometry.studies.schema import Study
from allometry.studies.single import Single
from allometry.studies.study import from_mapping

#: Options of the environment that a grid varies, and their values.
Options = tuple[tuple[str, Any], ...]

#: Seconds of training on which the speed of a bundle is measured.
SAMPLE = 2.0


@dataclasses.dataclass(frozen=True)
class Survey:
    """A study with its environments and the facts of its bundles.

    Both are found out at first use, once: an environment may take seconds to load.
    """

    study: Study

    @functools.cached_property
    def facts(self) -> tuple[Facts, ...]:
        """The facts of every bundle, in the grid's order."""
        return tuple(
            facts(self.study, self.environment(bundle), bundle)
            for bundle in bundles(self.study)
        )

    def environment(self, bundle: Bundle) -> Environment:
        """Give a bundle's environment; raises `Refusal` if it cannot be made."""
        return self._made(bundle.runs[0].environment)[0]

    def program(self, facts: Facts, layout: Layout | None = None) -> Program:
        """Prepare the program of a bundle, for devices if they are given.

        Raises `Refusal` if its environment cannot be measured.
        """
        options = facts.bundle.runs[0].environment
        return Program(
            self.study,
            facts.bundle,
            *self._made(options),
            iterations=facts.checkpoints[-1],
            layout=layout,
            compiled=functools.partial(self._compiled, options),
        )

    def needed(self, facts: Facts) -> Needed:
        """Count the bytes that a bundle takes on each of its devices.

        It takes JAX's tracing to find out, so that bundles alike share the count.
        """
        program, runs = self.program(facts), facts.bundle.runs
        alike = program.trainee, len(runs), runs[0].environment
        if alike not in self._needed:
            self._needed[alike] = room.needed(program)
        return self._needed[alike]

    @functools.cached_property
    def _compiled(self) -> Callable[[Options, Single | Together, int], Compiled]:
        """Give what bundles of one environment, trainee and number of runs share."""
        return functools.lru_cache(KEPT)(
            lambda options, trainee, runs: Compiled(trainee)
        )

    def _made(self, options: Options) -> tuple[Environment, Measure]:
        """Make an environment and its measure, once for all bundles that share it."""
        if options not in self._ready:
            environment = registry.make(**(self.study.environment | dict(options)))
            self._ready[options] = environment, measure(self.study, environment)
        return self._ready[options]

    @functools.cached_property
    def _needed(self) -> dict[tuple[Any, ...], Needed]:
        return {}

    @functools.cached_property
    def _ready(self) -> dict[Options, tuple[Environment, Measure]]:
        return {}


def of_store(store: Store) -> Survey:
    """Survey the study that a store holds, with no file but its own.

    Raises `Refusal` if this version of Allometry does not take the study any more, or
    divides it into other bundles.
    """
    content = {key: value for key, value in store.study.items() if key != "command"}
    survey = Survey(from_mapping(content, str(store.path / STUDY)))
    together = [
        (run.name, each.name) for each in bundles(survey.study) for run in each.runs
    ]
    if set(together) != set(store.plan.select("run", "bundle").iter_rows()):
        raise Refusal(
            f"{store.path} was made by another version of Allometry, which divides its "
            "study into other bundles. Go on with that version, or run the study again "
            "in another folder."
        )
    return survey


def run_rows(survey: Survey) -> pl.DataFrame:
    """Give the static part of the table `runs`, one row per run."""
    rows = [
        {
            "run": run.name,
            "study": survey.study.name,
            "bundle": known.bundle.name,
            "seed": run.seed,
            "parameters": known.parameters,
            "parameters_by_part": json.dumps(known.parameters_by_part),
            **_size(survey.environment(known.bundle)),
            **run.covariates,
        }
        for known in survey.facts
        for run in known.bundle.runs
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _size(environment: Environment) -> dict[str, float]:
    """Give how complex an environment is, if it says so: columns of its runs."""
    return environment.size() if isinstance(environment, Graded) else {}


def seconds(survey: Survey, workers: int) -> float:
    """Measure how long a study will take on this machine, in seconds.

    Compiles and briefly trains the smallest and the largest bundle; those between
    are interpolated in FLOPs, since a small network costs mostly overhead.
    """
    ordered = sorted(survey.facts, key=lambda known: known.flops)
    smallest, largest = ordered[0], ordered[-1]
    first = _seconds(survey, smallest)
    last = _seconds(survey, largest) if largest is not smallest else first
    span = (largest.flops - smallest.flops) or 1.0
    total = sum(
        first + (known.flops - smallest.flops) / span * (last - first)
        for known in ordered
    )
    return total / min(workers, len(ordered))


def _seconds(survey: Survey, known: Facts) -> float:
    """Measure the seconds to compile a bundle and to train all of it.

    A chunk of n iterations takes n times the iteration and once the measuring of the
    curve, so that two lengths tell both.
    """
    program = survey.program(known)
    members, compiled = _timed(program, program.start, 1)
    members, short = _timed(program, lambda: members, 1)
    iterations = known.checkpoints[-1]
    more = min(iterations, max(1, round(SAMPLE / short)))
    _, long = _timed(program, lambda: members, 1 + more)
    iteration = max(0.0, long - short) / more
    measuring = max(0.0, short - iteration) * len(known.checkpoints)
    return compiled + iteration * iterations + measuring


def _timed(
    program: Program, members: Callable[[], Any], iterations: int
) -> tuple[Any, float]:
    """Train a chunk; return what came of it, and the seconds that it took."""
    start = time.monotonic()
    chunk = jax.block_until_ready(program.advance(members(), 0, iterations))
    return chunk.members, time.monotonic() - start
