"""Fit of a form: from a data frame to a `Fit`, the same way for every form."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from allometry.laws.estimates import Result
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.form.registry import FAMILIES
from allometry.laws.parametric.fit_card import cautions, fit_card
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.settings import FormSettings
from allometry.laws.parametric.solve import solve
from allometry.refusal import Refusal


def fit(
    form: Form,
    table: pl.DataFrame,
    columns: Mapping[str, str | Sequence[str]],
    settings: FormSettings,
    generator: np.random.Generator | None = None,
) -> Fit:
    """Fit `form` to a table, one row per observation (see `parametric.observe`).

    Raises `Refusal` where the table cannot be used.
    """
    if generator is None:
        generator = np.random.default_rng(settings.seed)
    names, chosen = _split(form, columns)
    observations = observe(form, table, names, settings)
    solution = solve(form, observations, settings, generator)
    result = solution.result
    warnings = (*result.warnings, *cautions(form, observations, solution))
    card = fit_card(form, observations, settings, solution)
    card["columns"] |= chosen
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(Result)}
    return Fit(**fields | {"card": card, "warnings": warnings}, form=form)


def _split(
    form: Form, columns: Mapping[str, str | Sequence[str]]
) -> tuple[dict[str, str], dict[str, str | Sequence[str]]]:
    """Tell the column of each role from the columns that chose the form itself."""
    roles = {role.name for role in (*form.inputs, form.response)}
    names: dict[str, str] = {}
    chosen: dict[str, str | Sequence[str]] = {}
    for role, name in columns.items():
        if role in FAMILIES and not (role in roles and isinstance(name, str)):
            chosen[role] = name
        elif isinstance(name, str):
            names[role] = name
        else:
            raise Refusal(f"{role!r} is one column, not several: {', '.join(name)}.")
    return names, chosen
