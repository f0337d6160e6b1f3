"""Figures for print: a fit as one Matplotlib figure, from the fit alone.

Points by group, the law with its 90 % interval, the band for new runs in a lighter
shade, and a dashed line where the law is extrapolated. Sizes are in inches for a
column of a paper; no global style is touched.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from allometry.laws import trace
from allometry.laws.arrays import Array
from allometry.laws.estimates import Result
from allometry.laws.form.form import Form
from allometry.laws.intrinsic.law import Intrinsic
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A column of a paper, and its usual type.
WIDTH, RATIO = 3.4, 0.75
#: No side is longer, in inches: a poster is, and 300 dots an inch of more fill memory.
LONGEST = 50.0
_STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "mathtext.default": "regular",
}
_LAW, _INK = "#0b5394", "#333333"
_STEPS = 160
#: Names of columns and titles are text, in which `$` is a dollar.
_PLAIN: Any = {"parse_math": False}
#: At most this many points are drawn.
_MOST_POINTS = 5_000


def draw(
    result: Result,
    form: Form | None,
    path: str | Path | None = None,
    *,
    width: float = WIDTH,
    height: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw a fit; write it to `path` (PDF, SVG, PNG by suffix) if one is given.

    `width` and `height` are in inches. Text is shown as it stands: `$` starts no
    formula. Raises `Refusal` for a fit without points or without its form, for a size
    that cannot be drawn, and for a file that cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if form is None:
        raise Refusal(
            f"The form {result.law!r} is not known here: add it with "
            "laws.forms.add(form), then read the fit again."
        )
    if not result.points:
        raise Refusal(
            "The fit holds no points to draw: it was made by an older Allometry, or "
            "from nothing. Make it again with `allometry fit`."
        )
    size = (width, width * RATIO if height is None else height)
    for name, inches in zip(("width", "height"), size, strict=True):
        if not 0 < inches <= LONGEST:
            raise Refusal(
                f"The figure's {name} is {inches:g} inches: give more than 0 and at "
                f"most {LONGEST:g}; a column of a paper is {WIDTH:g} wide."
            )
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        if form.name == "intrinsic":
            _intrinsic(axes, result)
        else:
            _form(axes, result, form)
        if title:
            bold: Any = {"fontsize": 8, "fontweight": "bold", **_PLAIN}
            axes.set_title(title, loc="left", **bold)
        if not result.identified:
            _stamp(axes)
        _refuse_collapse(figure)
        if path is not None:
            _save(figure, Path(path))
    return figure


def _refuse_collapse(figure: "Figure") -> None:
    """Refuse a figure in which labels and legend leave no room for the axes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "constrained_layout not applied")
        try:
            figure.draw_without_rendering()
        except UserWarning:
            width, height = figure.get_size_inches()
            raise Refusal(
                f"A figure of {width:g} × {height:g} inches has no room for its axes "
                f"beside their labels: give a larger width, such as {WIDTH:g}."
            ) from None


def _save(figure: "Figure", path: Path) -> None:
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        raise Refusal(
            f"{path}: a figure cannot be written as {path.suffix or 'no suffix'!r}. "
            "Name a file that ends in .pdf, .svg or .png."
        )
    try:
        figure.savefig(path, dpi=300)
    except OSError as error:
        raise Refusal(f"{path} cannot be written ({error.strerror}).") from error


def _stamp(axes: "Axes") -> None:
    axes.text(
        0.5,
        0.5,
        "not identified",
        transform=axes.transAxes,
        ha="center",
        va="center",
        rotation=20,
        fontsize=16,
        color="#b45309",
        alpha=0.35,
        zorder=5,
    )


def _form(axes: "Axes", result: Result, form: Form) -> None:
    """Draw the response against one input, a line for each setting of the other."""
    points = {name: np.asarray(values) for name, values in result.points.items()}
    rest = trace.others(form, points)
    if len(rest) > 1:
        _against_prediction(axes, result, form, points)
        return
    drawn = trace.traces(result, form, points)
    for number, one in enumerate(drawn):
        alone = one.setting is None
        colour = _LAW if alone else _ramp(number, len(drawn))
        kept = slice(None, None, max(1, len(one.x) // _MOST_POINTS))
        axes.plot(one.x[kept], one.y[kept], ".", ms=3, color=colour, alpha=0.55, mew=0)
        label = None if one.setting is None else _short(one.setting)
        inside, outside = one.inside, ~one.inside
        axes.plot(one.grid[inside], one.value[inside], color=colour, label=label)
        dashed: Any = {"color": colour, "ls": (0, (3, 2))}
        axes.plot(one.grid[outside], one.value[outside], **dashed)
        alpha = 0.28 if alone else 0.14
        axes.fill_between(one.grid, one.low, one.high, color=colour, alpha=alpha, lw=0)
        if alone:
            band = (one.band_low, one.band_high)
            axes.fill_between(one.grid, *band, color=colour, alpha=0.12, lw=0)
    axes.set_xscale("log")
    if form.residual == "log":
        axes.set_yscale("log")
    axes.set_xlabel(_label(form, trace.along(form, points), result), **_PLAIN)
    axes.set_ylabel(_label(form, form.response.name, result), **_PLAIN)
    _limits(axes, form, points[form.response.name])
    _ticks(axes)
    if rest:
        _legend(axes, _label(form, rest[0], result))


def _against_prediction(
    axes: "Axes", result: Result, form: Form, points: Mapping[str, Array]
) -> None:
    """Draw what was seen against what the law says, for laws of many inputs."""
    one = trace.agreement(result, form, points)
    axes.plot(one.x, one.y, ".", ms=3.5, color=_LAW, alpha=0.6, mew=0)
    for low, high, alpha in (
        (one.band_low, one.band_high, 0.12),
        (one.low, one.high, 0.28),
    ):
        axes.fill_between(one.grid, low, high, color=_LAW, alpha=alpha, lw=0)
    ends = [float(one.x.min()), float(one.x.max())]
    axes.plot(ends, ends, color=_INK, lw=0.8)
    if form.residual == "log":
        axes.set_xscale("log")
        axes.set_yscale("log")
    _ticks(axes)
    name = _label(form, form.response.name, result)
    axes.set_xlabel(f"{name}, by the law", **_PLAIN)
    axes.set_ylabel(f"{name}, observed", **_PLAIN)


def _intrinsic(axes: "Axes", result: Result) -> None:
    """Draw performance against compute: each size meets the frontier I = C."""
    points = {name: np.asarray(values) for name, values in result.points.items()}
    constants = {name: one.value for name, one in result.parameters.items()}
    if not np.isfinite(list(constants.values())).all():
        raise Refusal(
            "The fit has no law to draw: its constants are missing. "
            + " ".join(result.warnings)
        )
    law = Intrinsic(**constants)
    sizes = np.unique(points["parameters"])
    for number, size in enumerate(sizes):
        mine = points["parameters"] == size
        E, R = points["interactions"][mine], points["performance"][mine]
        order = np.argsort(E)
        compute = law.kappa * size * E[order]
        colour = _ramp(number, len(sizes))
        axes.plot(compute, R[order], ".", ms=3, color=colour, alpha=0.6, mew=0)
        axes.plot(
            compute,
            _response(law, points, size, E[order]),
            color=colour,
            lw=1,
            label=_short(float(size)),
        )
    low = law.kappa * float(np.min(points["parameters"] * points["interactions"]))
    high = law.kappa * float(np.max(points["parameters"] * points["interactions"]))
    frontier = np.geomspace(low, high, _STEPS)
    best = _response_of(law, points, np.log(frontier))
    axes.plot(frontier, best, color=_INK, lw=1.2, ls=(0, (4, 2)), label="frontier")
    axes.set_xscale("log")
    axes.set_xlabel("training compute (FLOPs)")
    measured = str(result.card.get("performance_is", "performance"))
    axes.set_ylabel(trace.named(result, measured), **_PLAIN)
    _ticks(axes)
    _legend(axes, "parameters")


def _response(law: Intrinsic, points: Mapping[str, Array], N: float, E: Array) -> Array:
    return _response_of(law, points, law.log_intrinsic(N, E))


def _response_of(law: Intrinsic, points: Mapping[str, Array], log_I: Array) -> Array:
    """Read performance at ln I off the monotone map that the points imply."""
    from scipy.optimize import isotonic_regression

    seen = law.log_intrinsic(points["parameters"], points["interactions"])
    order = np.argsort(seen)
    rising = isotonic_regression(points["performance"][order]).x
    return np.asarray(np.interp(log_I, seen[order], rising, left=np.nan, right=np.nan))


def _legend(axes: "Axes", title: str) -> None:
    """Name the curves beside the axes, where they hide nothing."""
    legend = axes.legend(
        title=title.replace(" (", "\n("),
        title_fontsize=6.5,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        handlelength=1.0,
        labelspacing=0.25,
        borderaxespad=0.2,
    )
    legend.get_title().set(**_PLAIN)


def _ticks(axes: "Axes") -> None:
    """Label decades; an axis of less than two gets plain numbers instead."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() != "log":
            continue
        low, high = axis.get_view_interval()
        axis.set_minor_formatter(NullFormatter())
        if high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda x, _: _short(x)))


def _short(value: float) -> str:
    """Write a number for a tick or a legend: 0.25, 870, 33k, 1.2M, 7B, 5e+12."""
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if unit <= abs(value) < 1000 * unit and abs(value) < 1e12:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def _label(form: Form, name: str, result: Result) -> str:
    quantity = next(item for item in (*form.inputs, form.response) if item.name == name)
    column, unit = trace.named(result, name), quantity.unit
    if unit in ("1", column, "data"):
        return column
    return f"{column} ({unit})"


def _limits(axes: "Axes", form: Form, y: Array) -> None:
    """Keep wide bands from flattening the data."""
    if form.residual == "log":
        low, high = float(np.log(y.min())), float(np.log(y.max()))
        room = max(0.25 * (high - low), 0.1)
        axes.set_ylim(np.exp(low - room), np.exp(high + room))
    else:
        room = 0.15 * float(np.ptp(y)) or 1.0
        axes.set_ylim(float(y.min()) - room, float(y.max()) + room)


def _ramp(number: int, count: int) -> Any:
    """Give a colour of an ordered scale that the colour-blind can follow."""
    import matplotlib

    scale = matplotlib.colormaps["viridis"]
    return scale(0.88 * number / max(count - 1, 1))
