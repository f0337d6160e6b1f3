"""Forecasts: what a compute will buy, or what a performance will cost.

On the frontier I = C, so that the law gives the best size N*(C) and interactions
E*(C), and the natural metric turns I into performance and back. The jackknife's
replicates are carried through the whole chain, each with its own law and its own
natural metric, so that their errors stay joint; what passes through the natural metric
also carries its residuals: it is a prediction of the mean over as many seeds as the
data have. Intervals are 90 %.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from allometry.laws.estimates import Estimate, Result, interval
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.natural import (
    NaturalCurve,
    NaturalLaw,
    half_interval,
    natural_of,
)
from allometry.refusal import Refusal

#: Factor beyond the data's compute above which a forecast warns.
FAR = 30.0


@dataclasses.dataclass(frozen=True)
class Forecast:
    """The compute-optimal run for a compute, or for a performance.

    `compute` and `intrinsic` in FLOPs (equal on the frontier; exact when asked for),
    `optimal_size` in parameters, `optimal_interactions` in agent steps, `performance`
    in the data's measure (`None` without a natural metric). `beyond` is the factor by
    which the compute lies outside that of the data, 1 inside.
    """

    compute: Estimate
    intrinsic: Estimate
    optimal_size: Estimate
    optimal_interactions: Estimate
    performance: Estimate | None
    beyond: float
    warnings: tuple[str, ...]


def forecast(
    fit: Result,
    natural: NaturalLaw | None = None,
    *,
    compute: float | None = None,
    performance: float | None = None,
) -> Forecast:
    """Forecast the best run for a `compute` in FLOPs, or for a `performance`.

    `natural` is by default the one attached to the fit. Beyond `FAR` times the data's
    compute, or outside the performance that the natural metric was fitted to, the
    answer comes with a warning. A law that is not identified answers only within the
    compute of its own data, with its reasons as warnings: there it interpolates, but
    beyond them it would be a guess.

    Raises:
        Refusal: not exactly one of the two is given, or it is impossible; there is no
            natural metric to ask for a performance; the law is not identified and is
            asked beyond its data.
    """
    natural = natural_of(fit) if natural is None else natural
    chain = _Chain(fit, natural)
    if compute is not None and performance is None:
        found = chain.at_compute(_checked_compute(compute))
    elif performance is not None and compute is None:
        natural = _checked_natural(performance, natural)
        found = chain.at_performance(performance, natural)
    else:
        raise Refusal("Ask for a compute or for a performance, one of the two.")
    _check_finite(found)
    return _judged(found, fit, natural)


def chain(
    fit: Result, *, compute: float | None = None, performance: float | None = None
) -> tuple[list[Intrinsic], list[float], float]:
    """Give the law and its replicates, the I (FLOPs) of each, and the metric's noise.

    For a compute I is that compute; for a performance each replicate has its own.
    """
    natural = natural_of(fit)
    found = _Chain(fit, natural)
    if compute is not None:
        return found.laws, [_checked_compute(compute)] * len(found.laws), 0.0
    performance = math.nan if performance is None else performance
    natural = _checked_natural(performance, natural)
    needed = [float(curve.intrinsic_for(performance)) for curve in found.curves]
    return found.laws, needed, natural.spread / natural.gamma.value


class _Chain:
    """The law and the natural metric at their estimates, then of each replicate."""

    def __init__(self, fit: Result, natural: NaturalLaw | None) -> None:
        estimates = {name: item.value for name, item in fit.parameters.items()}
        parameters = [estimates, *(item.parameters for item in fit.replicates)]
        if not all(math.isfinite(v) for one in parameters for v in one.values()):
            raise Refusal(
                "The fit has no law to forecast from: its parameters are missing. "
                + " ".join(_reasons(fit))
            )
        self.laws = [Intrinsic(**one) for one in parameters]
        self.natural = natural
        self.curves: list[NaturalCurve] = []
        if natural is not None:
            of_size = natural.replicate_curves
            if set(of_size) != {item.left_out for item in fit.replicates}:
                raise Refusal(
                    "The natural metric belongs to another fit: it leaves out other "
                    "sizes. Result both from the same runs."
                )
            others = [of_size[float(item.left_out)] for item in fit.replicates]
            self.curves = [natural.curve, *others]

    def at_compute(self, compute: float) -> Forecast:
        """Answer for a compute: exact on the frontier, the law's own intervals."""
        exact = Estimate(compute, compute, compute, "FLOPs")
        sizes, interactions = self._best([compute] * len(self.laws))
        return Forecast(
            compute=exact,
            intrinsic=exact,
            optimal_size=_by_law(sizes, "parameters"),
            optimal_interactions=_by_law(interactions, "agent steps"),
            performance=self._performance(compute),
            beyond=1.0,
            warnings=(),
        )

    def at_performance(self, performance: float, natural: NaturalLaw) -> Forecast:
        """Answer for a performance: each replicate finds its own compute."""
        needed = [float(curve.intrinsic_for(performance)) for curve in self.curves]
        noise = natural.spread / natural.gamma.value
        intrinsic = _through_natural(needed, noise, "FLOPs")
        sizes, interactions = self._best(needed)
        law = self.laws[0]
        return Forecast(
            compute=intrinsic,
            intrinsic=intrinsic,
            optimal_size=_through_natural(
                sizes, noise * law.size_exponent, "parameters"
            ),
            optimal_interactions=_through_natural(
                interactions, noise * law.interactions_exponent, "agent steps"
            ),
            performance=Estimate(performance, performance, performance),
            beyond=1.0,
            warnings=(),
        )

    def _best(self, computes: Sequence[float]) -> tuple[list[float], list[float]]:
        """Give N*(C) and E*(C) of each law at its own compute."""
        pairs = list(zip(self.laws, computes, strict=True))
        return (
            [float(law.optimal_size(C)) for law, C in pairs],
            [float(law.optimal_interactions(C)) for law, C in pairs],
        )

    def _performance(self, compute: float) -> Estimate | None:
        if self.natural is None:
            return None
        log_ratios = np.array(
            [float(curve.log_ratio(compute)) for curve in self.curves]
        )
        half = half_interval(log_ratios[1:], self.natural.spread)
        ends = log_ratios[0] + np.array([0.0, half, -half])
        value, low, high = self.natural.curve.performance_of(ends).tolist()
        return Estimate(value, low, high)


def _by_law(values: Sequence[float], unit: str) -> Estimate:
    return interval(values[0], np.array(values[1:]), unit, log=True)


def _through_natural(values: Sequence[float], noise: float, unit: str) -> Estimate:
    """Give the first value; replicates and noise in the log make its interval."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        factor = float(np.exp(half_interval(np.log(values[1:]), noise)))
    return Estimate(values[0], values[0] / factor, values[0] * factor, unit)


def _checked_compute(compute: float) -> float:
    if not (math.isfinite(compute) and compute > 0):
        raise Refusal(
            f"A compute of {compute:g} FLOPs is impossible: give a finite number above "
            "0, such as 1e12."
        )
    return compute


def _checked_natural(performance: float, natural: NaturalLaw | None) -> NaturalLaw:
    """Give the natural metric if it can say what the performance costs."""
    if natural is None:
        raise Refusal(
            "This law has no natural metric, so that it cannot say what a performance "
            "costs: unseen levels of performance cannot be extrapolated without one. "
            "Ask for a compute; or, if performance is a success rate, set "
            "natural_metric = \"fail-to-success\" and 'maximum', and fit again."
        )
    if not 0 < performance < natural.maximum:
        raise Refusal(
            f"A performance of {performance:g} is impossible: give a number above 0 "
            f"and below the maximum, {natural.maximum:g}."
        )
    if not natural.gamma.low > 0:
        raise Refusal(natural.warnings[0])
    return natural


def _check_finite(found: Forecast) -> None:
    named = (found.compute, found.optimal_size, found.optimal_interactions)
    for estimate in named:
        if not 0 < estimate.value < math.inf:
            raise Refusal(
                "The forecast lies beyond every number the law can name: ask for less."
            )


def _judged(found: Forecast, fit: Result, natural: NaturalLaw | None) -> Forecast:
    """Add how far beyond the data this is, and what to doubt."""
    low, high = _data_compute(fit)
    C = found.compute.value
    beyond = max(C / high, low / C, 1.0)
    warnings: list[str] = []
    if not fit.identified:
        warnings += _not_identified(fit, C, (low, high))
    if beyond > FAR:
        warnings.append(
            (
                f"This is {beyond:.3g} times the largest compute of the data "
                f"({high:.2g} FLOPs). "
                if high < C
                else f"The least compute of the data ({low:.2g} FLOPs) is {beyond:.3g} "
                "times this. "
            )
            + f"Beyond {FAR:g} times, the interval is too narrow: it knows no change "
            "of the law."
        )
    if natural is not None and found.performance is not None:
        warnings += _beyond_seen(found.performance.value, natural)
        warnings += natural.warnings
    return dataclasses.replace(found, beyond=beyond, warnings=tuple(warnings))


def _data_compute(fit: Result) -> tuple[float, float]:
    """Read the least and the largest compute of the data from the fit card."""
    try:
        low, high = (float(C) for C in fit.card["data"]["range"]["C"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refusal(
            "The fit card lacks 'data.range.C', the compute of the data, without which "
            "a forecast cannot say how far it reaches. Make the fit again with "
            "`allometry fit`."
        ) from error
    return low, high


def _reasons(fit: Result) -> tuple[str, ...]:
    """Give why a law is not identified: the card's reasons, or all its warnings."""
    return tuple(fit.card.get("reasons") or fit.warnings)


def _not_identified(
    fit: Result, compute: float, data: tuple[float, float]
) -> tuple[str, ...]:
    low, high = data
    if not low <= compute <= high:
        raise Refusal(
            "The law is not identified, so that a forecast beyond the compute of its "
            f"data ({low:.2g} to {high:.2g} FLOPs) would be a guess. "
            + " ".join(_reasons(fit))
        )
    return (
        "NOT IDENTIFIED: the runs do not determine this law. These numbers interpolate "
        "between them and should not be quoted as a law.",
        *_reasons(fit),
    )


def _beyond_seen(performance: float, natural: NaturalLaw) -> list[str]:
    low, high = natural.fitted
    if low <= performance <= high:
        return []
    side = "above" if performance > high else "below"
    return [
        f"A performance of {performance:.4g} lies {side} what the natural metric was "
        f"fitted to ({low:.3g} to {high:.3g}): it is an extrapolation."
    ]
