"""Leave one out: refits of the intrinsic law that each leave one model size out."""

import numpy as np

from allometry.laws.estimates import Replicate
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.estimate import Minimum, Objective, minimise
from allometry.laws.intrinsic.law import Intrinsic


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
