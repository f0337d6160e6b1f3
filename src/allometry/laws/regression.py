"""Regression: least squares through few levels, each of them known with an error.

Levels are the sample. Their scatter is taken from how far they lie off the fit, but is
no less than how well they are known; intervals are Student's, at 90 %.
"""

import dataclasses
import math

import numpy as np
from scipy.special import stdtrit

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate
from allometry.laws.jackknife import QUANTILE


@dataclasses.dataclass(frozen=True)
class Regression:
    """y ≈ Σ kᵢ xᵢ + k₀: `constants` `[d + 1]`, the last k₀, and their `covariance`.

    `scatter` is the standard deviation of a level, `free` how many levels there are
    beyond the constants.
    """

    constants: Array
    covariance: Array
    scatter: float
    free: int

    @property
    def widths(self) -> Array:
        """Half the widths `[d + 1]` of the constants' intervals."""
        errors = np.sqrt(np.diag(self.covariance))
        return np.asarray(self._reach * errors, float)

    def predicted(self, x: Array) -> tuple[float, float]:
        """Give y of a new level at `x` `[d]`, and half the width of its interval."""
        at = np.append(x, 1.0)
        error = math.sqrt(self.scatter**2 + float(at @ self.covariance @ at))
        return float(at @ self.constants), self._reach * error

    @property
    def _reach(self) -> float:
        return float(stdtrit(self.free, 0.95))


def regression(x: Array, y: Array, known: Array) -> Regression | None:
    """Lay a plane through levels: `x` `[n, d]`, `y` `[n]`, n above d + 1.

    `known` `[n]` are standard errors of `y`. None where the x do not tell the constants
    apart.
    """
    design = np.column_stack([x, np.ones(len(y))])
    spread = x.std(0)
    scaled = (x - x.mean(0)) / np.where(spread > 0, spread, 1.0)
    if np.linalg.matrix_rank(scaled, tol=1e-6) < x.shape[1]:
        return None
    found, *_ = np.linalg.lstsq(design, y, rcond=None)
    free = len(y) - design.shape[1]
    rest = float(((y - design @ found) ** 2).sum()) / free
    scatter = math.sqrt(max(rest, float((known**2).mean())))
    covariance = scatter**2 * np.linalg.pinv(design.T @ design)
    return Regression(np.asarray(found, float), covariance, scatter, free)


def log_error(estimate: Estimate) -> float:
    """Give the standard error of a logarithm from its 90 % interval."""
    return math.log(estimate.high / estimate.low) / (2 * QUANTILE)


def exponential(log: float, width: float, unit: str) -> Estimate:
    """Give the number whose logarithm is known to half a width."""
    ends = np.clip([log, log - width, log + width], -700.0, 700.0)
    value, low, high = np.exp(ends).tolist()
    return Estimate(value, low, high, unit)
