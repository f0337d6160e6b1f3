"""The horizon law: interactions needed to reach a performance, against the horizon.

    E_needed(h) = E₀ (1 + h/h₀)

a part inherent to the task, E₀, and a part proportional to the horizon h, which
equals it at h = h₀ (Hilton, Tang and Schulman 2023, arXiv 2301.13442). One
observation per run, its crossing of the level; least squares on log residuals, since
luck multiplies; profile intervals over runs. Whether the law is affine is asked of
the wider form E₀ (1 + (h/h₀)^k): it is when the interval of k holds 1.
"""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np
import polars as pl

from allometry.laws import affine
from allometry.laws.arrays import Array, Numbers
from allometry.laws.crossing import crossings, usable
from allometry.laws.estimates import Estimate
from allometry.refusal import Refusal

#: An interval of E₀ or h₀ wider than this factor identifies nothing.
WIDEST = 10.0


@dataclasses.dataclass(frozen=True)
class Observation:
    """One run: where it crossed the level, or its fate (`censored`, `early`)."""

    horizon: float
    seed: int
    crossing: float | None
    fate: str
    status: str


@dataclasses.dataclass(frozen=True)
class HorizonFit:
    """The horizon law of one size at one performance level.

    `E_0` is in agent steps, `h_0` in the horizon's unit, `exponent` is k of the wider
    form and `affine` says whether its interval holds 1. `spread` is the standard
    deviation of the log residuals. `used` are the horizons that entered the fit.
    `without_nonfinite` is the same fit without runs that diverged, if any did.
    Numbers of a fit that is not identified may be NaN or sit at a bound.
    """

    level: float
    size: int
    E_0: Estimate
    h_0: Estimate
    exponent: Estimate
    affine: bool
    identified: bool
    warnings: tuple[str, ...]
    spread: float
    used: tuple[float, ...]
    observations: tuple[Observation, ...]
    without_nonfinite: "HorizonFit | None" = None

    def count(self, fate: str) -> int:
        """Count the runs with this fate: `crossed`, `censored` or `early`."""
        return sum(item.fate == fate for item in self.observations)

    def needed(self, horizon: Numbers) -> Array:
        """Give E₀ (1 + h/h₀), agent steps to reach the level."""
        h = np.asarray(horizon, dtype=np.float64)
        return np.asarray(self.E_0.value * (1 + h / self.h_0.value))


def horizon_law(
    table: pl.DataFrame, level: float, size: int, *, chance: float = 0.1
) -> HorizonFit:
    """Fit the horizon law of one size at one performance level.

    `table` has one row per run and checkpoint: `run, parameters, seed, horizon,
    interactions, performance, status`. Performance that is missing after a run went
    non-finite counts as `chance`. Horizons at which half of the runs or more show no
    crossing are left out, since those that do are no fair sample. Runs that have not
    ended (`status` neither done nor nonfinite) are left out.

    Not identified if fewer than 3 horizons or 4 runs remain, or an interval of E₀ or
    h₀ spans more than a factor `WIDEST` (as it does when h₀ reaches a bound).

    Raises:
        Refusal: the table cannot be used (see `crossing.usable`), or it holds no run
            of that size.
    """
    ended = usable(table)
    runs = crossings(ended, level, size, chance)
    if runs.is_empty():
        sizes = ", ".join(str(item) for item in ended["parameters"].unique().sort())
        raise Refusal(f"There is no run of size {size}. The sizes here are: {sizes}.")
    whole = _fit(runs, level, size)
    finite = runs.filter(pl.col("status") != "nonfinite")
    if len(finite) == len(runs):
        return whole
    return dataclasses.replace(whole, without_nonfinite=_fit(finite, level, size))


def horizon_fits(
    table: pl.DataFrame, levels: Iterable[float], *, chance: float = 0.1
) -> tuple[HorizonFit, ...]:
    """Fit the horizon law of every size at every level, sizes first.

    Raises:
        Refusal: as `horizon_law`.
    """
    sizes = usable(table)["parameters"].unique().sort().to_list()
    levels = tuple(levels)
    return tuple(
        horizon_law(table, level, int(size), chance=chance)
        for size in sizes
        for level in levels
    )


def horizon_table(
    table: pl.DataFrame, levels: Iterable[float], *, chance: float = 0.1
) -> pl.DataFrame:
    """Tabulate the horizon laws by size and level, with 90 % intervals.

    Raises:
        Refusal: as `horizon_law`.
    """
    return pl.DataFrame(
        [_row(fit) for fit in horizon_fits(table, levels, chance=chance)]
    )


def _row(fit: HorizonFit) -> dict[str, object]:
    row: dict[str, object] = {"parameters": fit.size, "level": fit.level}
    for name in ("E_0", "h_0", "exponent"):
        estimate: Estimate = getattr(fit, name)
        row |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
        }
    fates = {fate: fit.count(fate) for fate in ("crossed", "censored", "early")}
    diverged = sum(item.status == "nonfinite" for item in fit.observations)
    return row | {
        "affine": fit.affine,
        "identified": fit.identified,
        **fates,
        "nonfinite": diverged,
        "warnings": " ".join(fit.warnings),
    }


def _fit(runs: pl.DataFrame, level: float, size: int) -> HorizonFit:
    observations = tuple(Observation(**row) for row in runs.iter_rows(named=True))
    used, warnings = _select(observations)
    kept = [o for o in observations if o.fate == "crossed" and o.horizon in used]
    nothing = Estimate(math.nan, math.nan, math.nan)
    fit = HorizonFit(
        level=level,
        size=size,
        E_0=dataclasses.replace(nothing, unit="agent steps"),
        h_0=dataclasses.replace(nothing, unit="horizon"),
        exponent=nothing,
        affine=False,
        identified=False,
        warnings=warnings,
        spread=math.nan,
        used=used,
        observations=observations,
    )
    if len(used) < 3 or len(kept) < 4:
        reason = (
            f"Only {len(kept)} runs at {len(used)} horizons show a crossing of "
            f"{level:g}, and the horizon law needs 4 runs at 3. Train longer, or ask "
            "for a lower level."
        )
        return dataclasses.replace(fit, warnings=(*warnings, reason))
    return _estimated(fit, kept)


def _select(
    observations: tuple[Observation, ...],
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Choose the horizons at which most runs show a crossing; say what is left out."""
    used, warnings = [], []
    for h in sorted({item.horizon for item in observations}):
        fates = [item.fate for item in observations if item.horizon == h]
        crossed, censored = fates.count("crossed"), fates.count("censored")
        if censored:
            warnings.append(
                f"At horizon {h:g}, {censored} of {len(fates)} runs never reached the "
                "level: train longer there. Those that did are the lucky ones, so that "
                "what they need reads too low."
            )
        if early := fates.count("early"):
            warnings.append(
                f"At horizon {h:g}, {early} of {len(fates)} runs were at the level by "
                "their first checkpoint, and where they crossed it is not known: "
                "evaluate earlier, or ask for a higher level."
            )
        if 2 * crossed > len(fates):
            used.append(h)
        else:
            warnings.append(f"Horizon {h:g} is left out: too few crossings are seen.")
    return tuple(used), tuple(warnings)


def _estimated(fit: HorizonFit, kept: list[Observation]) -> HorizonFit:
    """Estimate E₀, h₀ and k with their intervals, and judge them."""
    found = affine.estimate(
        [item.horizon for item in kept],
        [item.crossing for item in kept if item.crossing is not None],
    )
    fit = dataclasses.replace(
        fit,
        E_0=found.E_0,
        h_0=found.h_0,
        exponent=found.exponent,
        affine=found.exponent.low <= 1 <= found.exponent.high,
        spread=found.spread,
    )
    reasons = _doubts(fit)
    return dataclasses.replace(
        fit, identified=not reasons, warnings=(*fit.warnings, *reasons)
    )


def _doubts(fit: HorizonFit) -> tuple[str, ...]:
    """Say why E₀ and h₀ are not identified, and which runs would mend it."""
    doubts = []
    for name, estimate in (("E₀", fit.E_0), ("h₀", fit.h_0)):
        if estimate.high / estimate.low > WIDEST:
            doubts.append(
                f"The interval of {name}, {estimate.low:.3g} to {estimate.high:.3g}, "
                f"spans more than a factor {WIDEST:g}. " + _remedy(fit)
            )
    return tuple(doubts)


def _remedy(fit: HorizonFit) -> str:
    """Name the runs that would show both parts of the law."""
    shortest, longest = min(fit.used), max(fit.used)
    if fit.h_0.value > longest:
        return f"Run horizons longer than {longest:g}, and more seeds."
    if fit.h_0.value < shortest:
        return f"Run horizons shorter than {shortest:g}, and more seeds."
    return "Run more seeds, or more horizons around h₀."
