"""Resample: refits without each group, or to drawn groups, all in one descent."""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.parametric.descend import descend
from allometry.laws.parametric.observe import MOST_GROUPS, Observations
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.settings import FormSettings

#: Parts of equally many observations into which curves are cut.
STRETCHES = 8


def weights(
    observations: Observations, settings: FormSettings, generator: np.random.Generator
) -> tuple[Array, tuple[str, ...]]:
    """Give the group replicates' weights `[B, n]`, and their names.

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


def stretches(observations: Observations) -> tuple[Array, tuple[str, ...]]:
    """Give weights that leave out one stretch of every curve each, and their names.

    There are none for observations that are no curves. A form that does not fit along
    the curve (a plateau, a bend) misfits all runs alike, so that leaving out runs does
    not show it; leaving out stretches does.
    """
    name = observations.along
    if name is None:
        return np.empty((0, len(observations))), ()
    x = np.log(observations.inputs[name])
    edges = np.quantile(x, np.linspace(0, 1, STRETCHES + 1)[1:-1])
    stretch = np.searchsorted(edges, x, side="left")
    present = np.unique(stretch)
    kept = stretch[None, :] != present[:, None]
    names = tuple(
        f"{name} {np.exp(x[~row].min()):.3g} to {np.exp(x[~row].max()):.3g}"
        for row in kept
    )
    return kept.astype(np.float64), names


def refit(problem: Problem, best: Array, weight: Array, delta: float | None) -> Array:
    """Fit every row of weights `[B, n]`, warm-started from the best θ `[p]`."""
    start = np.repeat(best[None, :], len(weight), axis=0)
    found = descend(problem.residuals, start, weight, problem.bounds, delta)
    return problem.ordered(found.theta)
