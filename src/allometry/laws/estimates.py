"""Estimates: a number with its interval and unit, and the result that holds them.

`Result` is what every law's fit gives and what `fit.json` stores. A failure is a value:
`identified` is false and `warnings` says in sentences what is missing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from allometry.laws import jackknife

FIT_VERSION = 2


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value with its 90 % interval [`low`, `high`] in `unit`.

    `identified` is false for a number that the data do not tell.
    """

    value: float
    low: float
    high: float
    unit: str = "1"
    identified: bool = True


@dataclasses.dataclass(frozen=True)
class Replicate:
    """A refit without one group (a model size, a run), or to drawn groups.

    `left_out` names the group, or numbers the draw. With `of` "stretch" it is instead a
    stretch of every curve that was left out.
    """

    left_out: float | str
    parameters: Mapping[str, float]
    of: Literal["group", "stretch"] = "group"


@dataclasses.dataclass(frozen=True)
class Result:
    """A law with its parameters and how sure we are of them.

    `parameters` are the law's own constants, `derived` follow from them. `replicates`
    are the refits from which every interval comes, kept so that a forecast can carry
    them through: `resampling` says whether each leaves a group out (the interval is
    then `quantile` standard errors wide, to each side, or as wide as leaving out
    stretches of the curves makes it, if that is wider) or is fitted to drawn groups
    (the interval then holds the middle 90 % of them). `residuals` are those of the
    objective, one per point used, and `points` are these points by column. `spread` is
    the standard deviation of a new observation around the law, in the residual's unit.
    `card` is the fit card: form and units, data and exclusions, objective, optimiser,
    intervals, validation, as JSON-able values in reading order.
    """

    law: str
    parameters: Mapping[str, Estimate]
    derived: Mapping[str, Estimate]
    identified: bool
    warnings: tuple[str, ...]
    replicates: tuple[Replicate, ...]
    residuals: tuple[float, ...]
    card: Mapping[str, Any]
    points: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    spread: float = float("nan")
    resampling: Literal["jackknife", "bootstrap"] = "jackknife"
    quantile: float = jackknife.QUANTILE

    def interval(
        self, values: Sequence[float] | np.ndarray, unit: str = "1", *, log: bool
    ) -> Estimate:
        """Give the first of `values` its interval from the others.

        `values` are a quantity by the law itself, then by each replicate in order;
        `log` says that it is positive and its interval multiplies.
        """
        column = np.asarray(values, dtype=np.float64)[:, None]
        low, high = self.edges(column, log=log)
        return Estimate(float(column[0, 0]), float(low[0]), float(high[0]), unit)

    def edges(self, values: np.ndarray, *, log: bool) -> tuple[np.ndarray, np.ndarray]:
        """Give the ends of the intervals of many quantities, `values` `[1 + B, n]`."""
        if self.resampling == "bootstrap" and len(values) > 1:
            low, high = np.quantile(values[1:], (0.05, 0.95), axis=0)
            return low, high
        with np.errstate(all="ignore"):
            scale = np.log(values) if log else values
            half = self.half_widths(scale)
            low, high = scale[0] - half, scale[0] + half
            return (np.exp(low), np.exp(high)) if log else (low, high)

    def half_widths(self, values: np.ndarray) -> np.ndarray:
        """Give the jackknife's half-widths of quantities `[1 + B, n]`, on their scale.

        The wider of two: leaving out groups, and leaving out stretches of curves.
        """
        stretch = np.array([item.of == "stretch" for item in self.replicates], bool)
        by_group = values[1:][~stretch]
        half: np.ndarray = self.quantile * jackknife.standard_errors(by_group)
        if not stretch.any():
            return half
        by_stretch = values[1:][stretch]
        errors = jackknife.standard_errors(by_stretch)
        return np.fmax(half, jackknife.student(len(by_stretch)) * errors)


def interval(
    value: float,
    replicates: np.ndarray,
    unit: str,
    *,
    log: bool,
    quantile: float = jackknife.QUANTILE,
) -> Estimate:
    """Give a value its interval from the jackknife's replicates `[G]`."""
    low, high = jackknife.edges(value, replicates, quantile, log=log)
    return Estimate(value, low, high, unit)
