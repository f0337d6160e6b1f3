"""Fit of the intrinsic law: from a table of finished runs to a `Fit`."""

from collections.abc import Mapping, Sequence

import polars as pl

from allometry.laws.fitted import Fit
from allometry.laws.form.intrinsic import INTRINSIC
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.fit_card import cautions, fit_card
from allometry.laws.intrinsic.natural import attach, natural
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.intrinsic.solve import solve
from allometry.refusal import Refusal


def fit(table: pl.DataFrame, settings: IntrinsicSettings, taken: str = "") -> Fit:
    """Fit I^(−β) = (N_c/N)^α_N + (E_c/E)^α_E (see `laws.intrinsic.law`).

    `taken` says which settings were read off the data.
    """
    cleaned: Points = points(table, settings)
    solution = solve(cleaned)
    card = fit_card(table, settings, cleaned, solution)
    noted = (taken,) if taken else ()
    found = Fit(
        law=INTRINSIC.name,
        parameters=solution.parameters,
        derived=solution.derived,
        identified=solution.identified,
        warnings=(*solution.reasons, *solution.warnings, *noted, *cautions(card)),
        replicates=solution.replicates,
        residuals=solution.residuals,
        card=card,
        points={
            "parameters": tuple(cleaned.N.tolist()),
            "interactions": tuple(cleaned.E.tolist()),
            "performance": tuple(cleaned.performance.tolist()),
        },
        form=INTRINSIC,
    )
    if settings.natural_metric is None or not found.replicates:
        return found
    return attach(found, natural(cleaned, found, settings))


def renamed(
    table: pl.DataFrame, columns: Mapping[str, str | Sequence[str]]
) -> pl.DataFrame:
    """Give the table's columns the names of their roles."""
    names = {role: name for role, name in columns.items() if isinstance(name, str)}
    missing = [name for name in names.values() if name not in table.columns]
    if missing:
        raise Refusal(
            f"The table has no column {missing[0]!r}; it has: "
            f"{', '.join(table.columns)}."
        )
    return table.with_columns(**{role: pl.col(name) for role, name in names.items()})
