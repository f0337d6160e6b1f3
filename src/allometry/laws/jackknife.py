"""Jackknife: intervals from refits that each leave one model size out.

What differs between sizes (luck that a size's runs share, a learning rate that does
not suit it, a misfit of the form) is what makes an exponent uncertain; resampling
seeds within sizes misses it, and its intervals cover far too little. The 90 % interval
is the estimate ± 1.645 standard errors, SE² = (G − 1)/G Σ (θ₍g₎ − θ̄)² over G sizes
(Efron and Stein 1981, doi 10.1214/aos/1176345462).
"""

import math

import numpy as np

from allometry.laws.clean import Points
from allometry.laws.estimate import Minimum, Objective, minimise
from allometry.laws.estimates import Estimate, Replicate
from allometry.laws.intrinsic import Array, Intrinsic

#: Two-sided 90 % of a normal distribution.
QUANTILE = 1.645
#: Half-widths of log intervals end here: e⁷⁰⁰ is near the largest float.
_WIDEST = 700.0


def leave_one_size_out(
    points: Points, objective: Objective, best: Minimum
) -> tuple[Replicate, ...]:
    """Refit without each size that has points, warm-started from the fit to all.

    κ of a replicate is the median over the runs of the sizes that remain.
    """
    replicates = []
    for group in np.unique(points.group):
        kept = points.group != group
        part = objective_of(points, kept, objective.centre)
        kappa = float(np.median(points.kappa_of_runs[points.kappa_group != group]))
        law = part.law(minimise(part, best.theta).theta, kappa)
        replicates.append(Replicate(float(points.sizes[group]), constants(law)))
    return tuple(replicates)


def objective_of(
    points: Points,
    kept: np.ndarray | None = None,
    centre: tuple[float, float] | None = None,
) -> Objective:
    """Give the objective of the points, or of those that are `kept`."""
    kept = np.ones(len(points.N), dtype=bool) if kept is None else kept
    return Objective(
        points.N[kept],
        points.E[kept],
        points.performance[kept],
        points.weight[kept],
        centre,
    )


def constants(law: Intrinsic) -> dict[str, float]:
    """Name the law's constants as a `Fit` and its replicates do."""
    return {
        "alpha_N": law.alpha_N,
        "alpha_E": law.alpha_E,
        "N_c": law.N_c,
        "kappa": law.kappa,
    }


def standard_error(replicates: Array) -> float:
    """Give the jackknife's standard error from values `[G]`; nan for fewer than two."""
    count = len(replicates)
    if count < 2:
        return math.nan
    squares = np.sum((replicates - np.mean(replicates)) ** 2)
    return float(np.sqrt((count - 1) / count * squares))


def interval(value: float, replicates: Array, unit: str, *, log: bool) -> Estimate:
    """Give value ± 1.645 SE; on a log scale for a positive quantity (`log`)."""
    if log:
        half = QUANTILE * standard_error(np.log(replicates))
        factor = math.exp(min(half, _WIDEST))
        return Estimate(value, value / factor, value * factor, unit)
    half = QUANTILE * standard_error(replicates)
    return Estimate(value, value - half, value + half, unit)
