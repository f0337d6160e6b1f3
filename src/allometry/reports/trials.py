"""Trials: how groups of runs do trial by trial, read from the table `scores`.

Runs that differ in nothing but their seed are a group. What one trial gains over
another is a paired difference over tasks: tasks are a sample of a split's, so that a
bootstrap draws them anew, with 95 % intervals as the Adaptive Agent Team's (2023, arXiv
2301.07608). Luck of training is in none of them: it takes many seeds to see it.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from allometry.curves.table import COMPLEXITIES, RUNS, TASK_SETS
from allometry.laws.aggregate import draws
from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate

HELD_OUT = "held_out"
#: The split on which the memory is cleared at every trial.
FORGETTING = f"{HELD_OUT} forgetting"
PROBES = "probes"
_ASIDE = (FORGETTING, PROBES, "train")
_RESAMPLES, _SEED = 2000, 61

#: Names of runs by the label of their group.
Groups = Mapping[str, Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Gain:
    """Last trial − first trial over tasks: with memory, with it cleared, and between.

    `cleared` and `memory`, their paired difference, are missing without the control.
    """

    whole: Estimate
    cleared: Estimate | None = None
    memory: Estimate | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class TaskScores:
    """Scores `[n, k]` of n tasks by name and k trials, the mean over a group's runs."""

    names: tuple[str, ...]
    values: Array

    @property
    def gained(self) -> Array:
        """Give last trial − first trial by task, `[n]`."""
        return np.asarray(self.values[:, -1] - self.values[:, 0])


def adapts(scores: pl.DataFrame) -> bool:
    """Say whether any episode had more than one trial."""
    return bool((scores["k"] > 1).any() or (scores["trial"] > 0).any())


def groups_of(runs: pl.DataFrame, scores: pl.DataFrame) -> dict[str, list[str]]:
    """Group the runs that have scores by all their covariates but the seed.

    A label says the covariates that vary: names alone, numbers after their column.
    Groups stand in the order of the covariates' values.
    """
    scored = runs.filter(pl.col("run").is_in(scores["run"].unique().to_list()))
    columns = [
        name
        for name in runs.columns
        if name not in (*RUNS, *COMPLEXITIES) and scored[name].n_unique() > 1
    ]
    if not columns:
        return {"all runs": scored["run"].to_list()} if scored.height else {}
    found: dict[str, list[str]] = {}
    for row in scored.sort(*columns, "run").iter_rows(named=True):
        label = ", ".join(_told(name, row[name]) for name in columns)
        found.setdefault(label, []).append(row["run"])
    return found


def common_k(scores: pl.DataFrame) -> int:
    """Give the largest k that held-out tasks were played with, if they can be compared.

    That is where the control was played too, else where tasks have rows of their own.
    """
    held_out = scores.filter(pl.col("split") == HELD_OUT)
    alone = held_out.filter(
        ~pl.col("task").is_in([HELD_OUT + end for end in TASK_SETS])
    )
    every, single = set(held_out["k"]), set(alone["k"])
    control = set(scores.filter(pl.col("split") == FORGETTING)["k"])
    return int(max(single & control or single or every or set(scores["k"])))


def aside() -> pl.Expr:
    """Tell rows that are of no test set: of controls, probes, training, members."""
    split = pl.col("split")
    return split.is_in(_ASIDE) | split.str.ends_with(" by member")


def by_task(
    scores: pl.DataFrame, runs: Sequence[str], split: str, k: int
) -> TaskScores | None:
    """Give a group's scores of each task at the end; None if there is no row.

    Where tasks have no rows of their own their set counts as one task, which tells no
    interval.
    """
    chosen = scores.filter(
        pl.col("run").is_in(list(runs)), pl.col("split") == split, pl.col("k") == k
    )
    whole = pl.col("task").is_in([split + end for end in TASK_SETS])
    alone = chosen.filter(~whole)
    if alone.is_empty():
        alone = chosen.filter(pl.col("task") == split)
    if alone.is_empty():
        return None
    wide = (
        alone.filter(pl.col("checkpoint") == pl.col("checkpoint").max().over("run"))
        .pivot("trial", index="task", values="score", aggregate_function="mean")
        .drop_nulls()
        .sort("task")
    )
    trials = [str(trial) for trial in range(k)]
    return TaskScores(tuple(wide["task"]), wide.select(trials).to_numpy())


def over_tasks(values: Array) -> Estimate:
    """Give the mean of tasks' values `[n]`, with a 95 % interval over tasks."""
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, math.nan, math.nan)
    luck = np.random.default_rng(_SEED)
    drawn = draws({"": values}, _RESAMPLES, luck)[0].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(mean, float(low), float(high))


def gain(remembering: TaskScores, cleared: TaskScores | None) -> Gain:
    """Compare the last trial with the first, and with what is left without memory."""
    whole = over_tasks(remembering.gained)
    if cleared is None:
        return Gain(whole)
    left = dict(zip(cleared.names, cleared.gained.tolist(), strict=True))
    paired = [
        one - left[name]
        for name, one in zip(
            remembering.names, remembering.gained.tolist(), strict=True
        )
        if name in left
    ]
    memory = over_tasks(np.array(paired)) if paired else None
    return Gain(whole, over_tasks(cleared.gained), memory)


def across_k(scores: pl.DataFrame, runs: Sequence[str], statistic: str) -> pl.DataFrame:
    """Give the last trial's `statistic` over held-out tasks by `k`: `score`.

    `statistic` is "median" or "p20"; that of each run, averaged over the runs.
    """
    return (
        scores.filter(
            pl.col("run").is_in(list(runs)),
            pl.col("split") == HELD_OUT,
            pl.col("task") == f"{HELD_OUT} {statistic}",
            pl.col("trial") == pl.col("k") - 1,
        )
        .filter(pl.col("checkpoint") == pl.col("checkpoint").max().over("run"))
        .group_by("k")
        .agg(pl.col("score").mean())
        .sort("k")
    )


def over_training(
    scores: pl.DataFrame, curves: pl.DataFrame, runs: Sequence[str]
) -> pl.DataFrame:
    """Give the held-out set's score by `trial` and `interactions`, over training.

    At the last checkpoint the set is the full protocol's, which has more tasks.
    """
    rows = scores.filter(
        pl.col("run").is_in(list(runs)),
        pl.col("split") == HELD_OUT,
        pl.col("task") == HELD_OUT,
    )
    first = rows.filter(pl.col("checkpoint") == pl.col("checkpoint").min())
    steps = curves.select("run", "checkpoint", "interactions")
    return (
        rows.filter(pl.col("k").is_in(first["k"].unique().to_list()))
        .join(steps, on=["run", "checkpoint"])
        .filter(pl.col("interactions") > 0)
        .group_by("trial", "checkpoint")
        .agg(pl.col("interactions").median(), pl.col("score").mean())
        .sort("trial", "interactions")
    )


def _told(name: str, value: object) -> str:
    """Say a covariate's value: `gru`, `hidden 1`, `shared True`."""
    if isinstance(value, float):
        return f"{name} {value:g}"
    return value if isinstance(value, str) else f"{name} {value}"
