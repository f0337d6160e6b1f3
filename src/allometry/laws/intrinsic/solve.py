"""Solve: the intrinsic law of one set of points, with its intervals and verdict.

The step that is the same for the band of a fit, for the bands shown beside it, and
for the thousand studies of a simulation.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from allometry.laws.estimates import Estimate, Replicate, interval
from allometry.laws.intrinsic.clean import LEAST_SIZES, Points
from allometry.laws.intrinsic.estimate import Search, search
from allometry.laws.intrinsic.identify import Verdict, judge
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.leave_one_out import (
    constants,
    leave_one_size_out,
    objective_of,
)

LEAST_POINTS = 12

#: Unit of each constant. N_c and E_c are where their term alone gives I = 1 FLOP.
PARAMETERS = {
    "alpha_N": "1",
    "alpha_E": "1",
    "N_c": "parameters",
    "kappa": "FLOPs per parameter and interaction",
}
#: Unit of each derived quantity, and whether its interval is on a log scale.
DERIVED = {
    "size_exponent": ("1", False),
    "interactions_exponent": ("1", False),
    "beta": ("1", True),
    "E_c": ("interactions", True),
}


@dataclasses.dataclass(frozen=True)
class Solution:
    """A law and how sure we are of it; the fields are those of a `Fit`.

    `reasons` say why it is not identified, and are empty when it is. `diagnostics`
    are JSON-able: the minimum, the starts' agreement, the profile, the sides.
    """

    parameters: Mapping[str, Estimate]
    derived: Mapping[str, Estimate]
    replicates: tuple[Replicate, ...]
    residuals: tuple[float, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    diagnostics: Mapping[str, Any]

    @property
    def identified(self) -> bool:
        """Whether no rule spoke against the law."""
        return not self.reasons


def solve(points: Points) -> Solution:
    """Search, jackknife and judge.

    Points of too few sizes give a solution of nan that says what is missing.
    """
    sizes = len(np.unique(points.group))
    if sizes < LEAST_SIZES or len(points.N) < LEAST_POINTS:
        return _without(
            f"The band holds {len(points.N)} points of {sizes} sizes, and a law needs "
            f"at least {LEAST_POINTS} of {LEAST_SIZES}: add sizes whose curves rise "
            "through the band, log more checkpoints, or train for longer."
        )
    objective = objective_of(points)
    found = search(objective)
    law = objective.law(found.best.theta, points.kappa)
    replicates = leave_one_size_out(points, objective, found.best)
    verdict = judge(points, objective, found, replicates)
    told = not verdict.reasons
    return Solution(
        parameters=_told(_parameters(law, replicates), told=told),
        derived=_told(_derived(law, replicates), told=told),
        replicates=replicates,
        residuals=tuple(objective.residuals(found.best.theta).tolist()),
        reasons=verdict.reasons,
        warnings=verdict.warnings,
        diagnostics=_diagnostics(found, verdict),
    )


def _told(estimates: dict[str, Estimate], *, told: bool) -> dict[str, Estimate]:
    """Mark what is not identified; κ is counted, not fitted."""
    return {
        name: dataclasses.replace(one, identified=told or name == "kappa")
        for name, one in estimates.items()
    }


def _parameters(
    law: Intrinsic, replicates: tuple[Replicate, ...]
) -> dict[str, Estimate]:
    values = constants(law)
    return {
        name: interval(
            values[name],
            np.array([replicate.parameters[name] for replicate in replicates]),
            unit,
            log=True,
        )
        for name, unit in PARAMETERS.items()
    }


def _derived(law: Intrinsic, replicates: tuple[Replicate, ...]) -> dict[str, Estimate]:
    laws = [Intrinsic(**replicate.parameters) for replicate in replicates]
    return {
        name: interval(
            getattr(law, name),
            np.array([getattr(other, name) for other in laws]),
            unit,
            log=log,
        )
        for name, (unit, log) in DERIVED.items()
    }


def _diagnostics(found: Search, verdict: Verdict) -> dict[str, Any]:
    return {
        "minimum": found.best.value,
        "starts": len(found.values),
        "starts_that_agree": found.agreement,
        "objective_at_exponent_minus_and_plus_0.1": list(verdict.profile),
        "points_with_size_below_and_above_the_best": list(verdict.sides),
        "jackknife_standard_error_of_size_exponent": verdict.error,
    }


def _without(reason: str) -> Solution:
    nothing = math.nan
    return Solution(
        parameters={
            name: Estimate(nothing, nothing, nothing, unit, identified=False)
            for name, unit in PARAMETERS.items()
        },
        derived={
            name: Estimate(nothing, nothing, nothing, unit, identified=False)
            for name, (unit, _) in DERIVED.items()
        },
        replicates=(),
        residuals=(),
        reasons=(reason,),
        warnings=(),
        diagnostics={},
    )
