"""Fit: from a table of runs to a law with its intervals, verdict and card.

`fit(law, table)` is the one verb. A law is a form, found by its name in `forms` or
given; the intrinsic law has a fit path of its own, all others share one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from allometry.laws import keys
from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.form.intrinsic import INTRINSIC
from allometry.laws.form.registry import forms
from allometry.laws.frame import to_polars
from allometry.laws.intrinsic import fit as intrinsic
from allometry.laws.intrinsic.scale import scale_of
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.parametric import fit as parametric
from allometry.laws.parametric.settings import FormSettings
from allometry.refusal import Refusal


def fit(
    law: str | Form,
    table: Any,
    *,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    settings: IntrinsicSettings | FormSettings | None = None,
    generator: np.random.Generator | None = None,
    **options: Any,
) -> Fit:
    """Fit a law, by name or as a `Form`, to a data frame of Polars or pandas.

    `columns` maps the form's inputs and response to columns of the frame, where their
    names differ. `settings` are `IntrinsicSettings` or `FormSettings`; `options` are
    their fields, for short. `generator` draws what is drawn at random; by default it is
    seeded by the settings.

    A law that the data cannot identify is a `Fit` too: `identified` is false and
    `warnings` begins with the reasons. Raises `Refusal` for an unknown law, and for a
    table that cannot be used.
    """
    form = forms.find(law, columns)
    frame = to_polars(table)
    if form.name == INTRINSIC.name:
        named = intrinsic.renamed(frame, columns or {})
        taken, said = scale_of(named, options) if settings is None else ({}, "")
        chosen = _settings(IntrinsicSettings, settings, {**taken, **options})
        return intrinsic.fit(named, chosen, said)
    chosen = _settings(FormSettings, settings, options)
    return parametric.fit(form, frame, columns or {}, chosen, generator)


def _settings(kind: type, given: Any, options: Mapping[str, Any]) -> Any:
    """Take the settings given, or make them from options; one or the other."""
    if given is None:
        return keys.read(kind, options, "The law")
    if options:
        raise Refusal(
            f"Settings are given, and {sorted(options)[0]!r} besides: put it into the "
            "settings."
        )
    if not isinstance(given, kind):
        raise Refusal(f"This law takes {kind.__name__}, not {type(given).__name__}.")
    return given


def fit_or_reason(law: str, table: pl.DataFrame, settings: IntrinsicSettings) -> Fit:
    """Fit one law of several: one whose runs cannot be used is a value too.

    It is then not identified, has no numbers, and its warning is the refusal.
    """
    try:
        return fit(law, table, settings=settings)
    except Refusal as refusal:
        nothing = Estimate(math.nan, math.nan, math.nan, identified=False)
        return Fit(
            law=law,
            parameters=dict.fromkeys(INTRINSIC.names, nothing),
            derived=dict.fromkeys(
                ("size_exponent", "interactions_exponent", "beta", "E_c"), nothing
            ),
            identified=False,
            warnings=(str(refusal),),
            replicates=(),
            residuals=(),
            card={"identified": False, "reasons": [str(refusal)]},
        )
