"""Examine: try a form out on its data, before it is fitted.

A form of one's own has a formula that nobody has tested. Its parts are called at a few
points spread over where the search will start. Wrong derivatives are the trap: a
parameter by which they are 0 never moves, and gets an interval of no width. A gradient
of one's own may be wrong, and without one they come from a complex step, which is wrong
for a formula that is not analytic (`abs`, `np.real`). Both are compared with
differences.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Values
from allometry.laws.parametric import formula
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.start import Choices
from allometry.refusal import Refusal

#: Trial points; one more where there are as many observations.
POINTS = 5
#: Derivatives agree within this share of them.
AGREEMENT = 1e-3
#: They are wrong when more than this share of those compared is.
CHANCE = 0.02
#: Steps of the differences, as shares of the parameter.
STEPS = (1e-4, 1e-5)
#: Values that should be the same differ by less than this share of them.
SAME = 1e-6
#: Halvings of the way from one value of a parameter to another in which a jump is.
HALVINGS = 40
#: What is linear is moved by this share, few observations past a kink, and the response
#: follows a straight line within this share of it.
NUDGE, STRAIGHT = 1e-3, 1e-8
#: Roundings of the response, in units of its last digit, that a difference may see.
_ROUNDINGS = 1e4
#: Responses near this are too small for any derivative.
_LEAST = 1e-220
#: Trial points are moved off round values, where a formula may have kinks, by this.
_OFF = 0.03
_GOLDEN = 0.6180339887498949


def examine(problem: Problem, choices: Choices) -> None:
    """Try the formula, its derivatives and what is derived, near `choices`.

    Raises:
        Refusal: one of them fails, or gives what it should not; a value depends on
            others than its own parameters and inputs; the derivatives are wrong; or the
            formula is not linear in what is said to be.
    """
    form, inputs = problem.form, problem.inputs
    values = _points(problem, choices)
    base = formula.response(form, inputs, values)
    _refuse_shared(form, inputs, values, base)
    formula.derived(form, values)
    slopes = _slopes(form, inputs, values, base.shape)
    for name in form.names:
        _refuse_wrong(form, inputs, values, name, slopes[name])
        if not slopes[name].any():
            _refuse_jumps(form, inputs, values, name)
    _refuse_bent(form, inputs, values, base, slopes)


def _points(problem: Problem, choices: Choices) -> dict[str, Array]:
    """Give trial points, `[B, 1]` by parameter, whose terms are all of one order."""
    form, inputs = problem.form, problem.inputs
    count = POINTS + (len(problem.response) == POINTS)
    ones = {item.name: 1.0 for item in form.parameters if item.linear}
    spread = np.linspace(0, len(choices) - 1, count).round().astype(int)
    theta = np.array([problem.theta({**choices[i], **ones}) for i in spread])
    number = np.arange(1, theta.size + 1).reshape(theta.shape)
    theta += _OFF * ((number * _GOLDEN) % 1) * np.where(theta == 0, 0.1, np.abs(theta))
    values = problem.values(np.clip(theta, *problem.bounds))
    base = formula.response(form, inputs, values)
    scaled = dict(values)
    for name in ones:
        doubled = formula.response(form, inputs, {**values, name: 2 * values[name]})
        with np.errstate(all="ignore"):
            column = np.abs(doubled - base) / values[name]
            typical = np.median(column, axis=1, keepdims=True) * len(ones)
            level = np.median(np.abs(problem.response)) / typical
        scaled[name] = np.where(np.isfinite(level) & (level > 0), level, values[name])
    return scaled


def _refuse_shared(form: Form, inputs: Values, values: Values, base: Array) -> None:
    """Refuse a formula whose values depend on what else is asked for, or on luck."""
    some = {name: x[::2] for name, x in inputs.items()}
    one = {name: value[:1] for name, value in values.items()}
    again, there = formula.response(form, some, one), base[:1, ::2]
    size = np.abs(there[np.isfinite(there)]).max(initial=0.0)
    if not np.allclose(again, there, rtol=SAME, atol=SAME**2 * size, equal_nan=True):
        raise Refusal(
            f"The form {form.name!r}: its formula gives other values when it is asked "
            "again, for fewer observations or parameters at once. Each value must "
            "follow from its own inputs and parameters alone: no mean or maximum over "
            "the arrays, no random numbers."
        )


def _slopes(
    form: Form, inputs: Values, values: Values, shape: tuple[int, ...]
) -> dict[str, Array]:
    """Give the derivatives `[B, n]` as the descent takes them: 0 where undefined."""
    if form.gradient is not None:
        slopes: Values = formula.gradient(form, inputs, values)
    else:
        slopes = _complex_steps(form, inputs, values)
    return {
        name: np.nan_to_num(np.broadcast_to(slope, shape), posinf=0.0, neginf=0.0)
        for name, slope in slopes.items()
    }


def _complex_steps(form: Form, inputs: Values, values: Values) -> Values:
    try:
        with formula.quiet():
            return form.derivatives(inputs, values)
    except Exception as error:
        raise Refusal(
            f"The form {form.name!r} has no `gradient`, and its formula takes no "
            "complex numbers, from which its derivatives would come "
            f"({type(error).__name__}: {str(error).rstrip('.')}). Give it a gradient "
            "(gradient=...), or write it with functions that take complex numbers."
        ) from error


def _refuse_wrong(
    form: Form, inputs: Values, values: Values, name: str, slope: Array
) -> None:
    """Compare `slope` `[B, n]` with differences, where these agree among themselves."""
    (wide, rough), (narrow, fine) = (
        _difference(form, inputs, values, name, step) for step in STEPS
    )
    with np.errstate(all="ignore"):
        # A step may be lost in the digits of a large input, at some observations.
        lost = (wide == 0) & wide.any(-1, keepdims=True)
        there = np.isfinite(wide) & np.isfinite(narrow) & ~lost
        known = there & _agree(wide, narrow, rough + fine)
        wrong = known & ~(_agree(slope, wide, rough) | _agree(slope, narrow, fine))
        off = np.where(wrong, np.abs(slope - wide), -1.0)
    # A few differences agree by chance, more of them where all digits are noise.
    if wrong.sum() <= CHANCE * known.sum() or known.sum() < there.sum() / 2:
        return
    worst = np.unravel_index(off.argmax(), off.shape)
    numbers = f"{slope[worst]:.3g} where differences give {wide[worst]:.3g}"
    if form.gradient is not None:
        raise Refusal(
            f"The form {form.name!r}: its gradient by {name!r} is wrong, {numbers}. "
            "Mend it, or leave it out: derivatives are then taken for you."
        )
    raise Refusal(
        f"The form {form.name!r}: its formula is not analytic in {name!r} (abs, sign, "
        "real, a rounding), so that derivatives by a complex step are wrong: "
        f"{numbers}. Give the form a gradient of your own (gradient=...), or write the "
        "formula without them."
    )


def _difference(
    form: Form, inputs: Values, values: Values, name: str, share: float
) -> tuple[Array, Array]:
    """Give the central difference `[B, n]`, and how far rounding may put it off."""
    step = share * np.where(values[name] == 0, 1e-3, np.abs(values[name]))
    above, below = (
        formula.response(form, inputs, {**values, name: values[name] + move})
        for move in (step, -step)
    )
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(above), np.abs(below))
        digit = np.finfo(np.float64).eps * size + _LEAST
        return (above - below) / (2 * step), _ROUNDINGS * digit / step


def _agree(one: Array, other: Array, rounding: Array) -> np.ndarray:
    """Say where two derivatives are the same; nowhere where one is not finite."""
    larger = np.maximum(np.abs(one), np.abs(other))
    return np.asarray(np.abs(one - other) <= AGREEMENT * larger + rounding)


def _refuse_jumps(form: Form, inputs: Values, values: Values, name: str) -> None:
    """Refuse a parameter that changes the response, but never by a small step."""
    item = form.parameters[form.names.index(name)]
    here = values[name]
    for there in (2 * here, here / 2) if item.positive else (here + 1, here - 1):
        if _jumps(form, inputs, values, name, there):
            raise Refusal(
                f"The form {form.name!r}: its formula jumps as {name!r} changes (a "
                "comparison, a rounding) and stands still otherwise, so that no "
                "derivative leads to the best value. Write the jump as a smooth step, "
                "such as np.tanh."
            )


def _jumps(form: Form, inputs: Values, values: Values, name: str, end: Array) -> bool:
    """Say whether the response jumps, for any of B, on the way of `name` to `end`.

    The way is halved, towards its larger change: a jump stays as large as it is, and
    the change on a slope, however steep, goes to 0.
    """

    def response(value: Array) -> Array:
        return formula.response(form, inputs, {**values, name: value})

    here, first, last = values[name], response(values[name]), response(end)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(first), np.abs(last))
        share = np.nan_to_num(np.abs(last - first) / size)
    row = np.arange(len(share))
    at = row, share.argmax(-1)
    if share.max() <= SAME:
        return False
    low, high, below, above = here[:, 0], end[:, 0], first[at], last[at]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value = response(middle[:, None])[at]
        with np.errstate(all="ignore"):
            left = np.abs(value - below) > np.abs(above - value)
        low, high = np.where(left, low, middle), np.where(left, middle, high)
        below, above = np.where(left, below, value), np.where(left, value, above)
    with np.errstate(all="ignore"):
        return bool((np.abs(above - below) > SAME * size[at]).any())


def _refuse_bent(
    form: Form, inputs: Values, values: Values, base: Array, slopes: Values
) -> None:
    """Refuse parameters, alone or all together, that are not linear as they claim."""
    linear = [item.name for item in form.parameters if item.linear]
    for names in [*([name] for name in linear), *([linear] if linear[1:] else ())]:
        moved = {name: (1 + NUDGE) * values[name] for name in names}
        found = formula.response(form, inputs, {**values, **moved})
        with np.errstate(all="ignore"):
            terms = [slopes[name] * values[name] for name in names]
            size = np.abs(base) + sum(map(np.abs, terms))
            wrong = np.abs(found - base - NUDGE * sum(terms)) > STRAIGHT * size
        if wrong.sum() > CHANCE * wrong.size:
            together = " together" if len(names) > 1 else ""
            raise Refusal(
                f"The form {form.name!r}: its formula is not linear in "
                f"{', '.join(map(repr, names))}{together}, which linear=True says. "
                "Leave linear=True out for what is not, and give that bounds and "
                "starts."
            )
