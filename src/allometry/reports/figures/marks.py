"""Marks: the small parts that every figure is made of.

Figures are drawn in the light palette of `style`, with short texts, round log ticks
and at most `MOST_POINTS` points a curve.
"""

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import polars as pl

from allometry.reports import numbers
from allometry.reports.style import FONT, LIGHT

Array = npt.NDArray[np.float64]
MOST_POINTS = 200


def blank(*, height: int = 430) -> go.Figure:
    """Start a figure in the house style: quiet grid, no chart junk, legend on top."""
    axis = {
        "gridcolor": LIGHT["grid"],
        "linecolor": LIGHT["line"],
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": LIGHT["line"],
        "zeroline": False,
        "title_standoff": 10,
        "automargin": True,
        "fixedrange": True,
    }
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": LIGHT["ink"]},
        margin={"l": 10, "r": 16, "t": 16, "b": 14},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": LIGHT["muted"],
            "activecolor": LIGHT["ink"],
        },
        hovermode="closest",
        dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={
            "bgcolor": LIGHT["card"],
            "bordercolor": LIGHT["line"],
            "font": {"color": LIGHT["ink"]},
        },
        xaxis=axis,
        yaxis=axis,
    )
    return figure


def inert(text: str) -> str:
    """Make a user's text plain to Plotly: no markup, no hover variables."""
    return html.escape(text, quote=False).replace("%{", "% {")


def thin(rows: pl.DataFrame, most: int = MOST_POINTS) -> pl.DataFrame:
    """Keep at most `most` rows, evenly spread, the first and the last among them."""
    if rows.height <= most:
        return rows
    return rows[np.unique(np.linspace(0, rows.height - 1, most).round().astype(int))]


def short(values: Sequence[float] | Array | pl.Series) -> list[float]:
    """Round to five significant digits: a third of the page's weight, none lost."""
    return [float(f"{value:.5g}") for value in np.asarray(values, dtype=float)]


def log_axis(
    figure: go.Figure, axis: str, values: np.ndarray, show: Callable[[float], str]
) -> None:
    """Make `axis` ("x" or "y") logarithmic over `values`, with round ticks."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = (high / low) ** 0.03
    low, high = low / margin, high * margin
    ticks, texts = numbers.log_ticks(low, high, show)
    figure.update_layout(
        {
            f"{axis}axis": {
                "type": "log",
                "range": [float(np.log10(low)), float(np.log10(high))],
                "tickvals": ticks,
                "ticktext": texts,
            }
        }
    )


def fill_between(figure: go.Figure, x: Array, low: Array, high: Array) -> None:
    """Fill between two curves over the same `x`, in the accent colour."""
    figure.add_scatter(
        x=short(x) + short(x[::-1]),
        y=short(high) + short(low[::-1]),
        fill="toself",
        fillcolor=LIGHT["accent_faint"],
        line={"width": 0, "color": LIGHT["accent_faint"]},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def legend_line(
    figure: go.Figure,
    name: str,
    x: Array,
    y: Array,
    *,
    colour: str = LIGHT["ink"],
    dash: str = "solid",
) -> None:
    """Draw a line that the legend names; `name` must be inert."""
    figure.add_scatter(
        x=short(x),
        y=short(y),
        mode="lines",
        name=name,
        line={"color": colour, "dash": dash, "width": 2},
        hovertemplate="%{x:.4g} → %{y:.4g}<extra>" + name + "</extra>",
    )


def legend_entry(
    figure: go.Figure,
    name: str,
    *,
    mode: str = "lines",
    group: str | None = None,
    dash: str = "solid",
    width: int = 2,
) -> None:
    """Explain a kind of mark in the legend, in no size's colour."""
    figure.add_scatter(
        x=[None],
        y=[None],
        mode=mode,
        name=name,
        legendgroup=group,
        line={"color": LIGHT["muted"], "dash": dash, "width": width},
        marker={"color": LIGHT["muted"], "size": 7},
    )


def note(text: str) -> dict[str, Any]:
    """Give the settings of a small annotation without an arrow."""
    font = {"size": 11, "color": LIGHT["muted"]}
    return {"text": text, "showarrow": False, "font": font}
