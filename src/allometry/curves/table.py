"""The tables of a study: their columns, types and units.

A learning curve is a tidy table. `runs` has one row per run, `curves` one per
(run, checkpoint), `scores` one per (run, checkpoint, split, task, trial). `lineage`
has rows where runs are populations, one per (run, interactions, member).
Covariates of a study (width, horizon, …) stand in `runs` as columns of their own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl


class Column(NamedTuple):
    """A column's type, unit and meaning."""

    dtype: pl.DataType
    unit: str
    meaning: str


RUNS: dict[str, Column] = {
    "run": Column(pl.String(), "", "name, unique in the study"),
    "study": Column(pl.String(), "", "name of the study"),
    "bundle": Column(pl.String(), "", "the program that this run shares with others"),
    "seed": Column(pl.Int64(), "", "seed of the run"),
    "parameters": Column(pl.Int64(), "1", "N: parameters of the policy"),
    "parameters_by_part": Column(
        pl.String(), "1", "all parameter counts: a JSON object, network.part to count"
    ),
    "status": Column(
        pl.String(),
        "",
        "queued, running, preempted (told to stop), done, nonfinite (diverged), failed",
    ),
    "fingerprint": Column(
        pl.String(), "", "hash of all that decides the numbers, of the last attempt"
    ),
    "attempts": Column(pl.Int64(), "1", "times that the bundle was claimed"),
    "seconds_environment": Column(
        pl.Float64(), "s", "spent in the environment; null if not measured"
    ),
    "seconds_act": Column(pl.Float64(), "s", "spent in acting; null if not measured"),
    "seconds_learn": Column(
        pl.Float64(), "s", "spent in learning; null if not measured"
    ),
    "seconds_other": Column(
        pl.Float64(), "s", "compiling and measuring; with the three before all seconds"
    ),
}

CURVES: dict[str, Column] = {
    "run": Column(pl.String(), "", "name of the run"),
    "checkpoint": Column(pl.Int64(), "", "index of the checkpoint, from 0"),
    "interactions": Column(pl.Int64(), "agent steps", "E: agent steps so far"),
    "environment_frames": Column(
        pl.Int64(), "frames", "simulated frames so far, with repeats"
    ),
    "updates": Column(pl.Int64(), "gradient steps", "optimiser steps so far"),
    "compute": Column(
        pl.Float64(), "FLOPs", "C: training compute, acting and learning"
    ),
    "compute_environment": Column(pl.Float64(), "FLOPs", "spent in the environment"),
    "compute_act": Column(pl.Float64(), "FLOPs", "spent in acting"),
    "compute_learn": Column(pl.Float64(), "FLOPs", "spent in learning"),
    "seconds": Column(pl.Float64(), "s", "training time so far, all attempts"),
    "performance": Column(
        pl.Float64(), "", "return in the study's own measure; null once non-finite"
    ),
}

SCORES: dict[str, Column] = {
    "run": Column(pl.String(), "", "name of the run"),
    "checkpoint": Column(pl.Int64(), "", "index of the checkpoint, from 0"),
    "split": Column(pl.String(), "", "train, held_out, …"),
    "task": Column(pl.String(), "", "task or task set"),
    "trial": Column(pl.Int64(), "", "trial within the episode, from 0"),
    "k": Column(pl.Int64(), "", "trials per episode"),
    "repetitions": Column(pl.Int64(), "1", "episodes behind the score; 0 when exact"),
    "score": Column(pl.Float64(), "", "mean score"),
    "spread": Column(pl.Float64(), "", "standard deviation over repetitions"),
}

#: Columns that runs have beside where their environment knows how complex it is:
#: natural logarithms of the numbers of states, games and actions, and of the logarithm
#: of that of deterministic policies.
COMPLEXITIES = ("log_states", "log_games", "log_actions", "log_log_policies")

#: What follows a split in the names of its task sets, and the statistic over tasks.
TASK_SETS = {
    "": "mean",
    " median": "median",
    " p20": "p20",
    " iqm": "iqm",
    " lowest decile": "lowest_decile",
}

LINEAGE: dict[str, Column] = {
    "run": Column(pl.String(), "", "name of the run, a population"),
    "interactions": Column(
        pl.Int64(), "agent steps", "of all its members, before members were copied"
    ),
    "member": Column(pl.Int64(), "", "number of the member, from 0"),
    "parent": Column(
        pl.Int64(), "", "member copied from; its own number if it went on as it was"
    ),
    "fitness": Column(
        pl.Float64(), "", "mean reward per step that was compared; null if diverged"
    ),
    "settings": Column(
        pl.String(), "", "what it goes on with: a JSON object, hyper-parameter to value"
    ),
}

#: A run's seconds by part: those of its bundle, whose runs train side by side.
SECONDS = tuple(name for name in RUNS if name.startswith("seconds_"))
#: Columns that depend on the machine and the hour; all others are deterministic.
NONDETERMINISTIC = frozenset({"seconds", "attempts", *SECONDS})


def schema(columns: dict[str, Column]) -> Mapping[str, Any]:
    """Give the Polars schema of a table: column names to types."""
    return pl.Schema({name: column.dtype for name, column in columns.items()})
