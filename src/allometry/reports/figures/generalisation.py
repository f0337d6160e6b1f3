"""The generalisation figures: what a threshold takes against complexity, by level."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import polars as pl

from allometry.laws.generalisation import ComplexityLaw, Generalisation, Level
from allometry.reports import numbers
from allometry.reports.figures.marks import (
    blank,
    inert,
    legend_entry,
    log_axis,
    note,
    short,
)
from allometry.reports.style import LIGHT, Sizes, group_colour

_LN_10 = math.log(10.0)


def needed(found: Generalisation, law: ComplexityLaw, sizes: Sizes) -> go.Figure:
    """Draw the compute that runs and levels needed against a complexity.

    Small dots are runs, by size; black marks the levels, with their 90 % intervals;
    the line is the law, dotted if not identified, and the hollow mark what the law of
    the lower levels forecast for the highest.
    """
    figure = blank()
    places = [x / _LN_10 for x in found.complexities[law.complexity]]
    seen = _runs(figure, found.levels, places, sizes)
    marked = [
        (x, level)
        for x, level in zip(places, found.levels, strict=True)
        if math.isfinite(level.compute.value)
    ]
    _levels(figure, marked)
    if math.isfinite(law.exponent.value):
        along = np.array([min(places), max(places)])
        figure.add_scatter(
            x=short(along),
            y=short(law.needed(along * _LN_10)),
            mode="lines",
            line={
                "color": LIGHT["accent"],
                "width": 2,
                "dash": "solid" if law.identified else "dot",
            },
            name="law" if law.identified else "law, not identified",
            hoverinfo="skip",
        )
    if law.forecast is not None:
        _forecast(figure, law)
        seen += [law.forecast.predicted.value]
    legend_entry(figure, "one run", mode="markers")
    if seen:
        log_axis(figure, "y", np.array(seen), numbers.power)
    figure.update_xaxes(
        title=_axis(law.complexity),
        tickvals=places,
        ticktext=[f"{x:.1f}<br>{inert(str(v.value))}" for x, v in _both(places, found)],
    )
    figure.update_yaxes(title="Compute to the threshold (FLOPs)")
    if not seen:
        figure.add_annotation(note("no run was seen to cross") | {"x": 0.5, "y": 0.5})
    return figure


def scores(curves: pl.DataFrame, by: str, threshold: float) -> go.Figure:
    """Draw at each level the best mean score that any size had by a compute.

    `curves` has `parameters`, `compute`, `performance`, `checkpoint` and the dial.
    """
    figure = blank()
    means = (
        curves.filter(pl.col("performance").is_not_null() & (pl.col("compute") > 0))
        .group_by(by, "parameters", "checkpoint")
        .agg(pl.col("compute", "performance").mean())
        .sort(by, "compute")
    )
    for number, (value, own) in enumerate(
        means.group_by(by, maintain_order=True),
    ):
        best = own["performance"].cum_max()
        figure.add_scatter(
            x=short(own["compute"]),
            y=short(best),
            mode="lines",
            line={"color": group_colour(number), "width": 2, "shape": "hv"},
            name=inert(f"{by} = {value[0]}"),
        )
    figure.add_hline(
        y=threshold, line={"color": LIGHT["muted"], "dash": "dot", "width": 1}
    )
    log_axis(figure, "x", means["compute"].to_numpy(), numbers.power)
    figure.update_xaxes(title="Training compute (FLOPs)")
    figure.update_yaxes(title="Score on held-out tasks")
    return figure


def _both(places: Sequence[float], found: Generalisation) -> list[tuple[float, Level]]:
    return list(zip(places, found.levels, strict=True))


def _axis(complexity: str) -> str:
    of = complexity.removeprefix("log_").replace("_", " ").replace("log ", "log of ")
    return f"log₁₀ of the number of {inert(of)}; below, the level"


def _runs(
    figure: go.Figure, levels: Sequence[Level], places: Sequence[float], sizes: Sizes
) -> list[float]:
    """Draw the runs that crossed; give their computes."""
    seen: list[float] = []
    for size in sizes.parameters:
        own = [
            (x, one.compute)
            for x, level in zip(places, levels, strict=True)
            for one in level.runs
            if one.size == size and one.compute is not None
        ]
        seen += [compute for _, compute in own]
        figure.add_scatter(
            x=short([x for x, _ in own]),
            y=short([compute for _, compute in own]),
            mode="markers",
            marker={"color": sizes.colour(size), "size": 6, "opacity": 0.7},
            hovertemplate=(
                f"%{{y:.3g}} FLOPs<extra>{numbers.si(size)} parameters</extra>"
            ),
            showlegend=False,
        )
    return seen


def _levels(figure: go.Figure, marked: Sequence[tuple[float, Level]]) -> None:
    figure.add_scatter(
        x=short([x for x, _ in marked]),
        y=short([level.compute.value for _, level in marked]),
        mode="markers",
        marker={"color": LIGHT["ink"], "size": 9, "symbol": "diamond"},
        error_y={
            "array": [one.compute.high - one.compute.value for _, one in marked],
            "arrayminus": [one.compute.value - one.compute.low for _, one in marked],
            "color": LIGHT["ink"],
            "thickness": 1.5,
            "width": 0,
        },
        customdata=[
            [
                str(one.value),
                numbers.span(one.compute, numbers.power),
                "none" if one.size is None else numbers.si(one.size),
            ]
            for _, one in marked
        ],
        hovertemplate=(
            "%{customdata[1]} FLOPs<br>best size %{customdata[2]}"
            "<extra>%{customdata[0]}</extra>"
        ),
        name="the best size of a level",
    )


def _forecast(figure: go.Figure, law: ComplexityLaw) -> None:
    told = law.forecast
    if told is None:
        return
    figure.add_scatter(
        x=short([told.complexity / _LN_10]),
        y=short([told.predicted.value]),
        mode="markers",
        marker={
            "color": LIGHT["warn"],
            "size": 10,
            "symbol": "diamond-open",
            "line": {"width": 2},
        },
        error_y={
            "array": [min(told.predicted.high, 1e300) - told.predicted.value],
            "arrayminus": [told.predicted.value - told.predicted.low],
            "color": LIGHT["warn"],
            "thickness": 1.5,
            "width": 4,
        },
        hovertemplate=(
            f"forecast {numbers.span(told.predicted, numbers.power)}<br>"
            f"seen {numbers.power(told.seen)} FLOPs<extra></extra>"
        ),
        name="forecast from the levels below",
    )
