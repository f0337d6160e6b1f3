"""The generalisation figures: what a threshold takes against complexity, by level."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import polars as pl

from allometry.laws.estimates import Estimate
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
#: The map's columns, its rows' height and what stands around them, in pixels; it is no
#: lower than with so many rows.
_COLUMNS, _ROW, _FRAME, _LEAST_ROWS = 90, 44, 130, 4
_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("diamond", "circle", "square")


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
        _forecast(figure, found, law)
        seen += _room(law.forecast.predicted, seen)
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


def _room(predicted: Estimate, seen: list[float]) -> list[float]:
    """Say what of a forecast an axis has room for: tenfold beyond what was seen."""
    marks = [predicted.low, predicted.value, predicted.high]
    return [min(max(mark, min(seen) / 10), max(seen) * 10) for mark in marks]


def scores(curves: pl.DataFrame, found: Generalisation) -> go.Figure:
    """Draw at each level the best mean score that any size had by a compute.

    `curves` has `run`, `parameters`, `compute`, `performance` and `checkpoint`.
    """
    figure = blank()
    ways = _ways(curves, found)
    for number, (level, way) in enumerate(ways):
        figure.add_scatter(
            x=short(way["compute"]),
            y=short(way["best"]),
            mode="lines",
            line={"color": group_colour(number), "width": 2, "shape": "hv"},
            name=inert(f"{found.by} = {level.value}"),
        )
    figure.add_hline(
        y=found.threshold, line={"color": LIGHT["muted"], "dash": "dot", "width": 1}
    )
    log_axis(figure, "x", _computes(ways), numbers.power)
    figure.update_xaxes(title="Training compute (FLOPs)")
    figure.update_yaxes(title="Score on unseen tasks")
    return figure


def surface(curves: pl.DataFrame, asked: Sequence[Generalisation]) -> go.Figure:
    """Draw the curves of `scores` as a map: compute along, levels up, scores colours.

    Marks are what the levels need for each score asked for that any was seen to reach.
    There is no colour where a level was not scored yet, or spent no more.
    """
    found = asked[0]
    ways = _ways(curves, found)
    edges = np.geomspace(*_ends(_computes(ways)), _COLUMNS + 1)
    rows = [_row(way, np.sqrt(edges[1:] * edges[:-1])) for _, way in ways]
    seen = [score for row in rows for score in row if score is not None]
    figure = blank(height=_FRAME + _ROW * max(_LEAST_ROWS, len(ways)))
    figure.add_heatmap(
        x=short(edges),
        y=list(range(len(ways))),
        z=rows,
        # Where nothing is learnt no colour stands out.
        zmin=min([0.0, *seen]),
        zmax=max([*seen, *(one.threshold for one in asked)]),
        colorscale=[[0.0, LIGHT["card"]], [0.6, LIGHT["accent"]], [1.0, LIGHT["ink"]]],
        colorbar={"title": {"text": "Score"}, "thickness": 12, "outlinewidth": 0},
        customdata=[[inert(str(level.value))] * _COLUMNS for level, _ in ways],
        hovertemplate="%{z:.2f} by %{x:.3g} FLOPs<extra>%{customdata}</extra>",
    )
    for number, one in enumerate(asked):
        if not any(math.isfinite(level.compute.value) for level in one.levels):
            continue
        figure.add_scatter(
            x=[
                short([level.compute.value])[0]
                if math.isfinite(level.compute.value)
                else None
                for level in one.levels
            ],
            y=list(range(len(one.levels))),
            mode="lines+markers",
            line={"color": LIGHT["warn"], "width": 1.5, "dash": _DASHES[number % 3]},
            marker={
                "color": LIGHT["warn"],
                "size": 8,
                "symbol": _SYMBOLS[number % 3],
                "line": {"color": LIGHT["paper"], "width": 1},
            },
            hovertemplate="%{x:.3g} FLOPs<extra>" + f"{one.threshold:g}</extra>",
            name=f"needed for {one.threshold:g}",
        )
    log_axis(figure, "x", edges, numbers.power)
    figure.update_xaxes(title="Training compute (FLOPs)", showgrid=False)
    figure.update_yaxes(
        title=f"{inert(found.by)}, more complex upwards",
        tickvals=list(range(len(ways))),
        ticktext=[inert(str(level.value)) for level, _ in ways],
        showgrid=False,
    )
    return figure


def _ways(
    curves: pl.DataFrame, found: Generalisation
) -> list[tuple[Level, pl.DataFrame]]:
    """Give the `best` score of any size by a `compute`, level by level.

    Of sizes it is the mean over runs, checkpoint by checkpoint.
    """
    scored = curves.filter(pl.col("performance").is_not_null(), pl.col("compute") > 0)
    ways = []
    for level in found.levels:
        own = scored.filter(pl.col("run").is_in([one.run for one in level.runs]))
        means = own.group_by("parameters", "checkpoint").agg(
            pl.col("compute", "performance").mean()
        )
        best = pl.col("performance").cum_max().alias("best")
        ways.append((level, means.sort("compute").select("compute", best)))
    return ways


def _computes(ways: Sequence[tuple[Level, pl.DataFrame]]) -> np.ndarray:
    return np.concatenate([way["compute"].to_numpy() for _, way in ways])


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _row(way: pl.DataFrame, computes: np.ndarray) -> list[float | None]:
    """Give the best score by each compute; None before the first and after the last."""
    known, best = way["compute"].to_numpy(), way["best"].to_list()
    places = np.searchsorted(known, computes, side="right") - 1
    spent = known[-1] if len(known) else 0.0
    return [
        short([best[place]])[0] if place >= 0 and compute <= spent else None
        for place, compute in zip(places.tolist(), computes.tolist(), strict=True)
    ]


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


def _forecast(figure: go.Figure, found: Generalisation, law: ComplexityLaw) -> None:
    told = law.forecast
    if told is None:
        return
    place = [level.value for level in found.levels].index(told.level)
    figure.add_scatter(
        x=short([found.complexities[law.complexity][place] / _LN_10]),
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
