"""Summary: how agents do over all tasks of a split, trial by trial.

The median and the 20th percentile are what the Adaptive Agent Team (2023) reports; the
interquartile mean with an interval over repetitions is Agarwal et al.'s (2021). The
difference of the last trial and the first is what was adapted.
"""

import dataclasses
import math
from numbers import Real
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.aggregate import FEW_RUNS, aggregate, draws
from allometry.laws.estimates import Estimate
from allometry.refusal import Refusal
from allometry.studies.evaluation.scores import Scores

#: A task with a higher score counts as done.
THRESHOLD = 0.8
#: Times that a bootstrap draws, and numbers that it may draw in all.
_RESAMPLES, _DRAWN = 2000, 20_000_000
_STATISTICS = ("mean", "median", "p20", "iqm")


@dataclasses.dataclass(frozen=True)
class TrialSummary:
    """Scores of one trial over tasks.

    `mean`, `median`, `p20` (the 20th percentile) and `iqm` have 90 % intervals over
    repetitions, drawn anew within each task; with one repetition there are none, and
    their ends are not numbers. `iqm` is of all repetitions, the others are of tasks'
    means. `above` is the share of tasks whose mean is above the threshold.
    """

    mean: Estimate
    median: Estimate
    p20: Estimate
    iqm: Estimate
    above: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """Scores of a split at k trials, by trial.

    `adaptation` is the mean over tasks of the last trial's score less the first's, with
    a 95 % interval over tasks; there is none for one trial. `tasks` were scored and
    `left_out` were not; `warnings` are whole sentences.
    """

    split: str
    tasks: int
    left_out: int
    repetitions: int
    threshold: float
    trials: tuple[TrialSummary, ...]
    adaptation: Estimate | None
    warnings: tuple[str, ...]


def summary(
    scores: Scores, generator: np.random.Generator, *, threshold: float = THRESHOLD
) -> Summary:
    """Summarise scores; the generator draws for the intervals.

    Raises `Refusal` for a threshold outside (0, 1], and where no task has a score.
    """
    check_threshold(threshold)
    check_scored(scores)
    found = aggregate(
        _table(scores),
        generator,
        by="trial",
        statistics=_STATISTICS,
        resamples=min(_RESAMPLES, max(100, _DRAWN // scores.values[..., 0].size)),
    )
    means = scores.values.mean(1)
    alone = scores.repetitions == 1
    trials = tuple(
        TrialSummary(
            **{
                name: _pointlike(one) if alone else one
                for name, one in found.estimates[str(trial)].items()
            },
            above=float((means[:, trial] > threshold).mean()),
        )
        for trial in range(scores.trials)
    )
    return Summary(
        split=scores.split,
        tasks=len(scores.names),
        left_out=len(scores.left_out),
        repetitions=scores.repetitions,
        threshold=float(threshold),
        trials=trials,
        adaptation=adaptation(scores, generator) if scores.trials > 1 else None,
        warnings=_warnings(scores),
    )


def adaptation(scores: Scores, generator: np.random.Generator) -> Estimate:
    """Give the mean over tasks of last trial − first trial, 95 % interval over tasks.

    Tasks are a sample of a split's, so they are what the bootstrap draws anew.
    """
    means = scores.values.mean(1)
    gained = means[:, -1] - means[:, 0]
    drawn = draws({"": gained}, _RESAMPLES, generator)[0].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(float(gained.mean()), float(low), float(high))


def check_threshold(threshold: Any) -> None:
    """Raise `Refusal` for a threshold outside (0, 1]."""
    known = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if not known or not 0 < threshold <= 1:
        raise Refusal(
            f"The threshold is {threshold!r}: give a score above 0, and at most 1."
        )


def check_scored(scores: Scores) -> None:
    """Raise `Refusal` where no task has a score."""
    if not scores.names:
        raise Refusal(
            f"None of the {len(scores.left_out)} tasks of {scores.split} has a score: "
            "the best that is known of them is hardly above random. Raise references "
            "by a better player, or lower the margin."
        )


def _table(scores: Scores) -> pl.DataFrame:
    """Write a row for each score: its trial, task and value."""
    tasks, repetitions, trials = scores.values.shape
    shape = tasks, repetitions, trials
    task, _, trial = (axis.ravel() for axis in np.indices(shape))
    return pl.DataFrame(
        {"trial": trial, "task": task, "performance": scores.values.ravel()}
    )


def _pointlike(one: Estimate) -> Estimate:
    return Estimate(one.value, math.nan, math.nan, one.unit)


def _warnings(scores: Scores) -> tuple[str, ...]:
    said = []
    if scores.left_out:
        count = len(scores.left_out) + len(scores.names)
        said.append(
            f"{len(scores.left_out)} of {count} tasks are left out: the best that is "
            "known of them is hardly above random."
        )
    if scores.repetitions == 1:
        said.append(
            "Each task was played once, which tells no interval over repetitions."
        )
    elif scores.repetitions < FEW_RUNS:
        said.append(
            f"Each task was played {scores.repetitions} times: with fewer than "
            f"{FEW_RUNS}, intervals over repetitions are too narrow."
        )
    return tuple(said)
