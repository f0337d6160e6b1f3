"""Resample: refits without each group, or to drawn groups, all in one descent."""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.parametric.descend import descend
from allometry.laws.parametric.observe import MOST_GROUPS, Observations
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.settings import FormSettings


def weights(
    observations: Observations, settings: FormSettings, generator: np.random.Generator
) -> tuple[Array, tuple[str, ...]]:
    """Give each replicate's weights `[B, n]`, and its name.

    Groups beyond `MOST_GROUPS` are left out in blocks drawn by the generator.
    """
    groups, group = len(observations.labels), observations.group
    if settings.interval == "bootstrap":
        draws = generator.multinomial(
            groups, np.full(groups, 1 / groups), size=settings.resamples
        )
        names = tuple(f"draw {index + 1}" for index in range(settings.resamples))
        return draws[:, group].astype(np.float64), names
    names = observations.labels
    if groups > MOST_GROUPS:
        block = generator.permutation(groups) % MOST_GROUPS
        group, names = block[group], tuple(f"block {i + 1}" for i in range(MOST_GROUPS))
    kept = group[None, :] != np.arange(len(names))[:, None]
    return kept.astype(np.float64), names


def refit(problem: Problem, best: Array, weight: Array, delta: float | None) -> Array:
    """Fit every row of weights `[B, n]`, warm-started from the best θ `[p]`."""
    start = np.repeat(best[None, :], len(weight), axis=0)
    found = descend(problem.residuals, start, weight, problem.bounds, delta)
    return problem.ordered(found.theta)
