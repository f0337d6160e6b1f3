"""Drift: the size exponents that a fit's card and replicates hold, as forest rows."""

import math

from allometry.laws.estimates import Estimate, Fit
from allometry.laws.intrinsic import Intrinsic
from allometry.reports import numbers
from allometry.reports.figures.forest import Row


def rows(fit: Fit) -> list[Row]:
    """List the fit, its refits by band, and its refits with one size left out."""
    found = [Row("This fit", "all of it", fit.derived["size_exponent"], fit.identified)]
    for replicate in fit.replicates:
        exponent = Intrinsic(**replicate.parameters).size_exponent
        found.append(
            Row(
                "Leaving one size out",
                f"without {numbers.si(replicate.left_out)}",
                Estimate(exponent, math.nan, math.nan),
                True,
            )
        )
    return found
