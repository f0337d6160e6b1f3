"""The best model size against compute, with its 90 % band."""

import numpy as np
import plotly.graph_objects as go

from allometry.laws.clean import Points
from allometry.laws.estimates import Fit
from allometry.laws.forecast import FAR
from allometry.laws.intrinsic import Intrinsic
from allometry.laws.jackknife import interval
from allometry.reports import numbers
from allometry.reports.figures.intrinsic import law_of
from allometry.reports.figures.marks import (
    Array,
    blank,
    fill_between,
    legend_entry,
    legend_line,
    log_axis,
    short,
)
from allometry.reports.style import LIGHT, Sizes


def best_size(points: Points, fit: Fit, sizes: Sizes) -> go.Figure:
    """Draw the best model size against compute, with its 90 % band.

    Dashed beyond the data, to `FAR` times its compute. A law that is not
    identified is drawn within the data only, in grey and without a band.
    """
    law = law_of(fit)
    compute = law.kappa * points.N * points.E
    first, last = float(compute.min()), float(compute.max())
    figure = blank()
    end = last * FAR if fit.identified else last
    along = np.geomspace(first, end, 61)
    best = np.asarray(law.optimal_size(along))
    if fit.identified:
        fill_between(figure, along, *optimal_size_band(fit, along))
    colour = LIGHT["accent"] if fit.identified else LIGHT["muted"]
    name = "best size, 90 % band" if fit.identified else "not identified"
    inside, outside = along <= last, along >= last
    legend_line(figure, name, along[inside], best[inside], colour=colour)
    if fit.identified:
        legend_line(
            figure, "beyond the data", along[outside], best[outside],
            colour=colour, dash="dash",
        )  # fmt: skip
        figure.add_vrect(
            x0=last, x1=end, fillcolor=LIGHT["shade"], line_width=0, layer="below"
        )
    _language_slope(figure, law, first, last, end)
    cheapest, sized = cheapest_sizes(points)
    figure.add_scatter(
        x=short(cheapest),
        y=short(sized),
        mode="markers",
        marker={
            "size": 8,
            "color": [sizes.colour(size) for size in sized],
            "line": {"color": LIGHT["paper"], "width": 1},
        },
        hovertemplate=(
            "with %{x:.3g} FLOPs the size of %{y:.3s} parameters"
            "<br>reached its performance first<extra></extra>"
        ),
        showlegend=False,
    )
    legend_entry(figure, "cheapest size measured", mode="markers")
    log_axis(figure, "x", along, numbers.power)
    log_axis(figure, "y", np.concatenate([best, sized]), numbers.si)
    figure.update_xaxes(title="Training compute C (FLOPs)")
    figure.update_yaxes(title="Model size N (parameters)")
    return figure


def cheapest_sizes(points: Points, levels: int = 24) -> tuple[Array, Array]:
    """Find, for each of some performance levels, the size that reached it first.

    First in compute. Gives the computes (FLOPs) and the sizes: what a reader can check
    by eye without the law. The smallest and the largest size are left out, since they
    may stand in for sizes that nobody trained.
    """
    wanted = np.quantile(points.performance, np.linspace(0.02, 0.98, levels))
    groups = np.unique(points.N)
    costs = np.full((groups.size, levels), np.inf)
    for row, size in enumerate(groups):
        of_size = size == points.N
        reached = np.maximum.accumulate(points.performance[of_size])
        log_cost = np.log(points.kappa * size * points.E[of_size])
        inside = (wanted >= reached[0]) & (wanted <= reached[-1])
        costs[row, inside] = np.exp(np.interp(wanted[inside], reached, log_cost))
    cheapest = costs.argmin(axis=0)
    kept = np.isfinite(costs.min(axis=0)) & (cheapest > 0)
    kept &= cheapest < groups.size - 1
    return costs.min(axis=0)[kept], groups[cheapest[kept]]


def optimal_size_band(fit: Fit, compute: Array) -> tuple[Array, Array]:
    """Give the 90 % band of N*(C): jackknife over sizes, on a log scale."""
    refits = [
        Intrinsic(**replicate.parameters).optimal_size(compute)
        for replicate in fit.replicates
    ]
    best = law_of(fit).optimal_size(compute)
    bands = [
        interval(float(value), values, "parameters", log=True)
        for value, values in zip(best, np.array(refits).T, strict=True)
    ]
    return np.array([x.low for x in bands]), np.array([x.high for x in bands])


def _language_slope(
    figure: go.Figure, law: Intrinsic, first: float, last: float, end: float
) -> None:
    """Draw slope 0.5, that of language models, through the middle of the data."""
    middle = float(np.sqrt(first * last))
    ends = np.array([first, end])
    through = float(law.optimal_size(middle)) * np.sqrt(ends / middle)
    legend_line(
        figure, "language models, slope 0.5", ends, through,
        colour=LIGHT["muted"], dash="dot",
    )  # fmt: skip
