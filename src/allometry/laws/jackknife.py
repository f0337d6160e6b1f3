"""Jackknife: intervals from refits that each leave one group of runs out.

What differs between sizes (luck that a size's runs share, a learning rate that does
not suit it, a misfit of the form) is what makes an exponent uncertain; resampling
seeds within sizes misses it, and its intervals cover far too little. The 90 % interval
is the estimate ± q standard errors, SE² = (G − 1)/G Σ (θ₍g₎ − θ̄)² over G groups
(Efron and Stein 1981, doi 10.1214/aos/1176345462), q of a normal distribution or of
Student's with G − 1 degrees of freedom.
"""

import math

import numpy as np
from scipy.special import stdtrit

from allometry.laws.arrays import Array

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


def standard_errors(replicates: Array) -> Array:
    """Give the jackknife's standard errors of many quantities, `[G, n]` to `[n]`."""
    count = len(replicates)
    if count < 2:
        return np.full(replicates.shape[1:], math.nan)
    squares = ((replicates - replicates.mean(0)) ** 2).sum(0)
    return np.asarray(np.sqrt((count - 1) / count * squares))


def edges(
    value: float, replicates: Array, quantile: float, *, log: bool
) -> tuple[float, float]:
    """Give value ± `quantile` SE; on a log scale for a positive quantity (`log`)."""
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            half = quantile * standard_error(np.log(replicates))
        factor = math.exp(min(half, _WIDEST))
        return value / factor, value * factor
    half = quantile * standard_error(replicates)
    return value - half, value + half


def student(groups: int) -> float:
    """Give two-sided 90 % of Student's t with `groups` − 1 degrees of freedom."""
    return float(stdtrit(groups - 1, 0.95)) if groups > 1 else math.nan
