"""Clean: from finished runs to the points that a law is fitted to.

In this order: a run that went non-finite counts as chance performance from there on;
seeds are averaged per size and checkpoint, dead runs with them; each size's mean curve
is made non-decreasing in E (isotonic regression), since a fall is a fault of the
training and not of the size; the start of training and what lies outside the band are
left out; a point weighs Δ ln E, the stretch of its curve for which it stands, so that
a law does not depend on how densely a curve was logged. All that was done is counted.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.intrinsic.mean_curve import MeanCurve, mean_curve
from allometry.laws.intrinsic.runs import finished
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.refusal import Refusal

LEAST_SIZES = 4


@dataclasses.dataclass(frozen=True)
class SizeMeans:
    """Mean curves over seeds, of all sizes one after the other; shape `[rows]`.

    `raw` is the mean, `cleaned` the same made non-decreasing in E, `used` says
    which rows became points.
    """

    N: Array
    E: Array
    raw: Array
    cleaned: Array
    used: np.ndarray


@dataclasses.dataclass(frozen=True)
class Points:
    """What a law is fitted to; arrays have shape `[points]`.

    `N` in parameters, `E` in interactions, `weight` is Δ ln E, `group` is the index
    of the size in `sizes`. `kappa` is the median over runs of compute / (N E) in FLOPs
    per parameter and interaction, `kappa_of_runs` its values, with `kappa_group`
    the size that each belongs to. `counts` is JSON-able, for the fit card.
    """

    N: Array
    E: Array
    performance: Array
    weight: Array
    group: np.ndarray
    sizes: Array
    kappa_of_runs: Array
    kappa_group: np.ndarray
    curves: SizeMeans
    counts: Mapping[str, Any]

    @property
    def kappa(self) -> float:
        """κ in C = κ N E, in FLOPs per parameter and interaction."""
        return float(np.median(self.kappa_of_runs))


def points(
    table: pl.DataFrame,
    settings: IntrinsicSettings | None = None,
    *,
    with_nonfinite: bool = True,
) -> Points:
    """Clean a table of runs into points.

    `table` has a row per (run, checkpoint) with the columns run, parameters, seed,
    interactions, compute, performance and status. `with_nonfinite=False` leaves out
    the runs that went non-finite. Raises `Refusal` naming the column and the remedy
    where the table cannot be used, and where nothing of it lies in the band.
    """
    settings = settings or IntrinsicSettings()
    runs, left_out = finished(table)
    if not with_nonfinite:
        runs = runs.filter(pl.col("status") != "nonfinite")
    sizes = np.sort(runs["parameters"].unique().to_numpy())
    if len(sizes) < LEAST_SIZES:
        raise Refusal(
            f"The table holds finished runs of {len(sizes)} model sizes (column "
            f"'parameters'); a law needs at least {LEAST_SIZES}, better 8: train more "
            "sizes."
        )
    curves = [mean_curve(runs, float(size), settings) for size in sizes]
    means = SizeMeans(
        N=np.repeat(sizes, [len(curve.E) for curve in curves]),
        E=np.concatenate([curve.E for curve in curves]),
        raw=np.concatenate([curve.raw for curve in curves]),
        cleaned=np.concatenate([curve.cleaned for curve in curves]),
        used=np.concatenate([_used(curve, settings) for curve in curves]),
    )
    if not means.used.any():
        raise Refusal(_empty_band(means, settings))
    used = means.used
    weight = np.concatenate([_stretch(np.log(curve.E)) for curve in curves])
    kappa, kappa_size = _kappa(runs)
    return Points(
        N=means.N[used],
        E=means.E[used],
        performance=means.cleaned[used],
        weight=weight[used],
        group=np.searchsorted(sizes, means.N[used]),
        sizes=sizes,
        kappa_of_runs=kappa,
        kappa_group=np.searchsorted(sizes, kappa_size),
        curves=means,
        counts={
            "cleaned": settings.monotone,
            **_counts(runs, left_out, curves, means),
        },
    )


def _used(curve: MeanCurve, settings: IntrinsicSettings) -> np.ndarray:
    """Say which checkpoints are past the excluded start and inside the band."""
    low, high = settings.band
    late = curve.E / curve.E[-1] > settings.exclude_first
    return np.asarray(late & (curve.cleaned >= low) & (curve.cleaned <= high))


def _stretch(log_interactions: Array) -> Array:
    """Give Δ ln E per checkpoint: half the way to each of its neighbours."""
    if len(log_interactions) == 1:
        return np.ones(1)
    edges = (log_interactions[1:] + log_interactions[:-1]) / 2
    edges = np.r_[log_interactions[0], edges, log_interactions[-1]]
    return np.diff(edges)


def _kappa(runs: pl.DataFrame) -> tuple[Array, Array]:
    """Give compute / (N E) at the last row of each run, and the run's size."""
    last = runs.group_by("run").agg(pl.all().sort_by("interactions").last()).sort("run")
    spent = last["parameters"] * last["interactions"]
    return (last["compute"] / spent).to_numpy(), last["parameters"].to_numpy()


def _counts(
    runs: pl.DataFrame,
    left_out: Mapping[str, int],
    curves: list[MeanCurve],
    means: SizeMeans,
) -> dict[str, Any]:
    by_run = runs.unique("run")
    return {
        "sizes": [curve.N for curve in curves],
        "runs": by_run.height,
        "seeds_per_size": by_run.group_by("parameters")
        .len()
        .sort("parameters")["len"]
        .to_list(),
        "checkpoints": len(means.E),
        "points_used": int(means.used.sum()),
        "sizes_used": len(np.unique(means.N[means.used])),
        "longest_training": max(float(curve.E[-1]) for curve in curves),
        "nonfinite_runs": by_run.filter(pl.col("status") == "nonfinite")["run"]
        .sort()
        .to_list(),
        "dead_runs": sum(curve.dead for curve in curves),
        "collapsed_runs": sum(curve.collapsed for curve in curves),
        "left_out_runs": dict(left_out),
        "short_runs": sum(curve.short for curve in curves),
        "interpolated_sizes": [curve.N for curve in curves if curve.interpolated],
        "raw_drops": [drop for curve in curves for drop in curve.drops],
    }


def _empty_band(means: SizeMeans, settings: IntrinsicSettings) -> str:
    low, high = settings.band
    return (
        f"No point lies in the band {low:g} to {high:g}: after cleaning, performance "
        f"runs from {means.cleaned.min():.3g} to {means.cleaned.max():.3g}. Say where "
        f"curves begin and could end, chance (now {settings.chance:g}) and maximum "
        f"(now {settings.maximum:g}), and the band between them where they rise: --set "
        "chance=LOW --set maximum=HIGH --set band=LOW,HIGH."
    )
