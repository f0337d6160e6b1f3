"""The forest figure: an exponent under every choice, one row each.

Filled marks are identified, hollow ones were refused. A row without an interval (a
refit with one size left out) is a small dot.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from allometry.laws.estimates import Estimate
from allometry.reports import numbers
from allometry.reports.figures.marks import blank, inert, legend_line
from allometry.reports.style import LIGHT

LANGUAGE_MODELS = 0.5
_ROW, _FRAME = 26, 110
_NARROWEST = 0.25


@dataclasses.dataclass(frozen=True)
class Row:
    """One estimate of an exponent: its group, its name, and whether it holds."""

    group: str
    name: str
    exponent: Estimate
    identified: bool


def forest(
    rows: Sequence[Row],
    *,
    title: str = "Size exponent (no unit)",
    reference: float | None = LANGUAGE_MODELS,
) -> go.Figure:
    """Draw exponents with 90 % intervals, grouped, first row on top.

    A dotted line stands at the `reference`, the size exponent of language models.
    """
    lines = _lines(rows)
    figure = blank(height=_FRAME + _ROW * len(lines))
    places = {line: len(lines) - i for i, line in enumerate(lines)}
    for identified, symbol, name in (
        (True, "circle", "identified"),
        (False, "circle-open", "refused as not identified"),
    ):
        chosen = [
            row
            for row in rows
            if row.identified is identified and math.isfinite(row.exponent.value)
        ]
        if chosen:
            figure.add_trace(_marks(chosen, places, symbol, name))
    if reference is not None:
        legend_line(
            figure,
            f"language models, {reference}",
            np.array([reference, reference]),
            np.array([0.0, len(lines) + 1.0]),
            colour=LIGHT["muted"],
            dash="dot",
        )
    figure.update_xaxes(title=title, range=_range(rows, reference))
    figure.update_yaxes(
        tickvals=list(range(len(lines), 0, -1)),
        ticktext=[_tick(line) for line in lines],
        range=[0.3, len(lines) + 0.7],
        showgrid=False, ticks="", showline=False,
    )  # fmt: skip
    figure.update_layout(
        legend={"y": 1.0, "yanchor": "bottom"}, margin={"t": 40}, meta={"rows": True}
    )
    return figure


def _lines(rows: Sequence[Row]) -> list[Row | str]:
    """Put each group's name above its rows."""
    lines: list[Row | str] = []
    for row in rows:
        if row.group not in lines:
            lines.append(row.group)
        lines.append(row)
    return lines


def _tick(line: Row | str) -> str:
    if isinstance(line, Row):
        known = math.isfinite(line.exponent.value)
        return inert(line.name) + ("" if known else " (no fit)")
    return f"<b>{inert(line)}</b>"


def _marks(
    rows: Sequence[Row], places: dict[Row | str, int], symbol: str, name: str
) -> go.Scatter:
    values = [row.exponent for row in rows]
    colour = LIGHT["accent"] if symbol == "circle" else LIGHT["muted"]
    return go.Scatter(
        x=[value.value for value in values],
        y=[places[row] for row in rows],
        mode="markers",
        name=name,
        marker={
            "symbol": symbol,
            "opacity": 1,
            "size": [10 if math.isfinite(v.low) else 6 for v in values],
            "color": colour,
            "line": {"color": colour, "width": 2},
        },
        error_x={
            "array": [_reach(v.value, v.high) for v in values],
            "arrayminus": [_reach(v.low, v.value) for v in values],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        customdata=[[row.name, numbers.span(row.exponent)] for row in rows],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )


def _reach(low: float, high: float) -> float:
    return max(0.0, high - low) if math.isfinite(high - low) else 0.0


def _range(rows: Sequence[Row], reference: float | None) -> list[float]:
    """Show identified intervals whole, and clip those of refused fits to [0, 1]."""
    ends = [0.0]
    if reference is not None:
        ends = [reference - _NARROWEST, reference + _NARROWEST]
    for row in rows:
        known = [row.exponent.value, row.exponent.low, row.exponent.high]
        known = [end for end in known if math.isfinite(end)]
        ends += known if row.identified else [min(1.0, max(0.0, e)) for e in known]
    return [min(ends) - 0.03, max(ends) + 0.03]
