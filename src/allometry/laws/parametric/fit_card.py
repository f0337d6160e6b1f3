"""Fit card of a form: all that a reader must know to trust its constants, or not to."""

import importlib.metadata
from typing import Any

from allometry.laws.form.form import Form
from allometry.laws.parametric.judge import AGREEMENT
from allometry.laws.parametric.observe import Observations
from allometry.laws.parametric.settings import FormSettings
from allometry.laws.parametric.solve import Solution

_INTERVALS = {
    "jackknife": "90 %: estimate ± {quantile:.3f} standard errors of the jackknife "
    "that leaves out one of {groups} groups at a time (Student's t), or those of one "
    "that leaves out one of {stretches} stretches of all curves, if wider; log scale "
    "for positive constants",
    "bootstrap": "90 %: the middle of {replicates} refits to groups drawn with "
    "replacement ({groups} groups, seed {seed})",
}


def fit_card(
    form: Form,
    observations: Observations,
    settings: FormSettings,
    solution: Solution,
) -> dict[str, Any]:
    """Write the card; JSON-able values in reading order."""
    result, verdict = solution.result, solution.verdict
    return {
        "law": form.name,
        "form": form.formula,
        "source": form.source,
        "units": {item.name: item.unit for item in (*form.inputs, form.response)},
        "meanings": {item.name: item.meaning for item in (*form.inputs, form.response)}
        | {item.name: item.meaning for item in form.parameters},
        "columns": dict(observations.columns),
        "data": _data(observations, form),
        "tuned": settings.tuned,
        "method": {
            "objective": _objective(form, settings, solution),
            "optimiser": "Levenberg–Marquardt with the exact gradient, from a grid of "
            "starts whose linear constants are solved for (variable projection)",
            "starts": solution.starts,
            "agreement": f"share of starts within {AGREEMENT:g} of the best objective",
            "intervals": _INTERVALS[settings.interval].format(
                quantile=result.quantile,
                groups=len(observations.labels),
                replicates=len(result.replicates),
                stretches=sum(item.of == "stretch" for item in result.replicates),
                seed=settings.seed,
            ),
        },
        "diagnostics": {
            "minimum": solution.loss,
            "starts_that_agree": verdict.agreement,
            "condition_number": verdict.conditioning,
            "spread": result.spread,
        },
        "identified": result.identified,
        "reasons": list(result.warnings),
        "not_identified": sorted({*verdict.reasons, *verdict.unseen}),
        "identifies": form.identifies,
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("numpy", "polars", "scipy")
        },
    }


def cautions(form: Form, observations: Observations, solution: Solution) -> list[str]:
    """Say in sentences what deserves care, identified or not."""
    said = []
    counts = observations.counts
    if nonfinite := counts.get("nonfinite_rows"):
        rows = "1 row" if nonfinite == 1 else f"{nonfinite} rows"
        said.append(f"{rows} went non-finite; the card says how they were counted.")
    if missing := counts.get("missing_rows"):
        rows = "1 row has" if missing == 1 else f"{missing} rows have"
        said.append(
            f"{rows} no {form.response.name} (runs that never got there are such): "
            "left out, so that the law is that of the lucky ones where they are many."
        )
    if settings := counts.get("settings_left_out"):
        said.append(
            f"Half of the runs or more have no {form.response.name} at {settings} of "
            "the settings, which are left out, since the rest are the lucky ones: "
            "train longer there."
        )
    if unfinished := counts.get("unfinished_runs"):
        runs = "1 run has" if unfinished == 1 else f"{unfinished} runs have"
        said.append(f"{runs} not ended: left out.")
    for name in observations.unread:
        said.append(
            f"Runs differ in {name!r}, which the form does not read: what that changes "
            "is taken for luck. Fit one value of it at a time, or a form that reads it."
        )
    if observations.grouped_by == "row":
        said.append(
            "There is no column 'run': every row is taken for a run of its own. If "
            "rows are checkpoints of one run, name their run: errors within a run go "
            "together, and the intervals are too narrow otherwise."
        )
    if solution.verdict.unseen:
        said.append(
            f"The term of {', '.join(solution.verdict.unseen)} is nowhere seen: the "
            "law holds without it, and how small it is the data do not tell."
        )
    if solution.verdict.agreement < 0.2:
        said.append(
            f"{solution.verdict.agreement:.0%} of the starts reached the best fit: "
            "the objective has several valleys."
        )
    return said


def _objective(form: Form, settings: FormSettings, solution: Solution) -> str:
    residual = "ln ŷ − ln y" if form.residual == "log" else "ŷ − y"
    if solution.delta is None:
        return f"squared {residual}"
    how = "given" if settings.delta is not None else "1.345 robust deviations"
    return f"Huber loss of {residual}, δ = {solution.delta:.3g} ({how})"


def _data(observations: Observations, form: Form) -> dict[str, Any]:
    columns = {**observations.inputs, form.response.name: observations.response}
    return {
        **observations.counts,
        "groups": len(observations.labels),
        "grouped_by": observations.grouped_by,
        "range": {
            name: [float(values.min()), float(values.max())]
            for name, values in columns.items()
        },
    }
