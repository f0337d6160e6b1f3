"""Fit: from a table of finished runs to a law with its intervals, verdict and card.

`fit(law, table)` is the one verb. A law is found by its name in `LAWS`.
"""

import math
from collections.abc import Callable

import polars as pl

from allometry.laws.estimates import Estimate, Fit
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.fit_card import cautions, fit_card
from allometry.laws.intrinsic.settings import IntrinsicSettings as IntrinsicSettings
from allometry.laws.intrinsic.solve import solve
from allometry.refusal import Refusal


def fit(
    law: str, table: pl.DataFrame, *, settings: IntrinsicSettings | None = None
) -> Fit:
    """Fit a law to a table of runs (columns: see `laws.intrinsic.clean.points`).

    A law that the data cannot identify is a `Fit` too: `identified` is false and
    `warnings` begins with the reasons. Raises `Refusal` for an unknown law and for a
    table that cannot be used.
    """
    if law not in LAWS:
        raise Refusal(f"There is no law {law!r}; choose from: {', '.join(LAWS)}.")
    return LAWS[law](table, settings or IntrinsicSettings())


def fit_or_reason(law: str, table: pl.DataFrame, settings: IntrinsicSettings) -> Fit:
    """Fit one law of several: one whose runs cannot be used is a value too.

    It is then not identified, has no numbers, and its warning is the refusal.
    """
    try:
        return fit(law, table, settings=settings)
    except Refusal as refusal:
        nothing = Estimate(math.nan, math.nan, math.nan)
        return Fit(
            law=law,
            parameters=dict.fromkeys(("alpha_N", "alpha_E", "N_c", "kappa"), nothing),
            derived=dict.fromkeys(
                ("size_exponent", "interactions_exponent", "beta", "E_c"), nothing
            ),
            identified=False,
            warnings=(str(refusal),),
            replicates=(),
            residuals=(),
            card={"identified": False, "reasons": [str(refusal)]},
        )


def intrinsic(table: pl.DataFrame, settings: IntrinsicSettings) -> Fit:
    """Fit I^(−β) = (N_c/N)^α_N + (E_c/E)^α_E (see `laws.intrinsic.law`)."""
    cleaned: Points = points(table, settings)
    solution = solve(cleaned)
    card = fit_card(table, settings, cleaned, solution)
    return Fit(
        law="intrinsic",
        parameters=solution.parameters,
        derived=solution.derived,
        identified=solution.identified,
        warnings=(*solution.reasons, *solution.warnings, *cautions(card)),
        replicates=solution.replicates,
        residuals=solution.residuals,
        card=card,
    )


LAWS: dict[str, Callable[[pl.DataFrame, IntrinsicSettings], Fit]] = {
    "intrinsic": intrinsic,
}
