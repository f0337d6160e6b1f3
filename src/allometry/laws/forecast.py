"""Forecasts: every law asked what it says about runs that nobody has made.

The two laws of allocation (intrinsic, two-term) answer the same questions: the best
size and interactions for a compute or a result, the price of another size, the choice
when the environment costs something too, what an infinitely large model would need,
and how that compares with a reference. Every other form gives its response at inputs,
or the input for a response. Intervals are 90 %, by carrying each of the law's
replicates through the whole question.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from allometry.laws import prediction
from allometry.laws.allocation import TwoTerm
from allometry.laws.estimates import Estimate, Result
from allometry.laws.form.form import Form
from allometry.laws.intrinsic import forecast as intrinsic
from allometry.laws.intrinsic.forecast import FAR
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.jackknife import QUANTILE
from allometry.refusal import Refusal

#: FLOPs per parameter and datum of a dense network, forward and backward.
KAPPA = 6.0
#: An input is sought within this factor of those of the data.
_REACH = 1e15
_BISECTIONS = 200
#: What other questions about an allocation may be asked beside.
ASIDES = ("size", "environment", "reference")


@dataclasses.dataclass(frozen=True)
class Forecast:
    """A question and its answers in reading order, each with its interval and unit.

    `beyond` is the factor by which the question lies outside the data, 1 inside.
    """

    law: str
    question: Mapping[str, float]
    answers: Mapping[str, Estimate]
    beyond: float
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-able values; a number that is not finite is None."""
        return {
            "law": self.law,
            "question": dict(self.question),
            "answers": {
                name: {
                    "value": _finite(one.value),
                    "low": _finite(one.low),
                    "high": _finite(one.high),
                    "unit": one.unit,
                }
                for name, one in self.answers.items()
            },
            "beyond": self.beyond,
            "warnings": list(self.warnings),
        }


def forecast(
    fit: Result, form: Form | None, *, kappa: float | None = None, **question: float
) -> Forecast:
    """Ask a law; what may be asked depends on it.

    - intrinsic: `compute` (FLOPs) or `performance`; two-term: `compute` or `loss`
      (`kappa` FLOPs per parameter and datum, by default 6). Beside these, `size`
      (parameters: what does this size cost instead of the best?), `environment` (what
      an interaction costs, as parameters of a network) and `reference` (interactions
      that somebody else needs for the same result).
    - any form: all of its inputs by name, for the response; a form of one input also
      its response, for the input.

    Raises:
        Refusal: the question does not fit the law, is impossible, or asks a law that
            is not identified beyond its data.
    """
    asked = {name: value for name, value in question.items() if value is not None}
    for name, value in asked.items():
        if not math.isfinite(value):
            raise Refusal(f"{name} = {value} is no finite number.")
    if kappa is not None and not (math.isfinite(kappa) and kappa > 0):
        raise Refusal(
            f"--kappa is {kappa:g}: give the FLOPs per parameter and datum, a number "
            "above 0 such as 6."
        )
    if form is None:
        raise Refusal(
            f"The form {fit.law!r} is not known here, so that it cannot be asked: add "
            "it with laws.forms.add(form), then read the fit again."
        )
    if form.name == "intrinsic":
        return _intrinsic(fit, asked)
    if form.name == "two-term" and not {"parameters", "data"} <= asked.keys():
        return _two_term(fit, asked, KAPPA if kappa is None else kappa)
    return _of_form(fit, form, asked)


def _intrinsic(fit: Result, asked: Mapping[str, float]) -> Forecast:
    _check_asked(fit, asked, ("compute", "performance"))
    main = {name: asked[name] for name in ("compute", "performance") if name in asked}
    found = intrinsic.forecast(fit, **main)  # type: ignore[arg-type]
    answers = {
        "compute": found.compute,
        "best_size": found.optimal_size,
        "interactions": found.optimal_interactions,
    }
    if found.performance is not None:
        answers["performance"] = found.performance
    laws, levels, noise = intrinsic.chain(fit, **main)
    more, said = _asides(fit, laws, levels, asked, "interactions", noise)
    warnings = (*found.warnings, *said)
    return Forecast(fit.law, asked, {**answers, **more}, found.beyond, warnings)


def _two_term(fit: Result, asked: Mapping[str, float], kappa: float) -> Forecast:
    _check_asked(fit, asked, ("compute", "loss"))
    every = [
        {name: one.value for name, one in fit.parameters.items()},
        *(item.parameters for item in fit.replicates),
    ]
    laws = [TwoTerm(**one, kappa=kappa) for one in every]
    if "loss" in asked:
        levels = [law.compute_for(asked["loss"]) for law in laws]
        if not math.isfinite(levels[0]):
            floor = fit.parameters["E"]
            raise Refusal(
                f"A loss of {asked['loss']:g} is at or below the floor, E = "
                f"{floor.value:.4g} ({floor.low:.4g} to {floor.high:.4g}): no compute "
                "reaches it."
            )
    else:
        levels = [_positive(asked["compute"], "compute")] * len(laws)
    sizes = [float(law.optimal_size(C)) for law, C in _pairs(laws, levels)]
    data = [float(law.optimal_interactions(C)) for law, C in _pairs(laws, levels)]
    losses = [float(law.best_loss(C)) for law, C in zip(laws, levels, strict=True)]
    answers = {
        "compute": _carried(fit, levels, "FLOPs"),
        "best_size": _carried(fit, sizes, "parameters"),
        "data": _carried(fit, data, "data"),
        "loss": _new_run(fit, _carried(fit, losses, "loss")),
    }
    if "loss" in asked:
        answers["loss"] = Estimate(asked["loss"], asked["loss"], asked["loss"], "loss")
    more, said = _asides(fit, laws, levels, asked, "data")
    N, D = (np.asarray(fit.points[name]) for name in ("parameters", "data"))
    seen = kappa * float((N * D).min()), kappa * float((N * D).max())
    beyond, warnings = _reach(fit, "compute", levels[0], seen, "FLOPs")
    note = f"Compute is taken as {kappa:g} FLOPs × parameters × data."
    return Forecast(
        fit.law, asked, {**answers, **more}, beyond, (*warnings, *said, note)
    )


def _asides(
    fit: Result,
    laws: Sequence[Intrinsic | TwoTerm],
    levels: Sequence[float],
    asked: Mapping[str, float],
    name: str,
    noise: float = 0.0,
) -> tuple[dict[str, Estimate], list[str]]:
    """Answer what may be asked beside an allocation; `levels` are I by replicate."""
    unit = "agent steps" if name == "interactions" else "data"
    pairs = _pairs(laws, levels)
    infinite = [float(law.interactions_infinite_size(level)) for law, level in pairs]
    best = [float(law.optimal_interactions(level)) for law, level in pairs]
    answers = {f"{name}_of_infinite_size": _carried(fit, infinite, unit)}
    said: list[str] = []
    if "size" in asked:
        size = _positive(asked["size"], "size")
        needed = [float(law.interactions_needed(size, level)) for law, level in pairs]
        if math.isfinite(needed[0]):
            price = [
                law.kappa * size * need / level
                for (law, level), need in zip(pairs, needed, strict=True)
            ]
            answers[f"{name}_of_this_size"] = _carried(fit, needed, unit)
            cost = _carried(fit, price, "× the least compute")
            # No size beats the least compute: the interval ends there.
            low = max(cost.low, 1.0)
            answers["price_of_this_size"] = dataclasses.replace(cost, low=low)
            if not all(map(math.isfinite, needed)):
                said.append(
                    f"Without one group of runs, {size:g} parameters never get there: "
                    "the price has no upper end."
                )
        else:
            said.append(f"With {size:g} parameters it is never reached, at any price.")
    if "environment" in asked:
        each = _positive(asked["environment"], "environment")
        sizes = [float(law.economic_size(level, each)) for law, level in pairs]
        steps = [
            float(law.interactions_needed(N, level))
            for (law, level), N in zip(pairs, sizes, strict=True)
        ]
        answers["economic_size"] = _carried(fit, sizes, "parameters")
        answers[f"economic_{name}"] = _carried(fit, steps, unit)
    if "reference" in asked:
        reference = _positive(asked["reference"], "reference")
        ratio = [steps / reference for steps in best]
        least = [steps / reference for steps in infinite]
        times = "× the reference"
        answers["best_run_to_reference"] = _carried(fit, ratio, times)
        answers["infinite_size_to_reference"] = _carried(fit, least, times)
    if noise:
        said.append(
            "Intervals of what is asked beside a performance are those of the law; the "
            "natural metric's own spread is in compute, size and interactions only."
        )
    return answers, said


def _of_form(fit: Result, form: Form, asked: Mapping[str, float]) -> Forecast:
    """Give the response at inputs, or the input for a response."""
    inputs = [item.name for item in form.inputs]
    if set(asked) == {form.response.name} and len(inputs) == 1:
        return _inverse(fit, form, asked[form.response.name])
    if set(asked) != set(inputs):
        one = f", or {form.response.name}" if len(inputs) == 1 else ""
        raise Refusal(
            f"The form {form.name!r} is asked by {' and '.join(inputs)}{one}; given "
            f"are: {', '.join(asked) or 'nothing'}. On the command line: "
            + " ".join(f"--at {name}=…" for name in inputs)
        )
    frame = prediction.predict(fit, form, {k: [v] for k, v in asked.items()})
    unit = form.response.unit
    row = frame.row(0, named=True)
    value = row["value"]
    answers = {
        form.response.name: Estimate(value, row["low"], row["high"], unit),
        "a_new_run": Estimate(value, row["band_low"], row["band_high"], unit),
    }
    beyond, warnings = 1.0, []
    for item in form.inputs:
        seen = _seen(fit, item.name)
        factor, said = _reach(fit, item.name, asked[item.name], seen, item.unit)
        beyond = max(beyond, factor)
        warnings += [one for one in said if one not in warnings]
    return Forecast(fit.law, asked, answers, beyond, tuple(warnings))


def _inverse(fit: Result, form: Form, response: float) -> Forecast:
    """Find the input for a response, by bisection, for the law and every replicate."""
    item = form.inputs[0]
    low, high = _seen(fit, item.name)
    grid = np.geomspace(low / _REACH, high * _REACH, 2001)
    responses = prediction.every_response(fit, form, {item.name: grid})
    found = np.array([_crossing(grid, row, response) for row in responses])
    if not np.isfinite(found[0]):
        ends = sorted((float(responses[0][0]), float(responses[0][-1])))
        raise Refusal(
            f"A {form.response.name} of {response:g} is never reached by this law, "
            f"which runs from {ends[0]:.4g} to {ends[1]:.4g} there."
        )
    unreached = int((~np.isfinite(found[1:])).sum())
    answers = {item.name: _carried(fit, found.tolist(), item.unit)}
    beyond, warnings = _reach(fit, item.name, float(found[0]), (low, high), item.unit)
    if unreached:
        warnings.append(
            f"{unreached} of {len(found) - 1} refits never reach it: the interval has "
            "no end on one side."
        )
    asked = {form.response.name: response}
    return Forecast(fit.law, asked, answers, beyond, tuple(warnings))


def _crossing(grid: np.ndarray, row: np.ndarray, response: float) -> float:
    """Find where a response passes a value, nearest to the middle of the grid."""
    above = row > response
    places = np.flatnonzero(above[1:] != above[:-1])
    places = places[np.isfinite(row[places]) & np.isfinite(row[places + 1])]
    if not len(places):
        return math.inf
    place = places[np.argmin(np.abs(places - len(grid) // 2))]
    x, y = np.log(grid[place : place + 2]), row[place : place + 2]
    if (y > 0).all() and response > 0:
        y, response = np.log(y), math.log(response)
    share = (response - y[0]) / (y[1] - y[0])
    return float(np.exp(x[0] + share * (x[1] - x[0])))


def _carried(fit: Result, values: Sequence[float], unit: str) -> Estimate:
    """Give the first value its interval from the replicates', on a log scale."""
    if len(set(values)) == 1:
        return Estimate(values[0], values[0], values[0], unit)
    if not all(map(math.isfinite, values)):
        inner = [value for value in values if math.isfinite(value)]
        return Estimate(values[0], min(inner), math.inf, unit)
    return fit.interval(values, unit, log=True)


def _new_run(fit: Result, one: Estimate) -> Estimate:
    """Widen an interval of the law by the spread of runs around it (log residuals)."""
    noise = QUANTILE * fit.spread
    below = math.hypot(math.log(one.value / one.low), noise)
    above = math.hypot(math.log(one.high / one.value), noise)
    value = one.value
    return Estimate(value, value * math.exp(-below), value * math.exp(above), one.unit)


def _reach(
    fit: Result, name: str, value: float, seen: tuple[float, float], unit: str
) -> tuple[float, list[str]]:
    """Say how far a question lies beyond the data, and whether to trust the answer.

    Raises `Refusal` for a law that is not identified, asked beyond them.
    """
    low, high = seen
    beyond = max(value / high, low / value, 1.0) if value > 0 and low > 0 else 1.0
    where = f"{low:.3g} to {high:.3g}{'' if unit == '1' else f' {unit}'}"
    if not fit.identified:
        reasons = " ".join(fit.card.get("reasons") or fit.warnings)
        if beyond > 1 + 1e-9:
            raise Refusal(
                f"The law is not identified, so that a forecast beyond the {name} of "
                f"its data ({where}) would be a guess. {reasons}"
            )
        return beyond, [
            "NOT IDENTIFIED: the runs do not determine this law. These numbers "
            "interpolate between them and should not be quoted as a law.",
            reasons,
        ]
    if beyond > FAR:
        return beyond, [
            f"This lies {beyond:.3g} times outside the {name} of the data ({where}). "
            f"Beyond {FAR:g} times, the interval is too narrow: it knows no change of "
            "the law."
        ]
    return beyond, []


def _seen(fit: Result, name: str) -> tuple[float, float]:
    values = fit.points.get(name, ())
    if not values:
        raise Refusal(
            "The fit holds no points, and cannot say how far a forecast reaches. Make "
            "it again with `allometry fit`."
        )
    return min(values), max(values)


def _check_asked(
    fit: Result, asked: Mapping[str, float], main: tuple[str, str]
) -> None:
    unknown = sorted(set(asked) - {*main, *ASIDES})
    if unknown:
        raise Refusal(
            f"The law {fit.law!r} cannot be asked by {unknown[0]!r}; ask by "
            f"{main[0]} or {main[1]}, and beside it by {', '.join(ASIDES)}."
        )
    if len(set(asked) & set(main)) != 1:
        raise Refusal(f"Ask for a {main[0]} or for a {main[1]}, one of the two.")


def _positive(value: float, name: str) -> float:
    if not value > 0:
        raise Refusal(f"{name} = {value:g} is impossible: give a number above 0.")
    return value


def _pairs(
    laws: Sequence[Intrinsic | TwoTerm], levels: Sequence[float]
) -> list[tuple[Intrinsic | TwoTerm, float]]:
    return list(zip(laws, levels, strict=True))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
