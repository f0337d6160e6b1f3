"""Jackknife: intervals from refits that each leave one model size out.

What differs between sizes (luck that a size's runs share, a learning rate that does
not suit it, a misfit of the form) is what makes an exponent uncertain; resampling
seeds within sizes misses it, and its intervals cover far too little. The 90 % interval
is the estimate ± 1.645 standard errors, SE² = (G − 1)/G Σ (θ₍g₎ − θ̄)² over G sizes
(Efron and Stein 1981, doi 10.1214/aos/1176345462).
"""

import math

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate

#: Two-sided 90 % of a normal distribution.
QUANTILE = 1.645
#: Half-widths of log intervals end here: e⁷⁰⁰ is near the largest float.
_WIDEST = 700.0


def standard_error(replicates: Array) -> float:
    """Give the jackknife's standard error from values `[G]`; nan for fewer than two."""
    count = len(replicates)
    if count < 2:
        return math.nan
    squares = np.sum((replicates - np.mean(replicates)) ** 2)
    return float(np.sqrt((count - 1) / count * squares))


def interval(value: float, replicates: Array, unit: str, *, log: bool) -> Estimate:
    """Give value ± 1.645 SE; on a log scale for a positive quantity (`log`)."""
    if log:
        half = QUANTILE * standard_error(np.log(replicates))
        factor = math.exp(min(half, _WIDEST))
        return Estimate(value, value / factor, value * factor, unit)
    half = QUANTILE * standard_error(replicates)
    return Estimate(value, value - half, value + half, unit)
