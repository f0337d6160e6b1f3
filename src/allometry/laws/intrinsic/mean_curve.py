"""Mean curve: the performance of one model size over its runs, and its faults.

Dead runs (that never learn), collapsed runs (that fall far below their own best) and
falls of the mean are counted before anything is smoothed away: they say that the
learning rate does not suit the size.
"""

import dataclasses

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression

from allometry.laws.arrays import Array
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.refusal import Refusal

#: A fall of a size's mean curve below its best by more than this is reported, and
#: one of a run's moving mean by three times as much makes it a collapsed run; in
#: units of the largest performance (of the range, where chance is negative).
RAW_DROP = 0.05
_COLLAPSE = 3 * RAW_DROP
#: A run is dead when its moving mean never gets above chance by more than this share
#: of the way to the band. Means are over so many checkpoints.
_DEAD_SHARE = 0.1
_WINDOW = 5
#: A run that ends before this share of the longest of its size is a short one.
_SHORT = 0.9
#: Checkpoints that a run needs to be read between them.
_LEAST_ROWS = 3
#: A denser curve is thinned, evenly in ln E, after its mean was made monotone with
#: all of its checkpoints: a fit's time grows with the points, its precision does not.
MOST_CHECKPOINTS = 200


@dataclasses.dataclass(frozen=True)
class MeanCurve:
    """The mean curve of one size over its runs; arrays have shape `[checkpoints]`.

    `raw` is the mean, `cleaned` the same made non-decreasing in E. `dead` and
    `collapsed` count runs, `drops` lists the falls of the mean of the runs that stayed
    finite below its best so far. `short` counts the runs that end well before others,
    with the first of which the curve ends; `interpolated` says that runs were logged at
    different interactions and read, along ln E, at those of all.
    """

    N: float
    E: Array
    raw: Array
    cleaned: Array
    dead: int
    collapsed: int
    drops: list[dict[str, float]]
    short: int = 0
    interpolated: bool = False


def mean_curve(
    runs: pl.DataFrame, size: float, settings: IntrinsicSettings
) -> MeanCurve:
    """Average a size's runs over the checkpoints that they share.

    Runs that share fewer than half of them are read between theirs. Raises `Refusal`
    where that cannot be done.
    """
    of_size = runs.filter(pl.col("parameters") == size)
    # Numbered, since a run may have any name, also that of a column.
    number = pl.col("run").rank("dense").alias("number")
    wide = of_size.with_columns(number).pivot(
        on="number", index="interactions", values="performance"
    )
    wide = wide.sort("interactions")
    stopped = _stopped(of_size)
    in_order = [str(run) for run in range(1, len(stopped) + 1)]
    matrix = wide.select(in_order).to_numpy().astype(np.float64)
    for column in np.flatnonzero(stopped):
        finite = np.flatnonzero(np.isfinite(matrix[:, column]))
        end = finite[-1] + 1 if len(finite) else 0
        matrix[end:, column] = settings.chance
    interactions = wide["interactions"].to_numpy().astype(np.float64)
    ends = np.array([_last(column, interactions) for column in matrix.T])
    shared = np.isfinite(matrix).all(axis=1)
    apart = 2 * shared.sum() < _common(matrix, interactions, ends)
    if apart:
        matrix, interactions = _interpolated(matrix, interactions, size)
    else:
        matrix, interactions = matrix[shared], interactions[shared]
    raw = matrix.mean(axis=1)
    cleaned = np.asarray(isotonic_regression(raw).x) if settings.monotone else raw
    moving = [_moving_mean(curve) for curve in matrix.T[~stopped]]
    steady = raw if stopped.all() else matrix[:, ~stopped].mean(axis=1)
    kept = _thin(interactions)
    return MeanCurve(
        N=size,
        E=interactions[kept],
        raw=raw[kept],
        cleaned=cleaned[kept],
        dead=sum(_dead(curve, settings) for curve in moving),
        collapsed=sum(_collapsed(curve, settings) for curve in moving),
        drops=_drops(size, interactions, steady, settings),
        short=int((ends < _SHORT * ends.max()).sum()),
        interpolated=bool(apart),
    )


def _last(column: Array, interactions: Array) -> float:
    """Give the interactions at which a run's curve ends."""
    there = np.flatnonzero(np.isfinite(column))
    return float(interactions[there[-1]]) if len(there) else 0.0


def _common(matrix: Array, interactions: Array, ends: Array) -> int:
    """Give the most checkpoints that a run has while all are in training."""
    while_all = np.isfinite(matrix) & (interactions <= ends.min())[:, None]
    return int(while_all.sum(axis=0).max())


def _interpolated(
    matrix: Array, interactions: Array, size: float
) -> tuple[Array, Array]:
    """Read every run, linearly in ln E, where all of them have been logged around."""
    known = [np.flatnonzero(np.isfinite(column)) for column in matrix.T]
    if min(map(len, known)) < _LEAST_ROWS:
        raise Refusal(
            f"A run with parameters = {size:g} has fewer than {_LEAST_ROWS} "
            "checkpoints, so that it cannot be averaged with the others: log more, or "
            "leave it out."
        )
    first = max(rows[0] for rows in known)
    last = min(rows[-1] for rows in known)
    inside = np.arange(len(interactions))
    inside = inside[(inside >= first) & (inside <= last)]
    if len(inside) < _LEAST_ROWS:
        raise Refusal(
            f"The runs with parameters = {size:g} were logged at interactions that "
            "hardly overlap, so that they cannot be averaged: log all seeds of a size "
            "over the same stretch of training."
        )
    at = interactions[inside][_thin(interactions[inside])]
    columns = [
        np.interp(np.log(at), np.log(interactions[rows]), column[rows])
        for rows, column in zip(known, matrix.T, strict=True)
    ]
    return np.stack(columns, axis=1), at


def _stopped(of_size: pl.DataFrame) -> np.ndarray:
    """Say which runs, in the order of their names, went non-finite."""
    status = of_size.group_by("run").agg(pl.col("status").first()).sort("run")
    return (status["status"] == "nonfinite").to_numpy()


def _thin(interactions: Array) -> np.ndarray:
    """Choose at most `MOST_CHECKPOINTS` rows evenly in ln E, the last among them."""
    if len(interactions) <= MOST_CHECKPOINTS:
        return np.arange(len(interactions))
    even = np.geomspace(interactions[0], interactions[-1], MOST_CHECKPOINTS)
    chosen = np.searchsorted(interactions, even).clip(max=len(interactions) - 1)
    return np.unique(np.r_[chosen, len(interactions) - 1])


def _moving_mean(curve: Array) -> Array:
    window = min(_WINDOW, len(curve))
    return np.convolve(curve, np.full(window, 1 / window), mode="valid")


def _dead(moving: Array, settings: IntrinsicSettings) -> bool:
    """Whether a run never learned."""
    limit = settings.chance + _DEAD_SHARE * (settings.band[0] - settings.chance)
    return bool(moving.max() <= limit)


def _collapsed(moving: Array, settings: IntrinsicSettings) -> bool:
    """Whether a run fell far below its own best."""
    fall = np.max(np.maximum.accumulate(moving) - moving)
    return bool(fall > _COLLAPSE * _scale(settings))


def _scale(settings: IntrinsicSettings) -> float:
    return settings.maximum - min(0.0, settings.chance)


def _drops(
    size: float, interactions: Array, raw: Array, settings: IntrinsicSettings
) -> list[dict[str, float]]:
    """List the falls of a mean curve below its best so far, one entry per best."""
    best = np.maximum.accumulate(raw)
    starts = np.flatnonzero(np.r_[True, best[1:] > best[:-1]])
    lowest = np.minimum.reduceat(raw, starts)
    deep = best[starts] - lowest > RAW_DROP * _scale(settings)
    falls = []
    for start, low in zip(starts[deep], lowest[deep], strict=True):
        row = start + int(np.argmax(raw[start:] == low))
        falls.append(
            {
                "size": size,
                "interactions": float(interactions[row]),
                "from": float(best[start]),
                "to": float(low),
            }
        )
    return falls
