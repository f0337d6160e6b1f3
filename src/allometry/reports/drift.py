"""Drift: the size exponents that a fit's card and replicates hold, as forest rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.law import Intrinsic
from allometry.reports import numbers
from allometry.reports.figures.forest import Row

#: Groups of refits in a card, with the title that each has in the figure.
_BANDS = {
    "other_bands": "Other bands",
    "drift_bands": "Early to late",
}


def rows(fit: Fit) -> list[Row]:
    """List the fit, its refits by band, and its refits with one size left out."""
    band = fit.card.get("excluded", {}).get("band")
    name = _band_name(band) if band else "all of it"
    found = [Row("This fit", name, fit.derived["size_exponent"], fit.identified)]
    if (rest := fit.card.get("without_nonfinite_runs")) is not None:
        found.append(_refit("This fit", "no diverged runs", rest))
    for key, title in _BANDS.items():
        for entry in fit.card.get(key, ()):
            found.append(_refit(title, _band_name(entry["band"]), entry))
    for replicate in fit.replicates:
        exponent = Intrinsic(**replicate.parameters).size_exponent
        name = f"without {numbers.si(float(replicate.left_out))}"
        alone = Estimate(exponent, math.nan, math.nan)
        found.append(Row("One size left out", name, alone, fit.identified))
    return found


def _refit(group: str, name: str, entry: Mapping[str, Any]) -> Row:
    """Turn a card's entry into a row; what was never found is NaN."""
    stored = entry.get("size_exponent") or {}
    value, low, high = (
        math.nan if stored.get(key) is None else float(stored[key])
        for key in ("value", "low", "high")
    )
    exponent = Estimate(value, low, high)
    return Row(group, name, exponent, bool(entry.get("identified")))


def _band_name(band: Sequence[float]) -> str:
    return f"{band[0]:g} to {band[1]:g}"
