"""Exponents by horizon: does the intrinsic law keep its exponent as tasks lengthen?

One intrinsic fit per horizon, and Cochran's test of whether their size exponents
agree. Hilton, Tang and Schulman (2023, arXiv 2301.13442) find that they stay about
unchanged while the interactions needed grow.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import polars as pl
from scipy.special import chdtrc

from allometry.laws.estimates import Estimate, Result
from allometry.laws.fit import fit_or_reason
from allometry.laws.intrinsic.runs import finished
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.jackknife import QUANTILE
from allometry.refusal import Refusal

#: Exponents are said to differ when chance alone would show so much less often.
SIGNIFICANCE = 0.1


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Whether the size exponents of several fits agree.

    `statistic` is Cochran's Q = Σ (aᵢ − ā)²/SEᵢ², χ² with `freedom` degrees of freedom
    if they agree, and `p` the chance of a larger one. `pooled` is ā, the mean with
    weights 1/SEᵢ². `agree` is `None` with fewer than two identified fits; agreement is
    absence of evidence, as wide as the intervals are.
    """

    pooled: Estimate
    statistic: float
    freedom: int
    p: float
    agree: bool | None
    sentence: str


def exponents(table: pl.DataFrame, settings: IntrinsicSettings) -> dict[float, Result]:
    """Result the intrinsic law at each horizon of a table with the column `horizon`.

    A horizon whose runs allow no fit at all (too few sizes, nothing in the band) gives
    a `Result` that is not identified, without numbers, whose warning says why.

    Raises:
        Refusal: the table cannot be used, whatever the horizon.
    """
    if "horizon" not in table.columns or table["horizon"].null_count():
        raise Refusal(
            "Fits by horizon need the column 'horizon' in every row. Add it, or fit "
            "the table as one."
        )
    finished(table)
    parts = table.partition_by("horizon", as_dict=True)
    return {
        float(h): fit_or_reason("intrinsic", parts[(h,)], settings)
        for (h,) in sorted(parts)
    }


def agreement(
    fits: Mapping[float, Result] | Mapping[str, Result],
    by: str = "h",
    over: str = "horizons",
) -> Agreement:
    """Test whether the size exponents of the identified fits agree (Cochran's Q).

    Its sentence calls what the fits differ in `by`, and many of it `over`.
    """
    known = {
        _told(h): item.derived["size_exponent"]
        for h, item in fits.items()
        if item.identified
    }
    refused = [_told(h) for h in fits if _told(h) not in known]
    aside = f" Not identified at {by} = {', '.join(refused)}." if refused else ""
    nothing = Estimate(math.nan, math.nan, math.nan)
    if len(known) < 2:
        sentence = (
            f"Whether the size exponent holds over {over} cannot be told: "
            f"{len(known)} of {len(fits)} {over} identify it.{aside}"
        )
        return Agreement(nothing, math.nan, 0, math.nan, None, sentence)
    values = np.array([item.value for item in known.values()])
    errors = np.array([(e.high - e.low) / (2 * QUANTILE) for e in known.values()])
    precision = errors**-2
    mean = float(precision @ values / precision.sum())
    statistic = float(precision @ (values - mean) ** 2)
    freedom = len(known) - 1
    p = float(chdtrc(freedom, statistic))
    half = QUANTILE * float(precision.sum()) ** -0.5
    pooled = Estimate(mean, mean - half, mean + half)
    agree = p >= SIGNIFICANCE
    verdict = "show no difference" if agree else "differ"
    sentence = (
        f"The size exponents at {by} = {', '.join(known)} {verdict} "
        f"(Cochran's Q = {statistic:.2f} on {freedom} degrees of freedom, "
        f"p = {p:.2g}); pooled {mean:.2f} ({pooled.low:.2f} to {pooled.high:.2f})."
        f"{aside}"
    )
    return Agreement(pooled, statistic, freedom, p, agree, sentence)


def _told(h: float | str) -> str:
    return h if isinstance(h, str) else f"{h:g}"
