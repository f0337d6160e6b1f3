"""The affine form: E₀ (1 + h/h₀) and its wider sibling E₀ (1 + (h/h₀)^k).

Least squares on the logarithm of E, one observation per run. E₀ is eliminated in
closed form, h₀ is sought within a factor `REACH` of the horizons given, and the
intervals are profile intervals (see `profile`), which follow the curvature of h₀.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from allometry.laws import profile
from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate

#: h₀ is sought within this factor of the horizons that were run.
REACH = 1e3
#: The exponent k of the wider form is sought in this range.
EXPONENTS = (0.1, 10.0)


@dataclasses.dataclass(frozen=True)
class Affine:
    """E₀ in agent steps, h₀ in the horizon's unit, and k of the wider form.

    `spread` is the standard deviation of the log residuals of the affine form.
    """

    E_0: Estimate
    h_0: Estimate
    exponent: Estimate
    spread: float


def estimate(horizons: Sequence[float], interactions: Sequence[float]) -> Affine:
    """Fit both forms to at least 4 runs, `horizons[i]` and `interactions[i]` each."""
    squares = _Squares(np.log(horizons), np.log(interactions))
    n = len(horizons)
    u, smallest = profile.least(squares.given_h_0, *squares.bounds)
    log_E_0 = float(squares.residuals(np.array([u])).mean())
    allowed = profile.threshold(smallest, n, 2)
    h_0 = profile.interval(
        lambda x: float(squares.given_h_0(np.array([x]))[0]), u, squares.bounds, allowed
    )
    bounds = (log_E_0 - math.log(REACH), float(squares.log_E.max()))
    E_0 = profile.interval(squares.given_E_0, log_E_0, bounds, allowed)
    return Affine(
        E_0=_exponential(log_E_0, E_0, "agent steps"),
        h_0=_exponential(u, h_0, "horizon"),
        exponent=_exponent(squares),
        spread=math.sqrt(smallest / (n - 2)),
    )


class _Squares:
    """Sums of squared log residuals over u = ln h₀ and k, E₀ eliminated or given."""

    def __init__(self, log_h: Array, log_E: Array) -> None:
        self.log_h, self.log_E = log_h, log_E
        reach = math.log(REACH)
        self.bounds = (float(log_h.min()) - reach, float(log_h.max()) + reach)

    def residuals(self, u: Array, k: float = 1.0) -> Array:
        """Give ln E − ln(1 + (h/h₀)^k), `[U, n]`; its mean over runs is ln E₀."""
        growth = np.logaddexp(0.0, k * (self.log_h - u[:, None]))
        return np.asarray(self.log_E - growth)

    def given_h_0(self, u: Array, k: float = 1.0) -> Array:
        rest = self.residuals(u, k)
        return np.asarray(((rest - rest.mean(1, keepdims=True)) ** 2).sum(1))

    def given_E_0(self, log_E_0: float) -> float:  # noqa: N802 - the field's name
        return profile.least(
            lambda u: ((self.residuals(u) - log_E_0) ** 2).sum(1), *self.bounds
        )[1]

    def given_exponent(self, log_k: float) -> float:
        return profile.least(
            lambda u: self.given_h_0(u, math.exp(log_k)), *self.bounds
        )[1]


def _exponent(squares: _Squares) -> Estimate:
    """Minimise over ln k, from the best of a grid: the profile may have two dips."""
    bounds = (math.log(EXPONENTS[0]), math.log(EXPONENTS[1]))
    grid = np.linspace(*bounds, 11)
    best = int(np.argmin([squares.given_exponent(float(x)) for x in grid]))
    found = minimize_scalar(
        squares.given_exponent,
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]),
        method="bounded",
        options={"xatol": 1e-6},
    )
    allowed = profile.threshold(float(found.fun), len(squares.log_E), 3)
    edges = profile.interval(squares.given_exponent, float(found.x), bounds, allowed)
    return _exponential(float(found.x), edges, "1")


def _exponential(value: float, edges: tuple[float, float], unit: str) -> Estimate:
    return Estimate(math.exp(value), math.exp(edges[0]), math.exp(edges[1]), unit)
