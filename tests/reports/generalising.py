"""A small study of generalisation against the arena, written into a store by hand."""

import itertools
import math
from pathlib import Path

import numpy as np
import polars as pl

from allometry.curves import owner
from allometry.curves.store import Store, create
from allometry.curves.table import CURVES, SCORES, TASK_SETS, schema

ARENAS, SIZES, SEEDS = (4, 5, 7, 10, 14), (500, 1000, 2000, 4000), (0, 1, 2)
#: Compute of the best size, 1,000 parameters, in an arena of one cell; its growth with
#: the logarithm of the number of states, which here is twice that of the side.
CONSTANT, EXPONENT = 1e9, 0.5
CHECKPOINTS = 10
#: Splits outside of training that are played at the end, and by what scores fall there.
SPLITS = {"unseen_colour": 0.9, "larger_arena": 0.6}
#: Which Allometry trained it.
CODE = {
    "version": "0.1.0",
    "commit": "051cdf197c57baf631c351d408c923c06fc78323",
    "dirty": False,
}


def name(arena: int, size: int, seed: int) -> str:
    return f"size-{size}-arena-{arena}-seed-{seed}"


def write(path: Path, **law: object) -> Store:
    """Write the store; `law` are keys of the section beside the usual ones."""
    study = {
        "title": "What a larger arena costs",
        "description": "Reaching for objects in arenas of five sizes.",
        "environment": {"name": "xland", "preset": "reach"},
        "grid": {"environment": {"arena": list(ARENAS)}},
        "law": {
            "form": "none",
            "by": "arena",
            "levels": [0.35, 0.5],
            "complexities": ["log_states", "log_log_policies"],
            "chance": 0.0,
        }
        | law,
        "command": "allometry run generalisation-state",
    }
    luck = np.random.default_rng(3)
    runs = list(itertools.product(ARENAS, SIZES, SEEDS))
    plan = pl.DataFrame(
        [
            {
                "run": name(*run),
                "study": "generalisation-state",
                "bundle": f"arena-{run[0]}",
                "seed": run[2],
                "parameters": run[1],
                "parameters_by_part": "{}",
                "log_states": 2 * math.log(run[0]),
                "log_log_policies": 2 * math.log(run[0]) + 5.0,
                "arena": run[0],
            }
            for run in runs
        ]
    )
    store = create(path, study, plan)
    for arena in ARENAS:
        own = [run for run in runs if run[0] == arena]
        made = [_run(*run, luck) for run in own]
        store.claim(f"arena-{arena}", owner.this_process()).commit(
            checkpoint=None,
            metadata={
                "history": {
                    "attempts": [owner.this_process() | {"code_version": CODE}]
                },
                "code_version": CODE,
                "planned": 7,
            },
            curves=pl.concat([curves for curves, _ in made]),
            scores=pl.concat([scores for _, scores in made]),
            status={name(*run): "done" for run in own},
            fingerprint="f",
            finished=True,
        )
    return store


def _run(
    arena: int, size: int, seed: int, luck: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give a run's curve, which crosses .5 where the law has it, and its scores."""
    needed = CONSTANT * arena ** (2 * EXPONENT) * (1 + math.log(size / 1000) ** 2)
    needed *= math.exp(luck.normal(0, 0.05))
    interactions = np.geomspace(1e4, 1e7, CHECKPOINTS).round()
    compute = 6.0 * size * interactions
    means = 1 / (1 + (needed / compute) ** 2)
    parts = ("compute_environment", "compute_act", "compute_learn")
    curves = pl.DataFrame(
        {
            "run": name(arena, size, seed),
            "checkpoint": range(CHECKPOINTS),
            "interactions": interactions,
            "environment_frames": interactions,
            "updates": range(CHECKPOINTS),
            "compute": compute,
            **dict.fromkeys(parts, 0.0),
            "seconds": 1.0,
            "performance": means,
        }
    )
    held_out = [(at, "held_out", float(mean)) for at, mean in enumerate(means)]
    outside = [
        (CHECKPOINTS - 1, split, float(means[-1]) * share)
        for split, share in SPLITS.items()
    ]
    scores = pl.DataFrame(
        [
            {
                "run": name(arena, size, seed),
                "checkpoint": checkpoint,
                "split": split,
                "task": f"{split}{end}",
                "trial": 0,
                "k": 1,
                "repetitions": 1,
                "score": mean * (0.7 if end == " p20" else 1.0),
                "spread": 0.0,
            }
            for checkpoint, split, mean in (*held_out, *outside)
            for end in TASK_SETS
        ]
    )
    return (
        curves.select(list(CURVES)).cast(dict(schema(CURVES))),  # type: ignore[arg-type]
        scores.cast(dict(schema(SCORES))),  # type: ignore[arg-type]
    )
