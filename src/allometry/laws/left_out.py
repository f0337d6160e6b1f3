"""Left out: what a law through other levels says of one level, beside what it took."""

import dataclasses
import math

import numpy as np

from allometry.laws.arrays import Array, Mask
from allometry.laws.estimates import Estimate
from allometry.laws.level import Value
from allometry.laws.regression import exponential, regression


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """What the law of other levels says of `level`, and what was `seen` there.

    `predicted` has the 90 % interval of a new level; both are in the law's unit.
    """

    level: Value
    predicted: Estimate
    seen: float

    @property
    def held(self) -> bool:
        """Whether the outcome lies within the band."""
        return self.predicted.low <= self.seen <= self.predicted.high

    @property
    def missed(self) -> float:
        """By what factor it is wrong, at least 1, whichever is larger."""
        return math.exp(abs(math.log(self.seen / self.predicted.value)))


def leave_out(
    logs: Array, y: Array, known: Array, others: Mask, level: Value, unit: str
) -> LeftOut | None:
    """Ask the law through `others` about the one level that is none of them.

    `logs` `[levels, dials]` are the logarithms of what is complex, `y` `[levels]` of
    what was needed, `known` its log error and `others` which levels tell. None if they
    do not.
    """
    (number,) = np.flatnonzero(~others)
    laid = regression(logs[others], y[others], known[others])
    if laid is None:
        return None
    predicted = exponential(*laid.predicted(logs[number]), unit)
    return LeftOut(level, predicted, math.exp(float(y[number])))
