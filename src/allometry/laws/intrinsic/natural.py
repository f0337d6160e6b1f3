"""The natural metric: performance as a power of intrinsic performance.

Intrinsic performance I says when two runs are equally good, not how good. Where a
metric of performance falls as a power law of I, unseen levels can be extrapolated;
without one they cannot. For a success rate that metric is the fail-to-success ratio

    F = (R_max − R)/R = F_c I^(−γ)

(Hilton, Tang and Schulman 2023, arXiv 2301.13442, for CoinRun with R_max = 10: γ .40
easy, .48 hard). ln F is regressed on ln I over the cleaned points of the band. The
interval of γ is the law's own jackknife carried through: each replicate leaves one
size out of both the law and this regression. It is ± t SE with Student's t for one
less than the number of sizes: in simulations of this regression ± 1.645 SE covered
86 % where 90 % were due.
"""

import dataclasses
import math
from typing import Any, TypeVar

import numpy as np
import pydantic
from scipy.special import stdtrit

from allometry.laws.arrays import Array, Numbers
from allometry.laws.estimates import Estimate, Result
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.jackknife import standard_error
from allometry.refusal import Refusal

Fitted = TypeVar("Fitted", bound=Result)

#: A change of γ over the data beyond this share of it is worth a warning.
BEND = 0.25


@dataclasses.dataclass(frozen=True)
class NaturalCurve:
    """F = F_c I^(−γ) at given constants; R is a performance, I in FLOPs."""

    gamma: float
    log_F_c: float
    maximum: float

    def performance_at(self, I: Numbers) -> Array:  # noqa: E741
        """Give R = R_max / (1 + F_c I^(−γ))."""
        return self.performance_of(self.log_ratio(I))

    def intrinsic_for(self, performance: Numbers) -> Array:
        """Give I = (F_c/F)^(1/γ) with F = (R_max − R)/R, for 0 < R < R_max.

        inf where I exceeds every float.
        """
        log_ratio = fail_to_success(performance, self.maximum)
        with np.errstate(over="ignore"):
            return np.asarray(np.exp((self.log_F_c - log_ratio) / self.gamma))

    def log_ratio(self, I: Numbers) -> Array:  # noqa: E741
        """Give ln F = ln F_c − γ ln I."""
        return np.asarray(
            self.log_F_c - self.gamma * np.log(np.asarray(I, dtype=np.float64))
        )

    def performance_of(self, log_ratio: Numbers) -> Array:
        """Give R = R_max / (1 + F) for ln F."""
        return np.asarray(self.maximum / (1 + np.exp(log_ratio)))


@dataclasses.dataclass(frozen=True)
class NaturalReplicate:
    """The regression without one size, under the law without that size."""

    left_out: float
    gamma: float
    log_F_c: float


@dataclasses.dataclass(frozen=True)
class NaturalLaw:
    """F = F_c I^(−γ) with its intervals.

    `spread` is the standard deviation of the residuals in ln F, of a mean over as many
    seeds as the data have. `bend` is how much γ changes from the start of the data to
    their end, 0 for a power law. `fitted` is the range of performance in the
    regression. `replicates` carry the uncertainty into forecasts.
    """

    gamma: Estimate
    log_F_c: Estimate
    bend: Estimate
    spread: float
    maximum: float
    fitted: tuple[float, float]
    replicates: tuple[NaturalReplicate, ...]

    @property
    def curve(self) -> NaturalCurve:
        """The law at its estimates."""
        return NaturalCurve(self.gamma.value, self.log_F_c.value, self.maximum)

    @property
    def replicate_curves(self) -> dict[float, NaturalCurve]:
        """The law of each replicate, by the size left out."""
        return {
            item.left_out: NaturalCurve(item.gamma, item.log_F_c, self.maximum)
            for item in self.replicates
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say in sentences what limits extrapolation along this law."""
        said = []
        if not self.gamma.low > 0:
            said.append(
                "The fail-to-success ratio does not fall with intrinsic performance "
                f"(γ {self.gamma.low:.2f} to {self.gamma.high:.2f}): no performance "
                "can be forecast. Train over a wider range of performance."
            )
        bend = self.bend
        sure = bend.low > 0 or bend.high < 0
        if sure and abs(bend.value) > BEND * abs(self.gamma.value):
            said.append(
                "The fail-to-success ratio is no pure power law here: γ changes by "
                f"{bend.value:+.2f} ({bend.low:+.2f} to {bend.high:+.2f}) from the "
                "start of the data to their end, and a forecast of performance assumes "
                "that it stays."
            )
        return tuple(said)

    def performance_at(self, I: Numbers) -> Array:  # noqa: E741
        """Give the performance at intrinsic performance I (FLOPs)."""
        return self.curve.performance_at(I)

    def intrinsic_for(self, performance: Numbers) -> Array:
        """Give the intrinsic performance (FLOPs) that a performance needs."""
        return self.curve.intrinsic_for(performance)


def fail_to_success(performance: Numbers, maximum: float) -> Array:
    """Give ln F, F = (R_max − R)/R."""
    R = np.asarray(performance, dtype=np.float64)
    return np.asarray(np.log(maximum - R) - np.log(R))


def natural(points: Points, fit: Result, settings: IntrinsicSettings) -> NaturalLaw:
    """Fit the natural metric to the cleaned points of the fit's band.

    Raises:
        Refusal: the settings name no natural metric, the fit has no law, or a point's
            performance is not between 0 and the maximum; chance is negative.
    """
    if settings.natural_metric is None:
        raise Refusal(_NO_METRIC)
    if settings.chance < 0:
        raise Refusal(
            f"The fail-to-success ratio is one of success rates, and chance is "
            f"{settings.chance:g}: a score that may be negative has no such ratio. "
            "Leave natural_metric out, or score successes."
        )
    law = _law({name: item.value for name, item in fit.parameters.items()})
    R = points.performance
    if R.min() <= 0 or R.max() >= settings.maximum:
        raise Refusal(
            "The fail-to-success ratio needs performance above 0 and below the setting "
            f"'maximum' ({settings.maximum:g}); the band holds {R.min():g} to "
            f"{R.max():g}. Set 'band' inside that range."
        )
    y = fail_to_success(R, settings.maximum)
    whole = _regress(law.log_intrinsic(points.N, points.E), y, points.weight)
    parts = {}
    for replicate in fit.replicates:
        kept = ~np.isclose(points.N, replicate.left_out)
        x = _law(replicate.parameters).log_intrinsic(points.N[kept], points.E[kept])
        parts[replicate.left_out] = _regress(x, y[kept], points.weight[kept])
    estimates = [
        _interval(value, np.array([part[index] for part in parts.values()]))
        for index, value in enumerate(whole[:3])
    ]
    return NaturalLaw(
        gamma=estimates[0],
        log_F_c=estimates[1],
        bend=estimates[2],
        spread=whole[3],
        maximum=settings.maximum,
        fitted=(float(R.min()), float(R.max())),
        replicates=tuple(
            NaturalReplicate(float(left_out), part[0], part[1])
            for left_out, part in parts.items()
        ),
    )


def attach(fit: Fitted, law: NaturalLaw) -> Fitted:
    """Put the natural metric into a fit, whence `natural_of` takes it back.

    `derived` gains `natural_exponent` (γ), `card` the whole under `natural`, and
    `warnings` what limits it.
    """
    stored = {"metric": "fail-to-success", "form": "F = (R_max − R)/R = F_c I^(−γ)"}
    stored |= _ADAPTER.dump_python(law, mode="json")
    new = [said for said in law.warnings if said not in fit.warnings]
    return dataclasses.replace(
        fit,
        derived={**fit.derived, "natural_exponent": law.gamma},
        card={**fit.card, "natural": stored},
        warnings=(*fit.warnings, *new),
    )


def natural_of(fit: Result) -> NaturalLaw | None:
    """Take the natural metric out of a fit; `None` where it has none.

    Raises:
        Refusal: what stands there is damaged.
    """
    if (stored := fit.card.get("natural")) is None:
        return None
    try:
        return _ADAPTER.validate_python(stored)
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in ("card", "natural", *problem["loc"]))
        raise Refusal(
            f"The fit's field '{field}' cannot be used: {problem['msg']}. Make the fit "
            "again with `allometry fit`."
        ) from error


_NO_METRIC = (
    "The law has no natural metric, so that performance cannot be turned into "
    "intrinsic performance or back. If performance is a success rate, set "
    "natural_metric = \"fail-to-success\" and 'maximum', and fit again."
)


def _law(parameters: Any) -> Intrinsic:
    law = Intrinsic(**parameters)
    if not all(math.isfinite(value) for value in dataclasses.astuple(law)):
        raise Refusal(
            "The fit has no law to hold a natural metric against: its parameters are "
            "missing. Mend what the fit's warnings name, and fit again."
        )
    return law


def _regress(x: Array, y: Array, weight: Array) -> tuple[float, float, float, float]:
    """Regress y = ln F on x = ln I: γ, ln F_c, the change of γ, residual spread."""
    share = weight / weight.sum()
    centre = float(share @ x)
    z = x - centre
    slope = float(share @ (z * y)) / float(share @ z**2)
    level = float(share @ y)
    spread = math.sqrt(float(share @ (y - level - slope * z) ** 2))
    root = np.sqrt(share)[:, None]
    quadratic = np.linalg.lstsq(
        root * np.stack([np.ones_like(z), z, z**2], 1), root[:, 0] * y, rcond=None
    )[0]
    bend = -2 * float(quadratic[2]) * float(np.ptp(z))
    return -slope, level - slope * centre, bend, spread


def _interval(value: float, parts: Array) -> Estimate:
    half = half_interval(parts)
    return Estimate(value, value - half, value + half)


def half_interval(replicates: Array, noise: float = 0.0) -> float:
    """Give t √(SE² + noise²), half a 90 % interval, from jackknife values `[G]`.

    nan for fewer than two.
    """
    if len(replicates) < 2:
        return math.nan
    quantile = float(stdtrit(len(replicates) - 1, 0.95))
    return quantile * math.hypot(standard_error(replicates), noise)


_ADAPTER = pydantic.TypeAdapter(NaturalLaw)
