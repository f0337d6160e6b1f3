"""Pictures of any form's fit: the law, its residuals, its refits."""

import math
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from allometry.laws import trace
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form, Parameter
from allometry.reports import numbers
from allometry.reports.figures.marks import (
    Array,
    blank,
    fill_between,
    inert,
    legend_entry,
    legend_line,
    log_axis,
    short,
)
from allometry.reports.style import LIGHT, Sizes

#: Points that one picture holds at most.
_MOST_POINTS = 3_000


def points_of(fit: Fit) -> dict[str, Array]:
    """Give the fit's points by column, `[n]` each."""
    return {name: np.asarray(values) for name, values in fit.points.items()}


def colours(form: Form, points: Mapping[str, Array]) -> Sizes:
    """Give a colour to each setting of the other input, in order."""
    rest = trace.others(form, points)
    count = len(np.unique(points[rest[0]])) if len(rest) == 1 else 1
    return Sizes(tuple(range(min(count, trace.MOST))))


def coloured(fit: Fit, form: Form) -> bool:
    """Say whether each value of the other input has a colour of its own."""
    points = points_of(fit)
    rest = trace.others(form, points)
    return len(rest) == 1 and len(np.unique(points[rest[0]])) <= trace.MOST


def law(fit: Fit, form: Form) -> go.Figure:
    """Draw points and the law, a line for each setting of the other input."""
    points = points_of(fit)
    rest = trace.others(form, points)
    if len(rest) > 1:
        return _agreement(fit, form, points)
    figure, sizes = blank(height=460), colours(form, points)
    drawn = trace.traces(fit, form, points)
    for number, one in enumerate(drawn):
        alone = one.setting is None
        colour = LIGHT["accent"] if alone else sizes.colour(number)
        if alone:
            fill_between(figure, one.grid, one.band_low, one.band_high)
            fill_between(figure, one.grid, one.low, one.high)
        setting = numbers.si(one.setting) if one.setting is not None else "law"
        _dots(figure, one.x, one.y, colour, setting)
        inside, outside = one.inside, ~one.inside
        name = setting if alone else f"{trace.named(fit, rest[0])} = {setting}"
        legend_line(
            figure, inert(name), one.grid[inside], one.value[inside], colour=colour
        )
        if outside.any():
            figure.add_scatter(
                x=short(one.grid[outside]),
                y=short(one.value[outside]),
                mode="lines",
                line={"color": colour, "dash": "dash", "width": 2},
                name="beyond the data",
            )
    along = trace.along(form, points)
    grid = np.concatenate([one.grid for one in drawn])
    log_axis(figure, "x", grid, numbers.power)
    _response_axis(figure, form, points[form.response.name])
    figure.update_xaxes(title=_label(fit, form, along))
    figure.update_yaxes(title=_label(fit, form, form.response.name))
    return figure


def residuals(fit: Fit, form: Form) -> go.Figure:
    """Draw residuals against what the law says, coloured by setting."""
    points = points_of(fit)
    rest = trace.others(form, points)
    said = fit.predict({item.name: points[item.name] for item in form.inputs})
    x, r = said["value"].to_numpy(), np.asarray(fit.residuals)
    figure, sizes = blank(height=340), colours(form, points)
    if coloured(fit, form):
        for number, value in enumerate(np.unique(points[rest[0]])):
            mine = points[rest[0]] == value
            _dots(figure, x[mine], r[mine], sizes.colour(number), numbers.si(value))
    else:
        _dots(figure, x, r, LIGHT["accent"], "observation")
    figure.add_hline(y=0, line={"color": LIGHT["muted"], "width": 1})
    if form.residual == "log":
        log_axis(figure, "x", x, numbers.power)
    figure.update_xaxes(title=f"{_label(fit, form, form.response.name)}, by the law")
    what = (
        "ln predicted − ln observed"
        if form.residual == "log"
        else "predicted − observed"
    )
    figure.update_yaxes(title=what)
    return figure


def refits(fit: Fit, form: Form) -> go.Figure:
    """Draw each constant as every refit has it, relative to the fit.

    Constants whose value is far from the data are left out: they move by orders of
    magnitude and mean nothing.
    """
    chosen = [item for item in form.parameters if not item.remote]
    figure = blank(height=120 + 44 * len(chosen))
    drawn = fit.resampling == "bootstrap"
    for name, symbol in (("group", "circle"), ("stretch", "diamond-open")):
        there = [item for item in fit.replicates if item.of == name]
        if not there:
            continue
        x, y, labels = [], [], []
        for parameter in chosen:
            for replicate in there:
                x.append(_relative(fit, parameter, replicate.parameters))
                y.append(_row(parameter))
                labels.append(inert(str(replicate.left_out)))
        figure.add_scatter(
            x=short(x),
            y=y,
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 7,
                "color": LIGHT["accent"],
                "opacity": 0.6,
            },
            customdata=labels,
            hovertemplate="%{y}: %{x:+.2f} "
            + ("" if drawn else "without ")
            + "%{customdata}<extra></extra>",
            name="a draw of groups" if drawn else f"without one {name}",
        )
    figure.add_vline(x=0, line={"color": LIGHT["muted"], "width": 1})
    figure.update_xaxes(title="change of the constant (of its logarithm, if positive)")
    figure.update_yaxes(autorange="reversed")
    return figure


def _relative(fit: Fit, parameter: Parameter, values: Mapping[str, float]) -> float:
    here, there = fit.parameters[parameter.name].value, values[parameter.name]
    if not parameter.positive:
        return there - here
    if here <= 0 or there <= 0:
        return math.nan
    return math.log(there / here)


def _row(parameter: Parameter) -> str:
    return inert(parameter.name)


def _agreement(fit: Fit, form: Form, points: Mapping[str, Array]) -> go.Figure:
    """Draw what was seen against what the law says."""
    one = trace.agreement(fit, form, points)
    figure = blank(height=460)
    fill_between(figure, one.grid, one.band_low, one.band_high)
    _dots(figure, one.x, one.y, LIGHT["accent"], "observation")
    legend_entry(figure, "observed", mode="markers")
    ends = np.array([one.x.min(), one.x.max()])
    legend_line(figure, "the law, with the band of new runs", ends, ends)
    if form.residual == "log":
        log_axis(figure, "x", one.x, numbers.power)
        log_axis(figure, "y", one.y, numbers.power)
    name = _label(fit, form, form.response.name)
    figure.update_xaxes(title=f"{name}, by the law")
    figure.update_yaxes(title=f"{name}, observed")
    return figure


def _dots(figure: go.Figure, x: Array, y: Array, colour: str, name: str) -> None:
    step = max(1, len(x) // _MOST_POINTS)
    figure.add_scatter(
        x=short(x[::step]),
        y=short(y[::step]),
        mode="markers",
        marker={"color": colour, "size": 5, "opacity": 0.55},
        hovertemplate="%{x:.4g} → %{y:.4g}<extra>" + inert(name) + "</extra>",
        showlegend=False,
    )


def _response_axis(figure: go.Figure, form: Form, y: Array) -> None:
    """Keep wide bands from flattening the data."""
    if form.residual == "log":
        log_axis(figure, "y", np.array([y.min() * 0.8, y.max() * 1.25]), numbers.power)
        return
    room = 0.15 * float(np.ptp(y)) or 1.0
    figure.update_yaxes(range=[float(y.min()) - room, float(y.max()) + room])


def _label(fit: Fit, form: Form, role: str) -> str:
    quantity = next(q for q in (*form.inputs, form.response) if q.name == role)
    column, unit = trace.named(fit, role), quantity.unit
    plain = unit in ("1", column, "data")
    return inert(column if plain else f"{column} ({unit})")
