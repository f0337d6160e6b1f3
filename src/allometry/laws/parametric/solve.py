"""Solve: a form's constants from observations, with their intervals and verdict."""

import dataclasses
import math
from typing import Literal

import numpy as np

from allometry.laws import jackknife
from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate, Replicate, Result
from allometry.laws.form.form import Form
from allometry.laws.parametric.derive import derive
from allometry.laws.parametric.descend import Minima, descend
from allometry.laws.parametric.examine import examine
from allometry.laws.parametric.judge import Verdict, judge, remedy
from allometry.laws.parametric.observe import Observations
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.resample import refit, stretches, weights
from allometry.laws.parametric.settings import FormSettings
from allometry.laws.parametric.start import Choices, nonlinear, starts
from allometry.refusal import Refusal

#: Huber's tuning constant: 95 % efficient on normal residuals.
_HUBER = 1.345
#: Standard deviations of a normal distribution per median absolute deviation.
_DEVIATIONS = 1.4826


@dataclasses.dataclass(frozen=True)
class Solution:
    """A result without its card's context; `delta` is Huber's, in residual units."""

    result: Result
    verdict: Verdict
    delta: float | None
    loss: float
    starts: int


def solve(
    form: Form,
    observations: Observations,
    settings: FormSettings,
    generator: np.random.Generator,
) -> Solution:
    """Search from all starts, refit the replicates, judge.

    Raises:
        Refusal: there are fewer observations than the form has parameters and one, the
            form's formula cannot be used (see `parametric.examine`), or it is nowhere
            defined at all observations.
    """
    if len(observations) <= len(form.parameters):
        raise Refusal(
            f"The form {form.name!r} has {len(form.parameters)} parameters, and there "
            f"are {len(observations)} observations: it needs at least "
            f"{len(form.parameters) + 1}, better ten times as many."
        )
    problem = Problem(form, observations)
    choices = nonlinear(problem)
    examine(problem, choices)
    delta, minima = _search(problem, settings, choices)
    best = minima.theta[int(np.argmin(minima.loss))]
    weight, names = weights(observations, settings, generator)
    by_stretch, stretch_names = stretches(observations)
    if settings.interval == "bootstrap":
        by_stretch, stretch_names = by_stretch[:0], ()
    refits = refit(problem, best, np.concatenate([weight, by_stretch]), delta)
    residuals = problem.residuals(best[None])[0][0]
    result = Result(
        law=form.name,
        parameters={},
        derived={},
        identified=False,
        warnings=(),
        replicates=(
            *_replicates(problem, refits[: len(names)], names, "group"),
            *_replicates(problem, refits[len(names) :], stretch_names, "stretch"),
        ),
        residuals=tuple(residuals.tolist()),
        card={},
        points=_points(form, observations),
        spread=_spread(residuals, len(form.parameters)),
        resampling=settings.interval,
        quantile=jackknife.student(len(names)),
    )
    everything = np.concatenate([best[None], refits])
    parameters = _estimates(problem, everything, result)
    verdict = judge(problem, observations, minima, parameters, result.quantile)
    reasons = (*verdict.general, *verdict.reasons.values())
    untold = {*verdict.reasons, *verdict.unseen}
    if reasons and remedy(form):
        reasons = (*reasons, remedy(form))
    return Solution(
        result=dataclasses.replace(
            result,
            parameters={
                name: dataclasses.replace(item, identified=name not in untold)
                for name, item in parameters.items()
            },
            derived=derive(problem, everything, result, untold),
            identified=not reasons,
            warnings=reasons,
        ),
        verdict=verdict,
        delta=delta,
        loss=float(minima.loss.min()),
        starts=len(minima.loss),
    )


def _search(
    problem: Problem, settings: FormSettings, choices: Choices
) -> tuple[float | None, Minima]:
    """Descend from every start; Huber's δ comes from a first, squared fit."""
    begin, ones = starts(problem, choices), np.ones(len(problem.response))
    delta = settings.delta if settings.loss == "huber" else None
    if settings.loss == "huber" and delta is None:
        first = descend(problem.residuals, begin, ones, problem.bounds)
        _refuse_undefined(problem, first)
        theta = first.theta[int(np.argmin(first.loss))]
        residual = problem.residuals(theta[None])[0][0]
        deviation = float(np.median(np.abs(residual - np.median(residual))))
        delta = max(_HUBER * _DEVIATIONS * deviation, 1e-12)
        begin = np.concatenate([begin, theta[None]])
    found = descend(problem.residuals, begin, ones, problem.bounds, delta)
    _refuse_undefined(problem, found)
    return delta, Minima(problem.ordered(found.theta), found.loss)


def _refuse_undefined(problem: Problem, minima: Minima) -> None:
    """Refuse a form that no search found defined at all observations."""
    if np.isfinite(minima.loss).any():
        return
    form, values = problem.form, problem.values(minima.theta)
    with np.errstate(all="ignore"):
        found = np.asarray(form.predict(problem.inputs, values))
    found = np.broadcast_to(found, (len(minima.theta), len(problem.response)))
    unknown, below = ~np.isfinite(found), found <= 0
    log = form.residual == "log" and below.sum() > unknown.sum()
    wrong = below if log else unknown
    worst = int(wrong.sum(0).argmax())
    place = ", ".join(f"{name} = {x[worst]:g}" for name, x in problem.inputs.items())
    raise Refusal(
        f"The form {form.name!r}: wherever the search starts, its formula gives a "
        f"{form.response.name!r} that is "
        + ("not above 0, though its logarithm is taken," if log else "not finite")
        + f" at up to {wrong.sum(-1).max()} of {len(problem.response)} observations, "
        f"such as where {place}. Mend the formula, "
        + ('set residual="linear", ' if log else "")
        + "or begin elsewhere (`starts`, `bounds`, `initial`)."
    )


def _replicates(
    problem: Problem,
    refits: Array,
    names: tuple[str, ...],
    of: Literal["group", "stretch"],
) -> tuple[Replicate, ...]:
    values = problem.values(refits)
    return tuple(
        Replicate(
            name, {key: float(value[row, 0]) for key, value in values.items()}, of
        )
        for row, name in enumerate(names)
    )


def _estimates(problem: Problem, theta: Array, result: Result) -> dict[str, Estimate]:
    """Give the parameters their intervals; θ `[1 + B, p]`, the best first."""
    values = problem.values(theta)
    return {
        item.name: result.interval(
            values[item.name][:, 0], item.unit, log=item.positive
        )
        for item in problem.form.parameters
    }


def _points(form: Form, observations: Observations) -> dict[str, tuple[float, ...]]:
    columns = {**observations.inputs, form.response.name: observations.response}
    points = {name: tuple(values.tolist()) for name, values in columns.items()}
    return {**points, "group": tuple(observations.group.astype(float).tolist())}


def _spread(residuals: Array, parameters: int) -> float:
    """Give the standard deviation of the residuals, for what the fit used up."""
    return math.sqrt(float(residuals @ residuals) / (len(residuals) - parameters))
