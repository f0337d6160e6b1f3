"""The natural metric: fail-to-success ratio against intrinsic performance."""

import numpy as np
import plotly.graph_objects as go

from allometry.laws.estimates import interval
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.natural import NaturalLaw
from allometry.reports import numbers
from allometry.reports.figures.intrinsic import law_of
from allometry.reports.figures.marks import (
    blank,
    fill_between,
    legend_entry,
    legend_line,
    log_axis,
    short,
)
from allometry.reports.style import LIGHT, Sizes

_STEPS = 40


def natural_ratio(
    points: Points, fit: Fit, natural: NaturalLaw, sizes: Sizes
) -> go.Figure:
    """Draw F = (R_max − R)/R against I, with its law and the law's 90 % band."""
    reached = np.exp(law_of(fit).log_intrinsic(points.N, points.E))
    ratio = (natural.maximum - points.performance) / points.performance
    along = np.geomspace(reached.min(), reached.max(), _STEPS)
    figure = blank()
    curves = natural.replicate_curves.values()
    refits = np.array([np.exp(curve.log_ratio(along)) for curve in curves])
    best = np.exp(natural.curve.log_ratio(along))
    bands = [interval(b, r, "1", log=True) for b, r in zip(best, refits.T, strict=True)]
    low, high = np.array([[band.low, band.high] for band in bands]).T
    fill_between(figure, along, low, high)
    for size in sizes.parameters:
        chosen = size == points.N
        figure.add_scatter(
            x=short(reached[chosen]),
            y=short(ratio[chosen]),
            mode="markers",
            marker={"color": sizes.colour(size), "size": 5},
            customdata=short(points.performance[chosen]),
            hovertemplate=(
                "intrinsic performance %{x:.3g} FLOPs<br>%{y:.3g} failures per success"
                "<br>performance %{customdata:.3f}"
                f"<extra>{numbers.si(size)} parameters</extra>"
            ),
            showlegend=False,
        )
    legend_entry(figure, "measured", mode="markers")
    legend_line(figure, "power law, 90 % band", along, best, colour=LIGHT["accent"])
    log_axis(figure, "x", reached, numbers.power)
    log_axis(figure, "y", np.concatenate([ratio, best]), numbers.power)
    figure.update_xaxes(title="Intrinsic performance I (FLOPs)")
    figure.update_yaxes(title="Failures per success (no unit)")
    return figure
