"""Start: where the descents begin, from the data alone.

Parameters in which the formula is linear are solved for, given each choice of the
others (variable projection: Golub and Pereyra 1973, doi 10.1137/0710036), by least
squares on relative residuals. The others come from a grid: the starts that the form
names for exponents, low, middle and high values of an input for places on its axis.
"""

import itertools

import numpy as np
from scipy.optimize import lsq_linear

from allometry.laws.arrays import Array
from allometry.laws.form.form import Parameter
from allometry.laws.parametric.formula import spoken
from allometry.laws.parametric.problem import Problem
from allometry.refusal import Refusal

#: Values of the parameters that are not linear, one record per start.
Choices = list[dict[str, float]]

#: A grid larger than this is thinned evenly.
MOST = 200
#: Places on an input's axis: these quantiles of its values.
QUANTILES = (0.15, 0.5, 0.85)
_NEARLY_NOTHING = 1e-3
#: The square of this is still a float.
_VAST = 1e150


def starts(problem: Problem, choices: Choices | None = None) -> Array:
    """Give the starts, θ `[S, p]`, from `choices` of what is not linear."""
    choices = nonlinear(problem) if choices is None else choices
    return np.array([_completed(problem, values) for values in choices])


def nonlinear(problem: Problem) -> Choices:
    """Give the starts of the parameters that are not linear, by name.

    Raises `Refusal` where the form's `initial` fails or leaves one of them out.
    """
    parameters = problem.form.parameters
    names = [item.name for item in parameters if not item.linear]
    if problem.form.initial is not None:
        return _initial(problem, names)
    choices = [_choices(problem, item) for item in parameters if not item.linear]
    grid = list(itertools.product(*choices))
    if len(grid) > MOST:
        kept = np.linspace(0, len(grid) - 1, MOST).round().astype(int)
        grid = [grid[index] for index in kept]
    return [dict(zip(names, point, strict=True)) for point in grid]


def _initial(problem: Problem, names: list[str]) -> Choices:
    form = problem.form
    assert form.initial is not None
    advice = (
        f"It should give a list of starts: [{{{names[0]!r}: 0.5}}]." if names else ""
    )
    with spoken(form, "`initial`", ("inputs", "response"), advice):
        given = [dict(one) for one in form.initial(problem.inputs, problem.response)]
        if not given:
            raise Refusal(f"The form {form.name!r}: its `initial` gives no start.")
        # The linear ones are solved for, whatever is said of them.
        found = [
            {name: float(one.get(name, np.nan)) for name in names} for one in given
        ]
    for name in names:
        if not np.isfinite([one[name] for one in found]).all():
            raise Refusal(
                f"The form {form.name!r}: its `initial` gives {name!r} no finite "
                f"start; each start needs: {', '.join(names)}."
            )
    return found


def _choices(problem: Problem, parameter: Parameter) -> tuple[float, ...]:
    if parameter.like is None:
        return parameter.starts
    return tuple(np.quantile(problem.inputs[parameter.like], QUANTILES).tolist())


def _completed(problem: Problem, values: dict[str, float]) -> Array:
    """Solve for the linear parameters, given the others."""
    linear = [item for item in problem.form.parameters if item.linear]
    if not linear:
        return problem.theta(values)
    given = {name: np.array([[value]]) for name, value in values.items()}
    ones = {item.name: np.ones((1, 1)) for item in linear}
    with np.errstate(all="ignore"):
        slopes = problem.form.derivatives(problem.inputs, {**given, **ones})
    shape = problem.response.shape
    terms = [np.broadcast_to(slopes[item.name], (1, *shape))[0] for item in linear]
    relative = problem.form.residual == "log"
    weight = 1 / problem.response if relative else np.ones(shape)
    matrix = np.stack(terms, -1) * weight[:, None]
    # Where the formula is not defined, or overflows, there is nothing to solve.
    matrix[~(np.abs(matrix) < _VAST).all(-1)] = 0.0
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
    low = np.where([item.positive for item in linear], 0.0, -np.inf)
    found = lsq_linear(matrix / scale, problem.response * weight, (low, np.inf)).x
    least = _NEARLY_NOTHING * np.linalg.norm(problem.response * weight)
    found = np.where(
        [item.positive for item in linear], np.maximum(found, least), found
    )
    solved = dict(zip([item.name for item in linear], found / scale, strict=True))
    return problem.theta({**values, **{k: float(v) for k, v in solved.items()}})
