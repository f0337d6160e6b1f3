"""The figures of agents that adapt: scores by trial, by k, by task, over training.

`groups` are the names of all groups of runs: a group has its colour by its place among
them, also in a figure where others are missing.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from allometry.laws.estimates import Estimate
from allometry.reports import numbers
from allometry.reports.figures.marks import Array, blank, inert, legend_entry, short
from allometry.reports.style import LIGHT, Sizes, group_colour

SCORE = "Score (0 random, 1 best known)"
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")
_PANEL, _ROW, _FRAME = 230, 24, 110
#: Groups stand beside each other, so far apart in all.
_ABREAST = 0.5


@dataclasses.dataclass(frozen=True)
class Line:
    """A group's scores, one after the other; `control` with the memory cleared."""

    name: str
    scores: tuple[Estimate, ...]
    control: tuple[Estimate, ...] = ()


def by_trial(lines: Sequence[Line], groups: Sequence[str]) -> go.Figure:
    """Draw scores against the trial, with intervals; dashed with memory cleared."""
    figure = blank()
    for line in lines:
        i = groups.index(line.name)
        shift = _shift(i, len(groups))
        if line.control:
            figure.add_trace(_estimates(i, line.name, line.control, shift, dash="dash"))
        figure.add_trace(_estimates(i, line.name, line.scores, shift))
    if any(line.control for line in lines):
        legend_entry(figure, "memory cleared at every trial", dash="dash", width=1)
    trials = max(len(line.scores) for line in lines)
    figure.update_xaxes(
        title="Trial (number in the episode)",
        tickvals=list(range(1, trials + 1)),
        range=[0.6, trials + 0.4],
    )
    figure.update_yaxes(title=SCORE)
    return figure


def across_k(
    tables: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]], groups: Sequence[str]
) -> go.Figure:
    """Draw the last trial's median and 20th percentile (`k`, `score`) against k."""
    figure = blank()
    seen: set[int] = set()
    for name, both in tables.items():
        i = groups.index(name)
        for table, dash, kind in zip(
            both, ("solid", "dot"), ("median", "20th percentile"), strict=True
        ):
            x, y = short(table["k"]), short(table["score"])
            seen |= set(table["k"])
            figure.add_trace(_line(i, name, x, y, dash, kind, marks=True))
    legend_entry(figure, "median of tasks")
    legend_entry(figure, "20th percentile", dash="dot")
    figure.update_xaxes(title="Trials of an episode (k)", tickvals=sorted(seen))
    figure.update_yaxes(title=SCORE)
    return figure


def by_percentile(
    quantiles: Mapping[str, tuple[Array, Array]], groups: Sequence[str]
) -> go.Figure:
    """Draw scores of tasks from worst to best: first trial and last, `[Q]` each."""
    figure = blank()
    for name, both in quantiles.items():
        i = groups.index(name)
        for values, dash, kind in zip(
            both, ("dot", "solid"), ("first trial", "last trial"), strict=True
        ):
            x = short(np.linspace(0, 100, len(values)))
            figure.add_trace(_line(i, name, x, short(values), dash, kind))
    legend_entry(figure, "last trial")
    legend_entry(figure, "first trial", dash="dot")
    figure.update_xaxes(title="Tasks, from worst to best (percentile)", range=[0, 100])
    figure.update_yaxes(title=SCORE)
    return figure


def learning(tables: Mapping[str, pl.DataFrame], colours: Sizes) -> go.Figure:
    """Draw scores by trial over training, a panel for each group.

    Tables are those of `trials.over_training`; `colours` has a colour for each trial.
    """
    columns = min(2, len(tables))
    rows = -(-len(tables) // columns)
    figure = make_subplots(
        rows=rows, cols=columns, shared_xaxes="all", shared_yaxes="all",
        subplot_titles=[inert(name) for name in tables] if len(tables) > 1 else None,
        x_title="Interactions (agent steps)", y_title=SCORE,
        horizontal_spacing=0.05, vertical_spacing=min(0.3, 0.13 * 2 / rows),
    )  # fmt: skip
    for i, table in enumerate(tables.values()):
        for trial in colours.parameters:
            of_trial = table.filter(pl.col("trial") == trial - 1)
            figure.add_trace(
                _over_training(of_trial, trial, colours, named=i == 0),
                row=i // columns + 1,
                col=i % columns + 1,
            )
    _frame(figure, rows, pl.concat(tables.values()))
    return figure


def dots(rows: Mapping[str, tuple[float, float]], colour: str) -> go.Figure:
    """Draw the first and the last trial's score of each row, the first row on top."""
    figure = blank(height=_FRAME + _ROW * len(rows))
    places = list(range(len(rows), 0, -1))
    for place, (first, last) in zip(places, rows.values(), strict=True):
        figure.add_scatter(
            x=short([first, last]),
            y=[place, place],
            mode="lines",
            line={"color": LIGHT["line"], "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
    for end, (kind, symbol) in enumerate(
        (("first trial", "circle-open"), ("last trial", "circle"))
    ):
        figure.add_scatter(
            x=short([both[end] for both in rows.values()]),
            y=places,
            mode="markers",
            name=kind,
            marker={
                "symbol": symbol, "size": 9, "opacity": 1, "color": colour,
                "line": {"color": colour, "width": 2},
            },
            customdata=[inert(name) for name in rows],
            hovertemplate="%{customdata}<br>" + kind + " %{x:.2f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=SCORE)
    figure.update_yaxes(
        tickvals=places, ticktext=[inert(name) for name in rows],
        range=[0.3, len(rows) + 0.7], showgrid=False, ticks="", showline=False,
    )  # fmt: skip
    figure.update_layout(margin={"t": 40}, meta={"rows": True})
    return figure


def by_split(
    splits: Sequence[str],
    found: Mapping[str, Mapping[str, tuple[Estimate, Estimate]]],
    groups: Sequence[str],
) -> go.Figure:
    """Draw first (hollow) and last trial of each split, by group and split."""
    figure = blank()
    for name, scores in found.items():
        i = groups.index(name)
        shift = _shift(i, len(groups))
        places = [splits.index(split) + 1 + shift for split in scores]
        for end, hollow in ((0, True), (1, False)):
            marks = [both[end] for both in scores.values()]
            figure.add_trace(_marks(i, name, places, marks, hollow=hollow))
    legend_entry(figure, "last trial (hollow: first)", mode="markers")
    told = [inert(split).replace("_", "<br>") for split in splits]
    figure.update_xaxes(
        title="Test set (outside of training, but for held out)",
        tickvals=list(range(1, len(splits) + 1)),
        ticktext=told,
        range=[0.4, len(splits) + 0.6],
    )  # fmt: skip
    figure.update_yaxes(title=SCORE)
    return figure


def _shift(i: int, count: int) -> float:
    return (i - (count - 1) / 2) * min(0.08, _ABREAST / count)


def _symbol(i: int, *, hollow: bool = False) -> str:
    return _SYMBOLS[i // 8 % len(_SYMBOLS)] + ("-open" if hollow else "")


def _estimates(
    i: int, name: str, scores: Sequence[Estimate], shift: float, dash: str = "solid"
) -> go.Scatter:
    """Join a group's scores of trials by a line, each with its interval."""
    control, name = dash != "solid", inert(name)
    places = [trial + 1 + shift for trial in range(len(scores))]
    trace = _marks(i, name, places, scores, hollow=control)
    trace.update(
        mode="lines+markers",
        line={"color": group_colour(i), "dash": dash, "width": 1.3 if control else 2.2},
        showlegend=not control,
        customdata=[
            [trial + 1, numbers.span(one, score_text)]
            for trial, one in enumerate(scores)
        ],
        hovertemplate="trial %{customdata[0]}: %{customdata[1]}<extra>"
        + name
        + (", memory cleared" if control else "")
        + "</extra>",
    )
    if control:
        # As wide as the other's, and on top of it.
        trace.update(error_y={"visible": False})
    return trace


def _marks(
    i: int,
    name: str,
    places: Sequence[float],
    scores: Sequence[Estimate],
    *,
    hollow: bool,
) -> go.Scatter:
    colour, name = group_colour(i), inert(name)
    return go.Scatter(
        x=short(places),
        y=short([one.value for one in scores]),
        mode="markers",
        name=name,
        legendgroup=f"group {i}",
        showlegend=not hollow,
        marker={
            "symbol": _symbol(i, hollow=hollow), "size": 6 if hollow else 7,
            "color": colour, "opacity": 1, "line": {"color": colour, "width": 1.5},
        },
        error_y={
            "array": [_reach(one.value, one.high) for one in scores],
            "arrayminus": [_reach(one.low, one.value) for one in scores],
            "color": colour, "thickness": 1.2, "width": 0,
        },
        customdata=[numbers.span(one, score_text) for one in scores],
        hovertemplate="%{customdata}<extra>" + name + "</extra>",
    )  # fmt: skip


def _line(
    i: int,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    dash: str,
    kind: str,
    *,
    marks: bool = False,
) -> go.Scatter:
    thin, name = dash != "solid", inert(name)
    colour = group_colour(i)
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="lines+markers" if marks else "lines",
        name=name,
        legendgroup=f"group {i}",
        showlegend=not thin,
        line={"color": colour, "dash": dash, "width": 1.5 if thin else 2.2},
        marker={"symbol": _symbol(i, hollow=thin), "size": 7, "color": colour},
        hovertemplate=f"{kind}, %{{x:.4g}}: %{{y:.2f}}<extra>{name}</extra>",
    )


def _over_training(
    table: pl.DataFrame, trial: int, colours: Sizes, *, named: bool
) -> go.Scatter:
    steps = table["interactions"].to_list()
    return go.Scatter(
        x=steps,
        y=short(table["score"]),
        mode="lines",
        name=f"trial {trial}",
        legendgroup=f"trial {trial}",
        showlegend=named,
        line={"color": colours.colour(trial), "width": 2},
        customdata=[numbers.si(one) for one in steps],
        hovertemplate=f"trial {trial}, %{{customdata}} interactions: %{{y:.2f}}"
        "<extra></extra>",
    )


def _frame(figure: go.Figure, rows: int, table: pl.DataFrame) -> None:
    """Give panels the house style and the axes that all rows of the table need."""
    house = blank(height=_FRAME + _PANEL * rows).layout.to_plotly_json()
    axis, _ = house.pop("xaxis"), house.pop("yaxis")
    house.pop("template", None)
    figure.update_layout(template="none", **house)
    x, y = table["interactions"].to_numpy(), table["score"].to_numpy()
    low, high = float(np.min(x)) * 0.9, float(np.max(x)) * 1.1
    ticks, texts = numbers.log_ticks(low, high, numbers.si, 4)
    # Panels that share an axis do not find its range themselves.
    room = 0.05 * float(np.ptp(y)) + 0.01
    figure.update_yaxes(**axis, range=[float(y.min()) - room, float(y.max()) + room])
    figure.update_xaxes(
        **axis, type="log", range=[math.log10(low), math.log10(high)],
        tickvals=ticks, ticktext=texts,
    )  # fmt: skip
    figure.update_annotations(font={"size": 13})
    figure.update_layout(
        legend={"yref": "container", "y": 1, "yanchor": "top"},
        margin={"l": 64, "t": 64, "b": 60},
        meta={"rows": True},
    )


def _reach(low: float, high: float) -> float:
    return max(0.0, high - low) if math.isfinite(high - low) else 0.0


def score_text(value: float) -> str:
    """Write a score: two decimals, or two digits where it is smaller than that."""
    return numbers.plain(value, 2) if abs(value) < 0.1 else numbers.exponent(value)
