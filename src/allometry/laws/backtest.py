"""Backtest: fit below a cut, score above it, against naive baselines.

A form is chosen by how well it forecasts what it has not seen, never by how closely
it fits. Every form is fitted to what lies below a cut along the axis of scale and
scored on what lies above, at several cuts; so are naive rivals: the last value, a pure
power law, a power law with a floor, and where there are several settings (sizes), one
with a floor for each setting.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from allometry.laws.form.form import Form
from allometry.laws.form.registry import FAMILIES, forms
from allometry.laws.frame import RUN, to_polars, with_runs
from allometry.laws.holdout import Holdout
from allometry.laws.parametric.settings import FormSettings
from allometry.laws.score import BASELINES, EACH, LAST, Backtest
from allometry.refusal import Refusal

#: Among those that do as well as each other, a law for each setting comes last.
_CONSTANTS = {LAST: 0.0, EACH: math.inf}


def backtest(
    table: Any,
    laws: Sequence[str | Form] = (),
    *,
    columns: Mapping[str, str] | None = None,
    along: str | None = None,
    cuts: Sequence[float] | None = None,
    settings: FormSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Score forms beyond cuts along the column `along`.

    `laws` are forms by name or as records; the naive rivals are always scored too.
    `columns` maps the forms' inputs and response to columns, as in `fit`; forms of one
    input share those of the first law. `along` is by default the first law's growing
    input. `cuts` are values of it; by default a thirtieth, a tenth and a third of the
    largest, those that leave enough below.

    Raises:
        Refusal: a column is missing or holds no numbers, no cut leaves enough below
            and above it, or a cut is outside the data.
    """
    if cuts is not None and len(cuts) == 0:
        raise Refusal("There is no cut: give one at least, or none of all for three.")
    asked = [forms.find(law, columns) for law in (laws or BASELINES)]
    intrinsic = [form.name for form in asked if form.name == "intrinsic"]
    if intrinsic:
        raise Refusal(
            "The intrinsic law cannot be scored so: performance above what was seen "
            "has no place on its axis. Backtest the form that its natural metric "
            "follows (power, of compute against failures per success on the frontier)."
        )
    names = dict(columns or {})
    _refuse_unknown(names, asked)
    frame = with_runs(to_polars(table), names)
    first = asked[0]
    axis = along or names.get(_growing(first), _growing(first))
    response = names.get(first.response.name, first.response.name)
    holdout = Holdout(frame, asked, names, axis, response, settings or FormSettings())
    chosen = tuple(sorted(cuts)) if cuts is not None else holdout.default_cuts()
    every: list[Form | str] = [*holdout.forms(), *holdout.naive()]
    scores, done = [], 0
    for cut in chosen:
        below, above = holdout.split(cut)
        for form in every:
            scores.append(holdout.score(form, cut, below, above))
            done += 1
            if progress is not None:
                progress(done, len(chosen) * len(every))
    return Backtest(
        along=axis,
        response=response,
        scale=holdout.scale,
        cuts=chosen,
        scores=tuple(scores),
        constants=_CONSTANTS
        | {form.name: float(len(form.parameters)) for form in holdout.forms()},
        warnings=holdout.warnings(chosen),
    )


def _refuse_unknown(columns: Mapping[str, str], asked: Sequence[Form]) -> None:
    """Refuse columns for what none of the forms reads."""
    every = [*asked, *(forms[name] for name in BASELINES)]
    roles = [role.name for form in every for role in (*form.inputs, form.response)]
    unknown = sorted(set(columns) - {*roles, *RUN, *FAMILIES})
    if unknown:
        raise Refusal(
            f"None of the forms has an input or response {unknown[0]!r}; name columns "
            f"for: {', '.join(dict.fromkeys(roles))}."
        )


def _growing(form: Form) -> str:
    """Name the input along which a form is cut."""
    growing = [item.name for item in form.inputs if not item.fixed]
    return growing[0] if growing else form.inputs[0].name
