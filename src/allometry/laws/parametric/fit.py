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
    names = {
        role: name
        for role, name in columns.items()
        if isinstance(name, str) and role not in FAMILIES
    }
    observations = observe(form, table, names, settings)
    solution = solve(form, observations, settings, generator)
    result = solution.result
    warnings = (*result.warnings, *cautions(form, observations, solution))
    card = fit_card(form, observations, settings, solution)
    card["columns"] |= {role: columns[role] for role in columns if role in FAMILIES}
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(Result)}
    return Fit(**fields | {"card": card, "warnings": warnings}, form=form)
