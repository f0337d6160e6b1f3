"""Profile intervals: which values of one parameter a least-squares fit allows.

With S(θ) the sum of squares of n independent residuals, minimised over all other
parameters, the 90 % interval holds every θ with

    S(θ) ≤ S_min (1 + t²/ν),

t the 95 % point of Student's t with ν = n − p degrees of freedom. Unlike estimate ±
error it follows the curvature of a non-linear parameter, and it says so honestly,
by reaching a bound, when the data leave the parameter open.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

from allometry.laws.arrays import Array

_POINTS = 65
_ZOOMS = 5
_EXACT = 1e-12


def least(
    squares: Callable[[Array], Array], low: float, high: float
) -> tuple[float, float]:
    """Minimise a smooth vectorised function on [low, high] by zooming grids.

    Returns the place, to (high − low)/32⁵, and the least value.
    """
    for _ in range(_ZOOMS):
        grid = np.linspace(low, high, _POINTS)
        values = squares(grid)
        index = int(np.argmin(values))
        low, high = grid[max(index - 1, 0)], grid[min(index + 1, _POINTS - 1)]
    return float(grid[index]), float(values[index])


def threshold(smallest: float, points: int, parameters: int) -> float:
    """Give the sum of squares up to which a value is inside the 90 % interval.

    A fit that is exact to rounding keeps an interval of about that width.
    """
    freedom = points - parameters
    quantile = float(stdtrit(freedom, 0.95))
    return max(smallest, points * _EXACT) * (1 + quantile**2 / freedom)


def interval(
    squares: Callable[[float], float],
    best: float,
    bounds: tuple[float, float],
    allowed: float,
) -> tuple[float, float]:
    """Find where the profile passes `allowed` on each side of `best`.

    A side on which it never does gives the bound.
    """

    def edge(bound: float) -> float:
        if math.isclose(best, bound) or squares(bound) <= allowed:
            return bound
        return float(brentq(lambda x: squares(x) - allowed, best, bound, xtol=1e-6))

    return edge(bounds[0]), edge(bounds[1])
