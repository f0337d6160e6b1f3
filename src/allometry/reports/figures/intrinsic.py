"""Intrinsic performance against compute, with the frontier I = C."""

import numpy as np
import plotly.graph_objects as go

from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.law import Intrinsic
from allometry.reports import numbers
from allometry.reports.figures.marks import (
    Array,
    blank,
    legend_entry,
    legend_line,
    log_axis,
    short,
)
from allometry.reports.style import Sizes

#: How far the frontier is drawn beyond what was reached.
_ROOM = 3.0
_CONSTANTS = ("alpha_N", "alpha_E", "N_c", "kappa")


def intrinsic(points: Points, fit: Fit, sizes: Sizes) -> go.Figure:
    """Draw intrinsic performance against compute, with the frontier I = C.

    Dots: the measured performance turned into I through the fitted response. Lines:
    the law.
    """
    law = law_of(fit)
    compute = law.kappa * points.N * points.E
    measured = response(points, fit)
    figure = blank()
    for size in sizes.parameters:
        chosen = np.flatnonzero(size == points.N)
        if chosen.size == 0:
            continue
        C = compute[chosen]
        along = np.geomspace(C.min(), C.max(), 60)
        figure.add_scatter(
            x=short(along),
            y=short(np.exp(law.log_intrinsic(size, along / (law.kappa * size)))),
            mode="lines",
            line={"color": sizes.colour(size), "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=short(C),
            y=short(measured[chosen]),
            mode="markers",
            marker={"color": sizes.colour(size), "size": 5},
            hovertemplate=(
                "compute %{x:.3g} FLOPs<br>intrinsic performance %{y:.3g} FLOPs"
                f"<extra>{numbers.si(size)} parameters</extra>"
            ),
            showlegend=False,
        )
    ends = np.array([compute.min(), min(compute.max(), _ROOM * measured.max())])
    legend_line(figure, "frontier, I = C", ends, ends, dash="dash")
    legend_entry(figure, "measured", mode="markers")
    legend_entry(figure, "law", mode="lines")
    log_axis(figure, "x", compute, numbers.power)
    log_axis(figure, "y", np.append(measured, ends), numbers.power)
    figure.update_xaxes(title="Training compute C (FLOPs)")
    figure.update_yaxes(title="Intrinsic performance I (FLOPs)")
    return figure


def law_of(fit: Fit) -> Intrinsic:
    """Give the fitted law."""
    return Intrinsic(**{name: fit.parameters[name].value for name in _CONSTANTS})


def response(points: Points, fit: Fit) -> Array:
    """Turn each measured performance into I through the fitted monotone response.

    ln I = f(R) = z − g r, with z the law's ln I, r the fit's residual and g = |∇z|,
    by which the fit divided it.
    """
    law = law_of(fit)
    expected = law.log_intrinsic(points.N, points.E)
    residuals = np.array(fit.residuals)
    return np.asarray(np.exp(expected - residuals * _gradient(points, law)))


def _gradient(points: Points, law: Intrinsic) -> Array:
    """Give |∇ ln I| over (ln N, ln E)."""
    size_term = law.alpha_N * np.log(law.N_c / points.N)
    interactions_term = law.alpha_E * np.log(law.E_c / points.E)
    share = 1 / (1 + np.exp(interactions_term - size_term))
    along_size = share / law.size_exponent
    along_interactions = (1 - share) / law.interactions_exponent
    return np.asarray(np.hypot(along_size, along_interactions))
