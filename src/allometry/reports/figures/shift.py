"""The figure of shift: scores within the distribution of training, and outside."""

import dataclasses
import math
from collections.abc import Sequence

import plotly.graph_objects as go

from allometry.laws.estimates import Estimate
from allometry.reports import numbers
from allometry.reports.figures.adaptation import SCORE
from allometry.reports.figures.marks import blank, inert, short
from allometry.reports.style import LIGHT, group_colour

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")
#: Levels stand beside each other, so far apart in all; ticks are so far apart at least
#: (parts of the axis).
_ABREAST, _APART = 0.03, 0.07
_TICKS = [factor * 10.0**power for power in range(-1, 5) for factor in (1, 2, 5)]


@dataclasses.dataclass(frozen=True)
class Mark:
    """A level's score on a split, so far away (log₁₀), 0 if it is training's."""

    level: str
    split: str
    distance: float | None
    score: Estimate


def by_distance(marks: Sequence[Mark], by: str) -> go.Figure:
    """Draw scores against the distance of the split, on a scale of square roots.

    Splits stand side by side instead where a distance is missing. Colours are levels,
    symbols splits.
    """
    figure = blank(height=460)
    splits = list(dict.fromkeys(mark.split for mark in marks))
    levels = list(dict.fromkeys(mark.level for mark in marks))
    known = all(mark.distance is not None for mark in marks)

    def place(mark: Mark) -> float:
        if not known or mark.distance is None:
            return float(splits.index(mark.split))
        return math.sqrt(max(0.0, mark.distance))

    width = max(map(place, marks)) - min(map(place, marks))
    for i, level in enumerate(levels):
        own = [mark for mark in marks if mark.level == level]
        aside = (i / max(1, len(levels) - 1) - 0.5) * _ABREAST * width
        symbols = [_symbol(splits, mark.split) for mark in own]
        x = [place(mark) + aside for mark in own]
        figure.add_trace(_scores(own, x, symbols, group_colour(i), f"{by} = {level}"))
    for split in splits:
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=inert(split.replace("_", " ")),
            marker={
                "color": LIGHT["muted"], "size": 8, "symbol": _symbol(splits, split)
            },
        )  # fmt: skip
    figure.update_yaxes(title=SCORE)
    if known:
        _distances(figure, max(map(place, marks)))
    else:
        figure.update_xaxes(
            title="Split",
            tickvals=list(range(len(splits))),
            ticktext=[inert(split).replace("_", "<br>") for split in splits],
        )
    return figure


def _symbol(splits: Sequence[str], split: str) -> str:
    return _SYMBOLS[splits.index(split) % len(_SYMBOLS)]


def _scores(
    own: Sequence[Mark], x: Sequence[float], symbols: list[str], colour: str, name: str
) -> go.Scatter:
    scores = [mark.score for mark in own]
    return go.Scatter(
        x=short(x),
        y=short([one.value for one in scores]),
        mode="lines+markers",
        name=inert(name),
        line={"color": colour, "width": 1, "dash": "dot"},
        marker={"color": colour, "size": 8, "symbol": symbols, "opacity": 1},
        error_y={
            "array": [_reach(one.value, one.high) for one in scores],
            "arrayminus": [_reach(one.low, one.value) for one in scores],
            "color": colour,
            "thickness": 1.2,
            "width": 0,
        },
        customdata=[
            [inert(mark.split.replace("_", " ")), numbers.span(mark.score)]
            for mark in own
        ],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>"
        + inert(name)
        + "</extra>",
    )


def _distances(figure: go.Figure, furthest: float) -> None:
    """Make the axis that of distances, whose square roots are its places."""
    room = 0.06 * furthest
    ticks = [0.0]
    for tick in _TICKS:
        place = math.sqrt(tick)
        if ticks[-1] + _APART * furthest <= place <= furthest + room:
            ticks.append(place)
    figure.update_xaxes(
        title="Distance (powers of ten of the log of the number of policies; √ scale)",
        tickvals=ticks,
        ticktext=[numbers.si(round(tick**2, 4)) for tick in ticks],
        range=[-room, furthest + room],
    )


def _reach(low: float, high: float) -> float:
    return max(0.0, high - low) if math.isfinite(high - low) else 0.0
