"""The horizon figures: interactions needed against horizon, and h₀ by size."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from allometry.laws.estimates import Estimate
from allometry.laws.horizon import HorizonFit
from allometry.reports import numbers
from allometry.reports.figures.marks import (
    blank,
    legend_entry,
    log_axis,
    short,
)
from allometry.reports.style import LIGHT, Sizes

#: Marks of the performance levels, in order; more levels than marks repeat them.
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")
_APART = 1.06
_BEYOND = 10.0


def needed(fits: Sequence[HorizonFit], sizes: Sizes) -> go.Figure:
    """Draw the interactions that each run needed, and the affine law of each size.

    `fits` are those of one level. The law of a size that does not identify it is
    dotted; beyond the horizons that entered it, dashed.
    """
    figure = blank()
    seen: list[float] = []
    horizons = sorted({item.horizon for fit in fits for item in fit.observations})
    for fit in fits:
        crossed = [
            (item.horizon, item.crossing)
            for item in fit.observations
            if item.crossing is not None
        ]
        seen += [interactions for _, interactions in crossed]
        figure.add_scatter(
            x=[horizon for horizon, _ in crossed],
            y=short([interactions for _, interactions in crossed]),
            mode="markers",
            marker={"color": sizes.colour(fit.size), "size": 7},
            customdata=[numbers.si(interactions) for _, interactions in crossed],
            hovertemplate=(
                f"h = %{{x}}: performance {fit.level:g} after %{{customdata}} "
                "interactions"
                f"<extra>{numbers.si(fit.size)} parameters</extra>"
            ),
            showlegend=False,
        )
        if np.isfinite(fit.h_0.value):
            _affine_lines(figure, fit, sizes, horizons[-1])
    legend_entry(figure, "one run", mode="markers")
    legend_entry(figure, "affine law")
    if not all(fit.identified for fit in fits):
        legend_entry(figure, "not identified", dash="dot")
    log_axis(figure, "x", np.array(horizons), numbers.si)
    log_axis(figure, "y", np.array(seen), numbers.si)
    figure.update_xaxes(
        title="Horizon h (agent steps)",
        tickvals=horizons,
        ticktext=[numbers.si(h) for h in horizons],
    )
    figure.update_yaxes(title="Interactions needed (agent steps)")
    return figure


def balance(fits: Sequence[HorizonFit]) -> go.Figure:
    """Draw h₀ with its 90 % interval against size, one mark per performance level.

    Hollow marks are not identified; their intervals may leave the figure.
    """
    figure = blank()
    levels = sorted({fit.level for fit in fits})
    colours = (LIGHT["accent"], LIGHT["warn"], LIGHT["muted"], LIGHT["ink"])
    for place, level in enumerate(levels):
        chosen = [
            fit for fit in fits if fit.level == level and np.isfinite(fit.h_0.value)
        ]
        symbol = _SYMBOLS[place % len(_SYMBOLS)]
        colour = colours[place % len(colours)]
        apart = _APART ** (place - (len(levels) - 1) / 2)
        figure.add_scatter(
            x=short([fit.size * apart for fit in chosen]),
            y=short([fit.h_0.value for fit in chosen]),
            mode="markers",
            name=f"performance {level:g}",
            marker={
                "symbol": [symbol + ("" if f.identified else "-open") for f in chosen],
                "size": 9,
                "color": colour,
            },
            error_y=_reaches([fit.h_0 for fit in chosen], colour),
            customdata=[
                [numbers.si(fit.size), numbers.span(fit.h_0)] for fit in chosen
            ],
            hovertemplate=(
                "%{customdata[0]} parameters<br>h₀ = %{customdata[1]} agent steps"
                f"<extra>performance {level:g}</extra>"
            ),
        )
    log_axis(figure, "x", np.array([fit.size for fit in fits]), numbers.si)
    log_axis(figure, "y", _visible(fits), numbers.si)
    figure.update_xaxes(title="Model size N (parameters)")
    figure.update_yaxes(title="h₀ (agent steps)")
    return figure


def _affine_lines(
    figure: go.Figure, fit: HorizonFit, sizes: Sizes, longest: float
) -> None:
    """Draw E₀ (1 + h/h₀): over the horizons used, then dashed to the longest."""
    inside = np.geomspace(min(fit.used), max(fit.used), 40)
    beyond = np.geomspace(max(fit.used), longest, 20)
    for along, dash in ((inside, "solid"), (beyond, "dash")):
        if along[0] == along[-1]:
            continue
        figure.add_scatter(
            x=short(along),
            y=short(fit.needed(along)),
            mode="lines",
            line={
                "color": sizes.colour(fit.size),
                "width": 2 if fit.identified else 1.2,
                "dash": dash if fit.identified else "dot",
            },
            hoverinfo="skip",
            showlegend=False,
        )


def _reaches(estimates: Sequence[Estimate], colour: str) -> dict[str, object]:
    return {
        "array": [min(e.high, 1e12) - e.value for e in estimates],
        "arrayminus": [e.value - e.low for e in estimates],
        "color": colour,
        "thickness": 1.5,
        "width": 0,
    }


def _visible(fits: Sequence[HorizonFit]) -> np.ndarray:
    """Choose the range of h₀: identified intervals whole, others near the horizons."""
    horizons = [item.horizon for fit in fits for item in fit.observations]
    low, high = min(horizons) / _BEYOND, max(horizons) * _BEYOND
    ends = [
        np.clip(end, low, high)
        for fit in fits
        for end in (fit.h_0.low, fit.h_0.value, fit.h_0.high)
        if np.isfinite(end)
    ]
    kept = [e for f in fits if f.identified for e in (f.h_0.low, f.h_0.high)]
    return np.array([*ends, *kept] or horizons, dtype=float)
