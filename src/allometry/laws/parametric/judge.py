"""Judge: whether the data tell a form's constants, and which runs would if not.

A constant is not told when its interval is too wide for its kind, when the search
ended at a bound, when its term is invisible at every observation, or when another
valley of the objective fits as well at another exponent. How often these rules refuse,
and what they let pass, is measured by `benchmarks/coverage.py`.
"""

import dataclasses

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate
from allometry.laws.form.form import Form, Parameter
from allometry.laws.parametric.descend import Minima, normal_matrix
from allometry.laws.parametric.observe import Observations
from allometry.laws.parametric.problem import Problem

#: An exponent's standard error may be this large, or this share of it.
ERROR_LIMIT, ERROR_SHARE = 0.10, 0.20
#: The interval of a place or a level may span this factor.
WIDEST = 10.0
#: A term smaller than this share of the response everywhere is not seen.
INVISIBLE = 1e-3
#: Starts reach the best fit when their loss is within this share of it.
AGREEMENT = 1e-3
#: Another valley is as good as the best when its loss is within this share.
AS_GOOD = 0.05
LEAST_GROUPS = 4


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Reasons by parameter (empty when identified), and what to know beside.

    `general` are reasons that concern the whole law. `unseen` are optional terms that
    are nowhere seen: the law is told without them, they are not. `agreement` is the
    share of starts that reached the best fit, `conditioning` the condition number of
    the scaled normal equations.
    """

    reasons: dict[str, str]
    general: tuple[str, ...]
    unseen: tuple[str, ...]
    agreement: float
    conditioning: float


def judge(
    problem: Problem,
    observations: Observations,
    minima: Minima,
    estimates: dict[str, Estimate],
    quantile: float,
) -> Verdict:
    """Judge the best of `minima` by its estimates."""
    form, best = problem.form, int(np.argmin(minima.loss))
    theta = minima.theta[best]
    reasons: dict[str, str] = {}
    for parameter in form.parameters:
        wide = _too_wide(parameter, estimates[parameter.name], quantile)
        if wide:
            reasons[parameter.name] = wide
    reasons |= _rivals(problem, minima, best)
    invisible = _invisible(problem, theta)
    optional = {item.name for item in form.parameters if item.optional}
    reasons |= {k: said for k, said in invisible.items() if k not in optional}
    # A detail of shape at its bound (a bend as sharp as can be) leaves the law told.
    details = {item.name for item in form.parameters if item.remote}
    for name in problem.at_bound(theta):
        if name not in details:
            reasons.setdefault(name, f"The search for {name} ended at a bound.")
    general = []
    if len(observations.labels) < LEAST_GROUPS:
        general.append(
            f"There are {len(observations.labels)} groups to leave out "
            f"({observations.grouped_by}), and an interval needs at least "
            f"{LEAST_GROUPS}: add runs."
        )
    limit = minima.loss[best] * (1 + AGREEMENT) + 1e-12
    return Verdict(
        reasons=reasons,
        general=tuple(general),
        unseen=tuple(sorted(optional & invisible.keys())),
        agreement=float(np.mean(minima.loss <= limit)),
        conditioning=_conditioning(problem, theta),
    )


def remedy(form: Form) -> str:
    """Say which runs would identify the form."""
    return f"What tells its constants: {form.identifies}." if form.identifies else ""


def _too_wide(parameter: Parameter, estimate: Estimate, quantile: float) -> str:
    low, high = estimate.low, estimate.high
    if not np.isfinite([estimate.value, low, high]).all():
        return f"{parameter.name} has no finite interval."
    if parameter.remote:
        return ""
    if parameter.linear or parameter.like is not None:
        if parameter.positive and high > WIDEST * low:
            return (
                f"The interval of {parameter.name}, {low:.3g} to {high:.3g}, spans "
                f"more than a factor {WIDEST:g}."
            )
        return ""
    error = (high - low) / (2 * quantile)
    limit = max(ERROR_LIMIT, ERROR_SHARE * abs(estimate.value))
    if error > limit:
        return (
            f"{parameter.name} has a standard error of {error:.2f} (limit {limit:.2f})."
        )
    return ""


def _rivals(problem: Problem, minima: Minima, best: int) -> dict[str, str]:
    """Find other valleys that fit nearly as well, at another exponent."""
    as_good = minima.loss <= minima.loss[best] * (1 + AS_GOOD)
    values = problem.values(minima.theta)
    found = {}
    for parameter in problem.form.parameters:
        if parameter.linear or parameter.like is not None or parameter.remote:
            continue
        there = values[parameter.name][as_good, 0]
        here = float(values[parameter.name][best, 0])
        limit = max(2 * ERROR_LIMIT, ERROR_SHARE * abs(here))
        if np.abs(there - here).max() > limit:
            found[parameter.name] = (
                f"Fits as good as the best have {parameter.name} from "
                f"{there.min():.2f} to {there.max():.2f}."
            )
    return found


def _invisible(problem: Problem, theta: Array) -> dict[str, str]:
    """Find terms that are nowhere a visible share of the response."""
    values = problem.values(theta[None])
    slopes = problem.form.derivatives(problem.inputs, values)
    found = {}
    for parameter in problem.form.parameters:
        if not (parameter.linear and parameter.positive):
            continue
        term = np.abs(slopes[parameter.name] * values[parameter.name])
        if np.max(term / np.abs(problem.response)) < INVISIBLE:
            found[parameter.name] = (
                f"The term of {parameter.name} is nowhere seen: less than "
                f"{INVISIBLE:.1%} of {problem.form.response.name} at every observation."
            )
    return found


def _conditioning(problem: Problem, theta: Array) -> float:
    """Give the condition number of the normal equations, columns scaled to length 1."""
    _, slopes = problem.residuals(theta[None])
    shape = (1, len(problem.response))
    jacobian = np.stack([np.broadcast_to(slope, shape) for slope in slopes])
    length = np.sqrt((jacobian**2).sum(-1, keepdims=True))
    matrix = normal_matrix(jacobian / np.maximum(length, 1e-300), np.ones(shape))[0]
    return float(np.linalg.cond(matrix))
