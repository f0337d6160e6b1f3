"""Descend: minimise many small robust least-squares problems at once.

A Levenberg–Marquardt descent (Marquardt 1963, doi 10.1137/0111030) of a whole batch:
starts, or resamples, are rows of one array, so that a thousand refits cost a few dozen
array operations each. Bounds are kept by projection. With the Huber loss the curvature
counts residuals inside the quadratic part, and a little of those outside it
(`_OUTSIDE`), which keeps the system solvable where nearly all lie outside.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from allometry.laws.arrays import Array

#: θ `[B, p]` and the rows it is for, to residuals `[B, n]` and ∂residual/∂θⱼ, p arrays.
Residuals = Callable[[Array], tuple[Array, Sequence[Array]]]

_ITERATIONS = 300
_TOLERANCE = 1e-11
_OUTSIDE = 0.01
_STIFFEST = 1e10
#: Floats that one batch may hold in its largest arrays together.
_ROOM = 8_000_000


@dataclasses.dataclass(frozen=True)
class Minima:
    """Where each descent ended: θ `[B, p]`, the loss there `[B]`."""

    theta: Array
    loss: Array


def descend(
    residuals: Residuals,
    start: Array,
    weight: Array,
    bounds: tuple[Array, Array],
    delta: float | None = None,
) -> Minima:
    """Minimise Σᵢ wᵢ ρ(rᵢ(θ)) from each start `[B, p]`.

    `weight` is `[n]`, or `[B, n]` with weights of its own for each row. ρ is r²/2, or
    Huber's with `delta`. `bounds` are the least and the greatest θ, `[p]` each.
    """
    count, size = start.shape
    rows = max(1, _ROOM // (weight.shape[-1] * (size + 6)))
    parts = []
    for first in range(0, count, rows):
        part = slice(first, first + rows)
        own = weight if weight.ndim == 1 else weight[part]
        parts.append(_descend(residuals, start[part], own, bounds, delta))
    return Minima(
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.loss for part in parts]),
    )


def loss(residual: Array, weight: Array, delta: float | None) -> Array:
    """Give Σ w ρ(r) over the last axis; infinite where a residual is not finite."""
    size = np.abs(residual)
    if delta is None:
        each = residual * residual / 2
    else:
        each = np.where(size <= delta, size * size / 2, delta * (size - delta / 2))
    total = (weight * each).sum(-1)
    return np.asarray(np.where(np.isfinite(total), total, np.inf))


def _descend(
    residuals: Residuals,
    start: Array,
    weight: Array,
    bounds: tuple[Array, Array],
    delta: float | None,
) -> Minima:
    low, high = bounds
    theta = np.clip(start, low, high)
    damping = np.full(len(theta), 1e-2)
    settled = np.zeros(len(theta), dtype=np.int64)
    with np.errstate(all="ignore"):
        residual, jacobian = _evaluate(residuals, theta)
        least = loss(residual, weight, delta)
        active = np.arange(len(theta))
        for _ in range(_ITERATIONS):
            # Only what still descends is computed; the rest keeps its place.
            own = weight if weight.ndim == 1 else weight[active]
            here = theta[active]
            step = _step(here, residual, jacobian, own, damping[active], bounds, delta)
            there = np.clip(here + step, low, high)
            moved, slopes = _evaluate(residuals, there)
            value = loss(moved, own, delta)
            before = least[active]
            better = value <= before
            gain = (before - value) / np.maximum(before, 1e-300)
            theta[active] = np.where(better[:, None], there, here)
            least[active] = np.where(better, value, before)
            damping[active] *= np.where(better, 0.25, 5.0)
            np.clip(damping, 1e-12, None, out=damping)
            still = np.where(better & (gain < _TOLERANCE), settled[active] + 1, 0)
            settled[active] = np.where(better, still, settled[active])
            residual = np.where(better[:, None], moved, residual)
            jacobian = np.where(better[:, None], slopes, jacobian)
            going = (settled[active] < 2) & (damping[active] < _STIFFEST)
            if not going.any():
                break
            active, residual = active[going], residual[going]
            jacobian = jacobian[:, going]
    return Minima(theta, least)


def _evaluate(residuals: Residuals, theta: Array) -> tuple[Array, Array]:
    """Give residuals `[B, n]` and the Jacobian `[p, B, n]`, finite."""
    residual, slopes = residuals(theta)
    jacobian = np.stack([np.broadcast_to(slope, residual.shape) for slope in slopes])
    return residual, np.nan_to_num(jacobian, nan=0.0, posinf=0.0, neginf=0.0)


def _step(
    theta: Array,
    residual: Array,
    jacobian: Array,
    weight: Array,
    damping: Array,
    bounds: tuple[Array, Array],
    delta: float | None,
) -> Array:
    """Solve the damped normal equations of the free coordinates, `[B, p]`."""
    residual = np.nan_to_num(residual, nan=0.0, posinf=0.0, neginf=0.0)
    pull, curvature = _weights(residual, weight, delta)
    gradient = np.stack([(pull * slope).sum(-1) for slope in jacobian], -1)
    hessian = normal_matrix(jacobian, curvature)
    fixed = ((theta <= bounds[0]) & (gradient > 0)) | (
        (theta >= bounds[1]) & (gradient < 0)
    )
    diagonal = np.einsum("bii->bi", hessian)
    least = 1e-12 * diagonal.max(-1, keepdims=True) + 1e-300
    damped = diagonal + damping[:, None] * np.maximum(diagonal, least)
    system = np.where(fixed[:, :, None] | fixed[:, None, :], 0.0, hessian)
    place = np.arange(theta.shape[1])
    system[:, place, place] = np.where(fixed, 1.0, damped + least)
    wanted = np.where(fixed, 0.0, -gradient)
    return np.asarray(np.linalg.solve(system, wanted[..., None])[..., 0])


def normal_matrix(jacobian: Array, weight: Array) -> Array:
    """Give Jᵀ W J, `[B, p, p]`, from J `[p, B, n]`; without BLAS, which would wait."""
    size, count, _ = jacobian.shape
    matrix = np.empty((count, size, size))
    for i in range(size):
        weighted = weight * jacobian[i]
        for j in range(i + 1):
            matrix[:, i, j] = matrix[:, j, i] = (weighted * jacobian[j]).sum(-1)
    return matrix


def _weights(
    residual: Array, weight: Array, delta: float | None
) -> tuple[Array, Array]:
    """Give w ρ′(r) and the weight of each residual in the curvature."""
    if delta is None:
        return weight * residual, np.broadcast_to(weight, residual.shape)
    size = np.abs(residual)
    outside = _OUTSIDE * delta / np.maximum(size, delta)
    inside = np.where(size <= delta, 1.0, outside)
    return weight * np.clip(residual, -delta, delta), weight * inside
