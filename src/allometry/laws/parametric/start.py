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
from allometry.laws.parametric.problem import Problem

#: A grid larger than this is thinned evenly.
MOST = 200
#: Places on an input's axis: these quantiles of its values.
QUANTILES = (0.15, 0.5, 0.85)
_NEARLY_NOTHING = 1e-3


def starts(problem: Problem) -> Array:
    """Give the starts, θ `[S, p]`."""
    parameters = problem.form.parameters
    if problem.form.initial is not None:
        given = problem.form.initial(problem.inputs, problem.response)
        return np.array([_completed(problem, dict(values)) for values in given])
    choices = [_choices(problem, item) for item in parameters if not item.linear]
    grid = list(itertools.product(*choices))
    if len(grid) > MOST:
        kept = np.linspace(0, len(grid) - 1, MOST).round().astype(int)
        grid = [grid[index] for index in kept]
    names = [item.name for item in parameters if not item.linear]
    return np.array(
        [_completed(problem, dict(zip(names, point, strict=True))) for point in grid]
    )


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
    slopes = problem.form.derivatives(problem.inputs, {**given, **ones})
    shape = problem.response.shape
    terms = [np.broadcast_to(slopes[item.name], (1, *shape))[0] for item in linear]
    relative = problem.form.residual == "log"
    weight = 1 / problem.response if relative else np.ones(shape)
    matrix = np.stack(terms, -1) * weight[:, None]
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
    low = np.where([item.positive for item in linear], 0.0, -np.inf)
    found = lsq_linear(matrix / scale, problem.response * weight, (low, np.inf)).x
    least = _NEARLY_NOTHING * np.linalg.norm(problem.response * weight)
    found = np.where(
        [item.positive for item in linear], np.maximum(found, least), found
    )
    solved = dict(zip([item.name for item in linear], found / scale, strict=True))
    return problem.theta({**values, **{k: float(v) for k, v in solved.items()}})
