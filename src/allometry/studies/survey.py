"""Survey: what a study will train, before it does: runs, parameters, FLOPs, time."""

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import jax

from allometry.environments import registry
from allometry.environments.environment import Environment
from allometry.studies.grid import Bundle, bundles
from allometry.studies.program import Program
from allometry.studies.runner import checkpoint_iterations, schedule_of
from allometry.studies.study import Study


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What one bundle will take; FLOPs are of all its runs together."""

    bundle: Bundle
    parameters: int
    interactions: int
    flops: float
    checkpoints: int


def survey(study: Study) -> list[Forecast]:
    """Describe every bundle of a study without training."""
    environment = registry.make(**study.environment)
    return [_describe(study, environment, bundle) for bundle in bundles(study)]


def seconds(study: Study, forecasts: list[Forecast], workers: int) -> float:
    """Measure how long a study will take on this machine, in seconds.

    Compiles and briefly trains the smallest and the largest bundle; those between
    are interpolated in FLOPs, since a small network costs mostly overhead.
    """
    environment = registry.make(**study.environment)
    ordered = sorted(forecasts, key=lambda forecast: forecast.flops)
    ends = [ordered[0], ordered[-1]]
    timed = [_time(study, environment, end) for end in ends]
    (compile_0, train_0), (compile_1, train_1) = timed
    low, high = (end.flops for end in ends)
    total = 0.0
    for forecast in forecasts:
        share = (forecast.flops - low) / (high - low) if high > low else 0.0
        total += compile_0 + share * (compile_1 - compile_0)
        total += train_0 + share * (train_1 - train_0)
    return total / min(workers, len(forecasts))


def run_rows(study: Study) -> list[dict[str, Any]]:
    """Give the static part of the table `runs`, one row per run."""
    environment = registry.make(**study.environment)
    return [
        row for bundle in bundles(study) for row in _rows(study, environment, bundle)
    ]


def size(study: Study, environment: Environment, bundle: Bundle) -> float:
    """Give the FLOPs of one interaction of all of a bundle's runs."""
    flops = Program(bundle, environment, schedule_of(study)).flops
    return (flops.act + flops.learn + flops.environment) * len(bundle.runs)


def policy_parameters(parts: dict[str, int]) -> int:
    """Count N: the parameters of the policy, all its parts."""
    return sum(n for part, n in parts.items() if part.startswith("policy."))


def _rows(
    study: Study, environment: Environment, bundle: Bundle
) -> Iterator[dict[str, Any]]:
    parts = Program(bundle, environment, schedule_of(study)).parameters
    for run in bundle.runs:
        yield {
            "run": run.name,
            "study": study.name,
            "bundle": bundle.name,
            "seed": run.seed,
            "parameters": policy_parameters(parts),
            "parameters_by_part": json.dumps(parts),
            **run.covariates,
        }


def _describe(study: Study, environment: Environment, bundle: Bundle) -> Forecast:
    program = Program(bundle, environment, schedule_of(study))
    every = program.iteration_interactions
    points = checkpoint_iterations(study, every)
    interactions = points[-1] * every
    flops = program.flops
    return Forecast(
        bundle=bundle,
        parameters=policy_parameters(program.parameters),
        interactions=interactions,
        flops=(flops.act + flops.learn) * interactions * len(bundle.runs),
        checkpoints=len(points),
    )


def _time(
    study: Study, environment: Environment, forecast: Forecast
) -> tuple[float, float]:
    """Measure the seconds to compile a bundle, and to train all of it."""
    program = Program(forecast.bundle, environment, schedule_of(study))
    start = time.monotonic()
    members = program.start()
    members = jax.block_until_ready(program.advance(members, 0, 1)).members
    compiled = time.monotonic() - start
    iterations = forecast.interactions // program.iteration_interactions
    sample = max(1, iterations // 50)
    start = time.monotonic()
    jax.block_until_ready(program.advance(members, 1, sample))
    return compiled, (time.monotonic() - start) * iterations / sample
