"""Prediction: the law at given inputs, with its interval and a band for new runs.

The interval is that of the law itself, from the replicates; the band adds the spread
of the residuals, so that 90 % of new observations should lie in it.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.estimates import Result
from allometry.laws.form.form import Form
from allometry.laws.frame import to_polars
from allometry.laws.jackknife import QUANTILE, standard_errors
from allometry.refusal import Refusal


def predict(result: Result, form: Form | None, inputs: Any) -> pl.DataFrame:
    """Give a frame with the inputs and `value, low, high, band_low, band_high`.

    `inputs` is a frame or a mapping from the form's inputs to numbers; numbers alone
    are repeated. Raises `Refusal` for a form that is not known here, and for inputs
    that are missing or not above 0.
    """
    if form is None:
        raise Refusal(
            f"The form {result.law!r} is not known here, so that it cannot predict: "
            "add it with laws.forms.add(form), then read the fit again."
        )
    columns = _inputs(form, inputs)
    responses = every_response(result, form, columns)
    low, high, band_low, band_high = _edges(result, form, responses)
    return pl.DataFrame(
        {
            **columns,
            "value": responses[0],
            "low": low,
            "high": high,
            "band_low": band_low,
            "band_high": band_high,
        }
    )


def every_response(result: Result, form: Form, inputs: Mapping[str, Array]) -> Array:
    """Give the response by the law, then by each replicate; `[1 + B, n]`."""
    estimates = {name: item.value for name, item in result.parameters.items()}
    if not all(math.isfinite(value) for value in estimates.values()):
        raise Refusal(
            "The fit has no law to ask: its parameters are missing. "
            + " ".join(result.warnings)
        )
    every = [estimates, *(item.parameters for item in result.replicates)]
    values = {
        name: np.array([one[name] for one in every])[:, None] for name in form.names
    }
    size = len(next(iter(inputs.values())))
    with np.errstate(all="ignore"):
        responses = np.asarray(form.predict(inputs, values))
    return np.broadcast_to(responses, (len(every), size))


def luck_of_groups(result: Result, form: Form, inputs: Any, *, log: bool) -> Array:
    """Give the half-widths `[n]` that the luck of runs alone makes, misfit left out.

    In ln y with `log`, in y otherwise.
    """
    responses = every_response(result, form, _inputs(form, inputs))
    kept = [item.of == "group" for item in result.replicates]
    scale = responses[1:][kept]
    if log:
        scale = np.log(np.maximum(scale, 1e-300))
    if result.resampling == "bootstrap":
        return np.asarray(QUANTILE * np.std(scale, axis=0))
    return np.asarray(result.quantile * standard_errors(scale))


def _inputs(form: Form, inputs: Any) -> dict[str, Array]:
    if isinstance(inputs, Mapping):
        inputs = {name: np.atleast_1d(np.asarray(v)) for name, v in inputs.items()}
        longest = max((len(values) for values in inputs.values()), default=0)
        inputs = {
            name: np.repeat(values, longest) if len(values) == 1 else values
            for name, values in inputs.items()
        }
    frame = to_polars(inputs)
    columns = {}
    for role in form.inputs:
        if role.name not in frame.columns:
            raise Refusal(
                f"A prediction of {form.name!r} needs {role.name!r}"
                f"{f' ({role.meaning})' if role.meaning else ''}; given are: "
                f"{', '.join(frame.columns) or 'none'}."
            )
        values = frame[role.name].cast(pl.Float64).to_numpy()
        if role.positive and not (values > 0).all():
            raise Refusal(f"{role.name!r} must be above 0 wherever a law is asked.")
        columns[role.name] = values
    return columns


def _edges(
    result: Result, form: Form, responses: Array
) -> tuple[Array, Array, Array, Array]:
    """Give the law's interval and the band of a new observation, `[n]` each."""
    log = form.residual == "log"
    low, high = result.edges(responses, log=log)
    with np.errstate(all="ignore"):
        value = np.log(responses[0]) if log else responses[0]
        below = value - (np.log(low) if log else low)
        above = (np.log(high) if log else high) - value
    noise = QUANTILE * result.spread
    edges = np.stack([value - np.hypot(below, noise), value + np.hypot(above, noise)])
    with np.errstate(all="ignore"):
        band_low, band_high = np.exp(edges) if log else edges
    return low, high, band_low, band_high
