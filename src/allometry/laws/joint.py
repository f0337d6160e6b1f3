"""Joint intervals: the region in which several constants lie together.

Constants that are told by the same runs go up and down together: each one's interval
says nothing of that, and a box of them holds what no data allow. The region is an
ellipse, (x − x̂)ᵀ S⁻¹ (x − x̂) ≤ T², on a log scale for positive constants. For the
jackknife S has the correlations of the refits without a group, and errors as wide as
each constant's own interval says; over G groups T² is Hotelling's, p (G − 1)/(G − p)
F₀.₉(p, G − p) (Hotelling 1931, doi 10.1214/aoms/1177732979). For the bootstrap S is the
refits' covariance and T² is χ²₀.₉(p).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.special import chdtri, fdtri

from allometry.laws.arrays import Array
from allometry.laws.estimates import Result
from allometry.laws.fitted import Fit
from allometry.refusal import Refusal

_COVERAGE = 0.9
#: A correlation nearer to ±1 than this is one constant under two names.
_RIGID = 1e-9


@dataclasses.dataclass(frozen=True)
class Joint:
    """The 90 % region of p constants.

    `centre` `[p]` holds their values. `covariance` `[p, p]` and `limit`, T², are those
    of the scale on which the region is an ellipse: the logarithm where `log` says so.
    """

    names: tuple[str, ...]
    centre: Array
    covariance: Array
    log: tuple[bool, ...]
    limit: float

    @property
    def correlation(self) -> Array:
        """Give the correlations, `[p, p]`."""
        error = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(error, error))

    def contains(self, *values: float) -> bool:
        """Say whether the region holds these values, in the order of `names`."""
        away = self._scaled(np.array(values)) - self._scaled(self.centre)
        return bool(away @ np.linalg.solve(self.covariance, away) <= self.limit)

    def ellipse(self, points: int = 181) -> Array:
        """Give the region's edge for two constants, `[points, 2]`, closed.

        Raises `Refusal` for more than two: ask for a pair of them.
        """
        if len(self.names) != 2:
            raise Refusal(
                f"The region of {', '.join(self.names)} has no edge to draw: ask for "
                "the region of two of them."
            )
        angle = np.linspace(0.0, 2 * np.pi, points)
        circle = np.stack([np.cos(angle), np.sin(angle)], -1) * np.sqrt(self.limit)
        edge = circle @ np.linalg.cholesky(self.covariance).T
        edge += self._scaled(self.centre)
        return np.where(self.log, np.exp(np.where(self.log, edge, 0.0)), edge)

    def _scaled(self, values: Array) -> Array:
        return np.where(self.log, np.log(np.where(self.log, values, 1.0)), values)


def joint(fit: Fit, names: Sequence[str]) -> Joint:
    """Give the 90 % region of two constants or more, parameters or what follows.

    Raises:
        Refusal: a name is unknown, the fit has too few replicates, or constants do not
            vary apart from each other.
    """
    names = tuple(names)
    if len(names) < 2 or len(set(names)) < len(names):
        raise Refusal(f"Name two different constants or more; given: {names}.")
    columns, log = zip(*(_values(fit, name) for name in names), strict=True)
    values = np.stack(columns, -1)
    scaled = np.where(log, np.log(np.where(log, values, 1.0)), values)
    count, size = sum(item.of == "group" for item in fit.replicates), len(names)
    if count <= size:
        raise Refusal(
            f"The fit has {count} replicates, and the region of {size} constants needs "
            f"at least {size + 1}: add runs."
        )
    found = Joint(
        names=names,
        centre=values[0],
        covariance=_covariance(fit, scaled),
        log=tuple(log),
        limit=_limit(fit, count, size),
    )
    _refuse_rigid(found)
    return found


def _values(fit: Fit, name: str) -> tuple[Array, bool]:
    """Give a constant by the fit, then by every replicate; and if it is positive."""
    form = fit.form
    if form is None:
        raise Refusal(
            f"The form {fit.law!r} is not known here: add it with "
            "laws.forms.add(form), then read the fit again."
        )
    every = {
        key: np.array(
            [one.value, *(item.parameters[key] for item in fit.replicates)], float
        )
        for key, one in fit.parameters.items()
    }
    for parameter in form.parameters:
        if parameter.name == name:
            return every[name], parameter.positive
    if name in form.derived:
        derived = form.derived[name]
        return np.asarray(derived.of(every)), derived.positive
    raise Refusal(
        f"The law {fit.law!r} has no constant {name!r}; it has: "
        f"{', '.join([*form.names, *form.derived])}."
    )


def _covariance(fit: Result, values: Array) -> Array:
    """Give S `[p, p]` from values by the fit and by each replicate, `[1 + B, p]`.

    The jackknife's is (G − 1) times its replicates' own.
    """
    by_group = values[1:][[item.of == "group" for item in fit.replicates]]
    away = by_group - by_group.mean(0)
    own = away.T @ away / len(away)
    if fit.resampling == "bootstrap":
        return np.asarray(own)
    spread = np.sqrt(np.diag(own))
    error = fit.half_widths(values) / fit.quantile
    ratio = error / np.where(spread > 0, spread, 1.0)
    return np.asarray(own * np.outer(ratio, ratio))


def _limit(fit: Result, count: int, size: int) -> float:
    """Give T²; `fdtri` takes the probability below, `chdtri` that above."""
    if fit.resampling == "bootstrap":
        return float(chdtri(size, 1 - _COVERAGE))
    factor = size * (count - 1) / (count - size)
    return factor * float(fdtri(size, count - size, _COVERAGE))


def _refuse_rigid(found: Joint) -> None:
    spread = np.sqrt(np.diag(found.covariance))
    varies = np.isfinite(spread).all() and (spread > 0).all()
    if varies and np.linalg.eigvalsh(found.correlation)[0] > _RIGID:
        return
    raise Refusal(
        f"{', '.join(found.names)} do not vary apart from each other in the refits: "
        "leave one out."
    )
