"""Judge: whether the data tell a form's constants, and which runs would if not.

A constant is not told when its interval is too wide for its kind, when the search ended
at a bound, when its term is invisible at every observation or no observation depends on
it, when a change of it is undone by a change of others, or when another valley of the
objective fits as well at another exponent. How often these rules refuse, and what they
let pass, is measured by `benchmarks/coverage.py`.
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
ERROR_LIMIT, ERROR_SHARE = 0.06, 0.06
#: The interval of a place or a level may span this factor.
WIDEST = 10.0
#: A term smaller than this share of the response everywhere is not seen.
INVISIBLE = 1e-3
#: Half the interval of a level that may be negative, as a share of the range seen.
LEVEL_LIMIT = 0.15
#: Another valley counts when its exponent differs by this, or this share of it.
RIVAL, RIVAL_SHARE = 0.20, 0.20
#: A bend must be this share of the data's log range away from its ends.
EDGE = 0.1
#: Directions of θ along which the response changes by less than this share of what it
#: does along the steepest, each parameter's effect being 1, are not told...
FLAT = 1e-8
#: ... nor are the parameters that have more than this share in one.
PART = 1e-3
#: Starts reach the best fit when their loss is within this share of it.
AGREEMENT = 1e-3
#: Another valley is as good as the best when its loss is within this share.
AS_GOOD = 0.05
LEAST_GROUPS = 3


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
        wide = _too_wide(problem, parameter, estimates[parameter.name], quantile)
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
    reasons |= _unseen(problem, estimates)
    effects = _effects(problem, theta)
    for name, why in {
        **_without_effect(problem, effects),
        **_undone(problem, effects),
    }.items():
        if name not in optional:
            reasons[name] = why
    general = []
    if len(observations.labels) < LEAST_GROUPS:
        general.append(
            f"There are {len(observations.labels)} groups to leave out "
            f"({observations.grouped_by}), and an interval needs at least "
            f"{LEAST_GROUPS}: add runs."
        )
    crossed = all(item.fixed for item in form.inputs)
    if crossed and "distinct" in observations.grouped_by:
        needed = len(form.parameters) + 2
        if len(observations.labels) < needed:
            general.append(
                f"There are {len(observations.labels)} settings "
                f"({observations.grouped_by}) for {len(form.parameters)} constants: "
                f"an interval needs {needed} or more."
            )
    unit = 1.0 if form.residual == "log" else float(np.mean(problem.response**2))
    limit = minima.loss[best] * (1 + AGREEMENT) + 1e-12 * unit
    return Verdict(
        reasons=reasons,
        general=tuple(general),
        unseen=tuple(sorted(optional & invisible.keys())),
        agreement=float(np.mean(minima.loss <= limit)),
        conditioning=_conditioning(effects),
    )


def remedy(form: Form) -> str:
    """Say which runs would identify the form."""
    return f"What tells its constants: {form.identifies}." if form.identifies else ""


def _too_wide(
    problem: Problem, parameter: Parameter, estimate: Estimate, quantile: float
) -> str:
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
        if not parameter.positive:
            return _uncertain_level(problem, parameter, estimate)
        return ""
    error = (high - low) / (2 * quantile)
    limit = max(ERROR_LIMIT, ERROR_SHARE * abs(estimate.value))
    if error > limit:
        return (
            f"{parameter.name} has a standard error of {error:.2f} (limit {limit:.2f})."
        )
    return ""


def _uncertain_level(problem: Problem, parameter: Parameter, estimate: Estimate) -> str:
    seen = float(np.ptp(problem.response))
    share = (estimate.high - estimate.low) / 2 / seen if seen else np.inf
    if share <= LEVEL_LIMIT:
        return ""
    return (
        f"The interval of {parameter.name}, {estimate.low:.3g} to {estimate.high:.3g}, "
        f"is {share:.0%} of the observed range to either side."
    )


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
        limit = max(RIVAL, RIVAL_SHARE * abs(here))
        if np.abs(there - here).max() > limit:
            found[parameter.name] = (
                f"Fits as good as the best have {parameter.name} from "
                f"{there.min():.2f} to {there.max():.2f}."
            )
    return found


def _unseen(problem: Problem, estimates: dict[str, Estimate]) -> dict[str, str]:
    """Find bends that the data do not show: none to tell from 0, or at their edge."""
    found = {}
    for parameter in problem.form.parameters:
        one = estimates[parameter.name]
        if parameter.needed and one.low <= 0 <= one.high:
            found[parameter.name] = (
                f"The interval of {parameter.name}, {one.low:.3g} to {one.high:.3g}, "
                "holds 0: the data show no such change."
            )
        if parameter.inside and parameter.like is not None:
            x = np.log(problem.inputs[parameter.like])
            share = (np.log(one.value) - x.min()) / np.ptp(x) if np.ptp(x) else -1.0
            if not EDGE < share < 1 - EDGE:
                found[parameter.name] = (
                    f"{parameter.name} = {one.value:.3g} lies at the edge of the data, "
                    f"or beyond it: {parameter.like} is needed on both sides of it."
                )
    return found


def _invisible(problem: Problem, theta: Array) -> dict[str, str]:
    """Find terms that are nowhere a visible share of the response."""
    values = problem.values(theta[None])
    with np.errstate(all="ignore"):
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


def _effects(problem: Problem, theta: Array) -> Array:
    """Give the derivatives of the residuals by θ, `[p, n]`, each of length 1 or 0."""
    with np.errstate(all="ignore"):
        _, slopes = problem.residuals(theta[None])
    shape = (1, len(problem.response))
    jacobian = np.concatenate([np.broadcast_to(slope, shape) for slope in slopes])
    jacobian = np.nan_to_num(jacobian, posinf=0.0, neginf=0.0)
    return np.asarray(
        jacobian / np.maximum(np.linalg.norm(jacobian, axis=1, keepdims=True), 1e-300)
    )


def _without_effect(problem: Problem, effects: Array) -> dict[str, str]:
    """Find parameters that no observation depends on: the search left them alone."""
    return {
        name: f"{name} changes {problem.form.response.name} at no observation: what "
        "it is there only the start of the search says."
        for name, effect in zip(problem.form.names, effects, strict=True)
        if not effect.any()
    }


def _undone(problem: Problem, effects: Array) -> dict[str, str]:
    """Find parameters of which only a combination is told: a and k of (a + k) x^−b."""
    used = np.flatnonzero(effects.any(-1))
    _, size, direction = np.linalg.svd(effects[used].T, full_matrices=False)
    flat = direction[size < FLAT * size.max(initial=0.0)]
    share = np.linalg.norm(flat, axis=0)
    names = [problem.form.names[index] for index in used[share > PART]]
    others = {name: ", ".join(n for n in names if n != name) for name in names}
    return {
        name: f"A change of {name} can be undone by {others[name]}, at every "
        "observation: the data tell only a combination of them."
        for name in names
    }


def _conditioning(effects: Array) -> float:
    """Give the condition number of the normal equations, columns scaled to length 1."""
    matrix = normal_matrix(effects[:, None], np.ones((1, effects.shape[1])))[0]
    return float(np.linalg.cond(matrix))
