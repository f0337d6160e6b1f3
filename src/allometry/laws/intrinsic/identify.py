"""Identify: whether the data can tell the law, and which runs would if they cannot.

Five rules, each of which refuses, and a milder limit for two of them that only warns.
A sixth refuses curves that fall and were not cleaned: they may pass the other five and
mislead. How often the rules refuse, and what they let pass, is measured by
`benchmarks/coverage.py` (`docs/coverage.md`).
"""

import dataclasses
import math

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.estimates import Replicate
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.estimate import (
    BOUNDS,
    Minimum,
    Objective,
    Search,
    minimise,
)
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.jackknife import standard_error

PROFILE_STEP = 0.1
PROFILE_LIMIT, PROFILE_WARNING = 1.10, 1.20
SIDE_LIMIT, SIDE_WARNING = 0.10, 0.20
ERROR_LIMIT = 0.10
AGREEMENT_LIMIT = 0.9
_RESOLUTION = 1e-9


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Reasons against the law (none when it is identified), and milder warnings.

    `profile` is the objective at the size exponent − .1 and + .1 relative to its
    minimum, `sides` the shares of points with a size below and above the best for
    their compute, `error` the jackknife's standard error of the size exponent.
    """

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    profile: tuple[float, float]
    sides: tuple[float, float]
    error: float


def judge(
    points: Points,
    objective: Objective,
    found: Search,
    replicates: tuple[Replicate, ...],
) -> Verdict:
    """Apply the rules to a fit."""
    profile = _profile(objective, found.best)
    sides = objective.frontier_sides(found.best.theta)
    exponents = size_exponents(replicates)
    error = standard_error(exponents)
    reasons: list[str] = []
    warnings: list[str] = []
    beside = dict(zip(("lower", "higher"), profile, strict=True))
    reasons += _flat({s: r for s, r in beside.items() if r < PROFILE_LIMIT})
    warnings += _flat(
        {s: r for s, r in beside.items() if PROFILE_LIMIT <= r < PROFILE_WARNING}
    )
    for sentence, share in zip(_one_sided(sides), sides, strict=True):
        if share < SIDE_LIMIT:
            reasons.append(sentence)
        elif share < SIDE_WARNING:
            warnings.append(sentence)
    if not error <= ERROR_LIMIT:
        reasons.append(_uncertain(error, exponents, replicates))
    if found.agreement < AGREEMENT_LIMIT:
        reasons.append(_disagreeing(found))
    if found.best.at_bound:
        reasons.append(_at_bound(found.best))
    reasons += _falling(points)
    return Verdict(tuple(reasons), tuple(warnings), profile, sides, error)


def size_exponents(replicates: tuple[Replicate, ...]) -> Array:
    """Give the size exponent α_E/(α_N + α_E) of each replicate."""
    return np.array([Intrinsic(**r.parameters).size_exponent for r in replicates])


def _profile(objective: Objective, best: Minimum) -> tuple[float, float]:
    """Minimise over sharpness and balance at the size exponent − .1 and + .1."""
    ratios = []
    for step in (-PROFILE_STEP, PROFILE_STEP):
        minimum = best
        for part in (0.5, 1.0):
            exponent = best.size_exponent + part * step
            logit = BOUNDS[0][0] if step < 0 else BOUNDS[0][1]
            if 0 < exponent < 1:
                logit = float(np.clip(math.log(exponent / (1 - exponent)), *BOUNDS[0]))
            start = np.array([logit, *minimum.theta[1:]])
            minimum = minimise(objective, start, ((logit, logit), *BOUNDS[1:]))
        ratios.append((minimum.value + _RESOLUTION) / (best.value + _RESOLUTION))
    return ratios[0], ratios[1]


def _flat(ratios: dict[str, float]) -> list[str]:
    """Say on which sides the objective is flat, given its ratio to the minimum."""
    if not ratios:
        return []
    times = " and ".join(f"{ratio:.2f}" for ratio in ratios.values())
    return [
        f"The data hardly prefer this size exponent to one that is {PROFILE_STEP} "
        f"{' or '.join(ratios)}: the objective there is {times} times its minimum "
        f"(identified from {PROFILE_LIMIT:.2f}, safe from {PROFILE_WARNING:.2f}). More "
        "sizes over a wider range, longer training or more seeds would tell them apart."
    ]


def _one_sided(sides: tuple[float, float]) -> list[str]:
    needed = f"(identified from {SIDE_LIMIT:.0%}, safe from {SIDE_WARNING:.0%})"
    below, above = sides
    return [
        f"Only {below:.0%} of the points have a model smaller than the best for their "
        f"compute {needed}: add smaller sizes, or train the small ones for longer.",
        f"Only {above:.0%} of the points have a model larger than the best for their "
        f"compute {needed}: add larger sizes.",
    ]


def _uncertain(
    error: float, exponents: Array, replicates: tuple[Replicate, ...]
) -> str:
    furthest = int(np.argmax(np.abs(exponents - np.mean(exponents))))
    return (
        f"The size exponent has a standard error of {error:.2f} over sizes (limit "
        f"{ERROR_LIMIT:.2f}); leaving out N = {replicates[furthest].left_out:g} moves "
        "it furthest. Add sizes between and beyond those there are, and check that "
        "the learning rate suits each."
    )


def _disagreeing(found: Search) -> str:
    agreeing = round(found.agreement * len(found.values))
    return (
        f"Only {agreeing} of {len(found.values)} starts of the search reached the "
        "best fit: the objective has several valleys. More sizes, or longer training "
        "of those there are, would leave one."
    )


def _at_bound(best: Minimum) -> str:
    return (
        f"The search ended at a bound of the {' and the '.join(best.at_bound)}: the "
        "points follow only one of the law's two terms. Add sizes on the other side: "
        "smaller ones trained for longer, or larger ones."
    )


def _falling(points: Points) -> list[str]:
    drops, collapsed = points.counts["raw_drops"], points.counts["collapsed_runs"]
    if points.counts["cleaned"] or not (drops or collapsed):
        return []
    return [
        f"{collapsed} runs collapsed and mean curves fell at {len(drops)} places, and "
        "they were not cleaned: performance is then no increasing function of "
        "training. Fit with monotone = true, and retune the learning rate of the sizes "
        "that fall."
    ]
