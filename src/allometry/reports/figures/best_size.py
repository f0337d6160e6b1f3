"""The best model size against compute, with its 90 % band."""

import numpy as np
import plotly.graph_objects as go

from allometry.laws.estimates import interval
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.forecast import FAR
from allometry.laws.intrinsic.law import Intrinsic
from allometry.reports import numbers
from allometry.reports.figures.forest import LANGUAGE_MODELS
from allometry.reports.figures.intrinsic import law_of, response
from allometry.reports.figures.marks import (
    Array,
    blank,
    fill_between,
    legend_entry,
    legend_line,
    log_axis,
    note,
    short,
)
from allometry.reports.style import LIGHT, Sizes


def best_size(points: Points, fit: Fit, sizes: Sizes) -> go.Figure:
    """Draw the best model size against compute, with its 90 % band.

    Solid as far as the runs' performance reaches (on the frontier I = C, so that is a
    compute), dashed from there to `FAR` times the largest compute spent, which is
    shaded. A law that is not identified is drawn as far as the runs reach only, in
    grey and without a band.
    """
    law = law_of(fit)
    reached = response(points, fit)
    first, last = float(reached.min()), float(reached.max())
    spent = float((law.kappa * points.N * points.E).max())
    end = spent * FAR if fit.identified else last
    figure = blank()
    if fit.identified:
        along = np.geomspace(first, end, 61)
        fill_between(figure, along, *optimal_size_band(fit, along))
        _law_line(figure, law, (first, last), "best size, 90 % band")
        _law_line(figure, law, (last, end), "better than any run yet", dash="dash")
        _shade(figure, spent, end)
    else:
        _law_line(figure, law, (first, last), "not identified", LIGHT["muted"])
    _language_slope(figure, law, (first, last), end)
    cheapest = cheapest_sizes(points)
    _cheapest_marks(figure, cheapest, sizes)
    shown = np.append(law.optimal_size(np.array([first, end])), cheapest[1])
    log_axis(figure, "x", np.append(cheapest[0], [first, end]), numbers.power)
    log_axis(figure, "y", shown, numbers.si)
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


def _law_line(
    figure: go.Figure,
    law: Intrinsic,
    ends: tuple[float, float],
    name: str,
    colour: str = LIGHT["accent"],
    dash: str = "solid",
) -> None:
    along = np.array(ends)
    legend_line(figure, name, along, law.optimal_size(along), colour=colour, dash=dash)


def _shade(figure: go.Figure, spent: float, end: float) -> None:
    """Mark where no run has spent as much compute."""
    figure.add_vrect(
        x0=spent, x1=end, fillcolor=LIGHT["shade"], line_width=0, layer="below"
    )
    figure.add_annotation(
        **note("more compute<br>than any run"),
        x=float(np.log10(end)), xanchor="right",
        y=0.01, yref="paper", yanchor="bottom", align="right",
    )  # fmt: skip


def _language_slope(
    figure: go.Figure, law: Intrinsic, ends: tuple[float, float], end: float
) -> None:
    """Draw slope 0.5, that of language models, through the middle of the data."""
    middle = float(np.sqrt(ends[0] * ends[1]))
    along = np.array([ends[0], end])
    through = float(law.optimal_size(middle)) * np.sqrt(along / middle)
    legend_line(
        figure, f"language models, slope {LANGUAGE_MODELS}", along, through,
        colour=LIGHT["muted"], dash="dot",
    )  # fmt: skip


def _cheapest_marks(
    figure: go.Figure, cheapest: tuple[Array, Array], sizes: Sizes
) -> None:
    compute, size = cheapest
    figure.add_scatter(
        x=short(compute),
        y=short(size),
        mode="markers",
        marker={
            "size": 8,
            "color": [sizes.colour(n) for n in size],
            "line": {"color": LIGHT["paper"], "width": 1},
        },
        customdata=[numbers.si(n) for n in size],
        hovertemplate=(
            "with %{x:.3g} FLOPs the size of %{customdata} parameters"
            "<br>reached its performance first<extra></extra>"
        ),
        showlegend=False,
    )
    legend_entry(figure, "cheapest size measured", mode="markers")
