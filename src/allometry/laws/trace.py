"""Traces: what a picture of a fit shows, whoever draws it.

Points and the law along one input, a trace for each setting of the other; for laws of
more inputs, what was seen against what the law says.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from allometry.laws import prediction
from allometry.laws.arrays import Array
from allometry.laws.estimates import Result
from allometry.laws.form.form import Form

#: At most this many settings have a trace of their own; more are drawn in parts.
MOST = 12
_STEPS = 160
#: The law is drawn this factor beyond the data.
_BEYOND = 4.0


@dataclasses.dataclass(frozen=True)
class Trace:
    """One setting: its points `[n]`, and the law over a grid `[m]` with its bands.

    `setting` is the value of the other input, None where there is none. `inside` says
    which of the grid lies within the data.
    """

    setting: float | None
    x: Array
    y: Array
    grid: Array
    value: Array
    low: Array
    high: Array
    band_low: Array
    band_high: Array
    inside: np.ndarray


def named(result: Result, role: str) -> str:
    """Name a role as the user's table does, for a label."""
    column = str(result.card.get("columns", {}).get(role, role))
    return str(result.card.get("named", {}).get(column, column)).replace("_", " ")


def along(form: Form, points: Mapping[str, Array]) -> str:
    """Choose the input of the horizontal axis: what grows, else what varies most."""
    growing = [item.name for item in form.inputs if not item.fixed]
    if growing:
        return growing[0]
    names = [item.name for item in form.inputs]
    return max(names, key=lambda name: len(np.unique(points[name])))


def others(form: Form, points: Mapping[str, Array]) -> list[str]:
    """Name the inputs that are not on the horizontal axis."""
    axis = along(form, points)
    return [item.name for item in form.inputs if item.name != axis]


def traces(result: Result, form: Form, points: Mapping[str, Array]) -> list[Trace]:
    """Give a trace per setting of the other input, for a form of one or two inputs."""
    axis, rest = along(form, points), others(form, points)
    found = []
    for setting, mine in _settings(points, rest):
        x, y = points[axis][mine], points[form.response.name][mine]
        low, high = float(x.min()), float(x.max())
        far = high if rest else high * _BEYOND
        grid = np.geomspace(low, far, _STEPS) if far > low else np.array([low])
        fixed = {rest[0]: np.full(len(grid), setting)} if setting is not None else {}
        frame = prediction.predict(result, form, {**fixed, axis: grid})
        columns = ("value", "low", "high", "band_low", "band_high")
        values = {name: frame[name].to_numpy() for name in columns}
        inside = grid <= high * (1 + 1e-9)
        found.append(Trace(setting, x, y, grid, inside=inside, **values))
    return found


def agreement(result: Result, form: Form, points: Mapping[str, Array]) -> Trace:
    """Give what was seen against what the law says: x said, y seen, ordered by x."""
    inputs = {item.name: points[item.name] for item in form.inputs}
    frame = prediction.predict(result, form, inputs)
    order = np.argsort(frame["value"].to_numpy())
    columns = ("value", "low", "high", "band_low", "band_high")
    values = {name: frame[name].to_numpy()[order] for name in columns}
    said, seen = values["value"], points[form.response.name][order]
    inside = np.ones(len(said), dtype=bool)
    return Trace(None, said, seen, said, inside=inside, **values)


def _settings(
    points: Mapping[str, Array], rest: Sequence[str]
) -> Iterator[tuple[float | None, np.ndarray]]:
    """Give each value of the other input and which points have it; parts of many."""
    if not rest:
        yield None, np.ones(len(next(iter(points.values()))), dtype=bool)
        return
    column = points[rest[0]]
    values = np.unique(column)
    if len(values) <= MOST:
        for value in values:
            yield float(value), column == value
        return
    edges = np.quantile(column, np.linspace(0, 1, MOST + 1)[1:-1])
    part = np.searchsorted(edges, column)
    for index in np.unique(part):
        mine = part == index
        yield float(np.exp(np.mean(np.log(column[mine])))), mine
