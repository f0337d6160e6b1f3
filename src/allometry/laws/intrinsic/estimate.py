"""Estimate: the three free constants of the intrinsic law from points (N, E, R).

The performance R of a policy is an unknown increasing function of its intrinsic
performance, f(R) = ln I (Hilton, Tang and Schulman 2023, arXiv 2301.13442). For given
constants θ the best f is a weighted isotonic regression, which leaves

    J(θ) = min over increasing f of  Σᵢ wᵢ ((zᵢ − f(Rᵢ)) / gᵢ)²,
    z = ln I_θ(N, E),   g = |∇z| over (ln N, ln E).

Dividing by g makes a residual the distance, in the plane of ln N and ln E, between a
point and the contour of its performance; without it shrinking the slope in E would be
rewarded. By the envelope theorem the gradient of J is that with f held fixed.

θ = (ln(a/(1 − a)), ln s, c): the size exponent a = α_E/s, the sharpness of the elbow
s = α_N + α_E, and the balance c = ln(X/Y) of the law's two terms at the median point.
They are nearly independent of each other, and J depends on nothing else.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression, minimize

from allometry.laws.arrays import Array
from allometry.laws.intrinsic.law import Intrinsic

Bound = tuple[float, float]

#: Bounds of θ: a from .02 to .98, s from .05 to 20, one term e¹² times the other.
BOUNDS: tuple[Bound, ...] = ((-3.9, 3.9), (-3.0, 3.0), (-12.0, 12.0))
STARTS = (0.35, 0.7, 1.4)
#: Starts agree when their objectives lie within this share of the best.
AGREEMENT_TOLERANCE = 1e-3
_RESOLUTION = 1e-9
_BOUND_MARGIN = 1e-3


@dataclasses.dataclass(frozen=True)
class Minimum:
    """A minimum of the objective: θ and J there, in squared log units."""

    theta: Array
    value: float

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Names of the parameters that stopped at a bound of the search."""
        names = ("size exponent", "sharpness of the elbow", "balance of the terms")
        return tuple(
            name
            for name, value, (low, high) in zip(names, self.theta, BOUNDS, strict=True)
            if value < low + _BOUND_MARGIN or value > high - _BOUND_MARGIN
        )

    @property
    def size_exponent(self) -> float:
        """The exponent a of the best size in compute."""
        return float(1 / (1 + math.exp(-self.theta[0])))


@dataclasses.dataclass(frozen=True)
class Search:
    """The best minimum over all starts, and the share of starts that reached it."""

    best: Minimum
    agreement: float
    values: tuple[float, ...]


class Objective:
    """J and its gradient for one set of points.

    `N`, `E`, `performance` and `weight` have shape `[points]`; weights are normalised
    to sum 1, so that J is a mean squared distance. `centre` is (ln N, ln E) of the
    point at which θ's balance is taken, the median point unless given: refits to a
    part of the points keep the centre of the whole, so that their θ compare.
    """

    def __init__(
        self,
        N: Array,
        E: Array,
        performance: Array,
        weight: Array,
        centre: tuple[float, float] | None = None,
    ):
        order = np.argsort(performance, kind="stable")
        log_size, log_interactions = np.log(N[order]), np.log(E[order])
        if centre is None:
            centre = float(np.median(log_size)), float(np.median(log_interactions))
        self.centre = centre
        self.order = order
        self._n = log_size - centre[0]
        self._e = log_interactions - centre[1]
        self._weight = weight[order] / weight.sum()
        # f is a function of R: points with equal R share one value of it.
        levels = performance[order]
        self._first = np.flatnonzero(np.r_[True, levels[1:] != levels[:-1]])
        self._count = np.diff(np.r_[self._first, len(levels)])

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Give J and ∂J/∂θ (shape `[3]`) at θ."""
        n, e = self._n, self._e
        a = 1 / (1 + math.exp(-theta[0]))
        b, s, c = 1 - a, math.exp(theta[1]), theta[2]
        beta = a * b * s
        d_a, d_s = s * (e + n), a * e - b * n
        d = c + s * d_s  # ln(X/Y)
        softplus = np.logaddexp(0.0, d)
        p = np.exp(d - softplus)  # X/(X + Y); equals a on the frontier
        q = 1 - p
        z = e / b - softplus / beta
        steepness = (p / a) ** 2 + (q / b) ** 2  # g²
        weight = self._weight / steepness
        residual = z - self._monotone(z, weight)

        pull = weight * residual
        value = float(pull @ residual)
        # ∂J = Σ 2 (w/g²) r ∂z − Σ (w/g⁴) r² ∂(g²), with ∂p = p q ∂d
        slope = pull * residual / steepness
        along_d = -2 * pull * p / beta - slope * 2 * p * q * (p / a**2 - q / b**2)
        gradient_a = along_d @ d_a + 2 * pull @ (
            e / b**2 + softplus * (b - a) * s / beta**2
        )
        gradient_a += 2 * slope @ (p**2 / a**3 - q**2 / b**3)
        gradient_s = along_d @ d_s + 2 * pull @ softplus * a * b / beta**2
        return value, np.array([gradient_a * a * b, gradient_s * s, along_d.sum()])

    def residuals(self, theta: Array) -> Array:
        """Give (z − f(R))/g per point, in the order that the points came in."""
        intrinsic = self.law(theta, 1.0)
        size, interactions = self._n + self.centre[0], self._e + self.centre[1]
        z = intrinsic.log_intrinsic(np.exp(size), np.exp(interactions))
        p = self.size_share(theta)
        a = intrinsic.size_exponent
        steepness = (p / a) ** 2 + ((1 - p) / (1 - a)) ** 2
        residual = (z - self._monotone(z, self._weight / steepness)) / np.sqrt(
            steepness
        )
        return self._unsorted(residual)

    def frontier_sides(self, theta: Array) -> tuple[float, float]:
        """Give the shares of points whose size is below and above the best.

        On the frontier X/(X + Y) = a; it is larger where size is what limits.
        """
        below = self.size_share(theta) > 1 / (1 + math.exp(-theta[0]))
        share = float(np.mean(below))
        return share, 1 - share

    def size_share(self, theta: Array) -> Array:
        """Give X/(X + Y), the size term's share, per point sorted by performance."""
        a, s = 1 / (1 + math.exp(-theta[0])), math.exp(theta[1])
        d = theta[2] + s * (a * self._e - (1 - a) * self._n)
        return np.asarray(np.exp(-np.logaddexp(0.0, -d)))

    def law(self, theta: Array, kappa: float) -> Intrinsic:
        """Turn θ into the law's constants, given κ in FLOPs/(parameter interaction).

        c = α_N (ln N_c − n̄) − α_E (ln E_c − ē), and ln N_c + ln E_c follows from I = C
        on the frontier (see `Intrinsic.E_c`).
        """
        a, s = 1 / (1 + math.exp(-theta[0])), math.exp(theta[1])
        alpha_N, alpha_E = (1 - a) * s, a * s
        together = -math.log(kappa) + math.log(a) / alpha_N + math.log(1 - a) / alpha_E
        size, interactions = self.centre
        log_scale = theta[2] + alpha_N * size + alpha_E * (together - interactions)
        return Intrinsic(alpha_N, alpha_E, math.exp(log_scale / s), kappa)

    def _monotone(self, z: Array, weight: Array) -> Array:
        """Regress z on R by an increasing function; shape `[points]`."""
        if len(self._first) == len(z):
            return np.asarray(isotonic_regression(z, weights=weight).x)
        pooled = np.add.reduceat(weight, self._first)
        means = np.add.reduceat(weight * z, self._first) / pooled
        return np.repeat(isotonic_regression(means, weights=pooled).x, self._count)

    def _unsorted(self, values: Array) -> Array:
        result = np.empty_like(values)
        result[self.order] = values
        return result


def minimise(
    objective: Objective, start: Array, bounds: Sequence[Bound] = BOUNDS
) -> Minimum:
    """Descend from θ = `start` within `bounds` by a truncated Newton method.

    J is scaled by its value at the start: the tolerances are absolute, and a descent
    on a small J would stop early. SciPy's L-BFGS-B takes half as many evaluations, but
    its small matrix products wait for the threads of BLAS, tens of milliseconds each
    on a busy machine; TNC uses none.
    """
    scale = max(objective(start)[0], _RESOLUTION)

    def scaled(theta: Array) -> tuple[float, Array]:
        value, gradient = objective(theta)
        return value / scale, gradient / scale

    found = minimize(
        scaled,
        start,
        jac=True,
        method="TNC",
        bounds=bounds,
        options={"ftol": 1e-8, "gtol": 1e-5, "eta": 0.5, "maxfun": 400},
    )
    return Minimum(np.asarray(found.x), float(found.fun) * scale)


def search(objective: Objective) -> Search:
    """Minimise from nine starts, each restarted once, and count those that agree."""
    minima = []
    for alpha_N in STARTS:
        for alpha_E in STARTS:
            exponents = math.log(alpha_E / alpha_N), math.log(alpha_N + alpha_E)
            first = minimise(objective, np.array([*exponents, 0.0]))
            minima.append(minimise(objective, first.theta))
    best = min(minima, key=lambda minimum: minimum.value)
    limit = best.value * (1 + AGREEMENT_TOLERANCE) + _RESOLUTION
    agreeing = sum(minimum.value <= limit for minimum in minima)
    values = tuple(minimum.value for minimum in minima)
    return Search(best, agreeing / len(minima), values)
