"""Plane: what generalising takes, through levels in which several dials were turned.

    C = c · Π Xᵢ^kᵢ

with Xᵢ what each dial makes complex (states, games, …), given by natural logarithms. It
is laid beside the law of one aggregate complexity, such as the number of policies: both
are told the same levels and asked about one that they were not told. Intervals are
Student's, as those of a law through the levels of one dial (`generalisation`).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate
from allometry.laws.left_out import LeftOut, leave_out
from allometry.laws.level import Level
from allometry.laws.regression import exponential, log_error, regression

#: Levels beyond as many as there are constants.
FREE = 2


@dataclasses.dataclass(frozen=True)
class Plane:
    """A law through levels in terms of `complexities`, one exponent each.

    `told` is what the law of the other levels says of each level that was left out in
    turn, `highest` of the one at which all logarithms together are the largest, and
    `wrong` the factor by which a level is missed, its geometric mean over `told`. They
    are missing, and the exponents NaN, where `warnings` say why.
    """

    complexities: tuple[str, ...]
    exponents: tuple[Estimate, ...]
    constant: Estimate
    told: tuple[LeftOut, ...]
    highest: LeftOut | None
    wrong: float
    warnings: tuple[str, ...] = ()

    @property
    def identified(self) -> bool:
        """Whether there is a law at all."""
        return not self.warnings


def planes(
    levels: Sequence[Level],
    complexities: Mapping[str, Sequence[float]],
    candidates: Sequence[tuple[str, ...]],
) -> tuple[Plane, ...]:
    """Lay one law for each candidate, a choice of complexities, through the levels.

    `complexities` has the natural logarithms at the levels, in their order. Levels that
    were not seen to cross count for none, and the candidates share the rest, so that
    their errors can be compared.
    """
    seen = [n for n, one in enumerate(levels) if math.isfinite(one.compute.value)]
    crossed = [levels[n] for n in seen]
    return tuple(
        _plane(
            names,
            np.array([[complexities[name][n] for name in names] for n in seen]),
            crossed,
        )
        for names in candidates
    )


def _plane(names: tuple[str, ...], logs: Array, levels: Sequence[Level]) -> Plane:
    nothing = Estimate(math.nan, math.nan, math.nan, identified=False)
    unknown = Plane(names, (nothing,) * len(names), nothing, (), None, math.nan)
    enough = len(names) + 1 + FREE
    if len(levels) < enough + 1:
        reason = (
            f"{len(levels)} levels were seen to cross, and a law of {len(names)} "
            f"complexities that is asked about one of them needs {enough + 1}: run "
            "more levels, or train longer where none was seen."
        )
        return dataclasses.replace(unknown, warnings=(reason,))
    y = np.array([math.log(one.compute.value) for one in levels])
    known = np.array([log_error(one.compute) for one in levels])
    laid = regression(logs, y, known)
    if laid is None:
        reason = (
            f"At these levels {', '.join(names)} grow together, or do not grow: turn "
            "each dial while the others stand still."
        )
        return dataclasses.replace(unknown, warnings=(reason,))
    numbers = np.arange(len(levels))
    told = [
        leave_out(logs, y, known, numbers != n, level.value, "FLOPs")
        for n, level in enumerate(levels)
    ]
    missed = [math.log(one.missed) for one in told if one is not None]
    ends = zip(laid.constants.tolist(), laid.widths.tolist(), strict=True)
    *exponents, (log_c, c_width) = ends
    return Plane(
        complexities=names,
        exponents=tuple(Estimate(k, k - width, k + width) for k, width in exponents),
        constant=exponential(log_c, c_width, "FLOPs"),
        told=tuple(one for one in told if one is not None),
        highest=told[int(np.argmax(logs.sum(1)))],
        wrong=math.exp(float(np.mean(missed))) if missed else math.nan,
    )
