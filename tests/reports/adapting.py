"""A small study whose agents adapt, written into a store by hand."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import polars as pl

from allometry.curves.store import Store, create
from allometry.curves.table import CURVES, SCORES

MEMORIES, HIDDEN, SEEDS = ("gru", "transformer-xl"), (0.0, 1.0), (0, 1)
#: Trials of training; those of the full protocol; interactions at checkpoints.
TRAINED, KS = 5, (1, 5, 8)
INTERACTIONS = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
PROBES = ("dont_peek", "find_the_cube", "two_doors", "hold_up_high")
SPLITS = ("more_objects", "unseen_colour")
TASKS = 30


@dataclasses.dataclass(frozen=True)
class Adapting:
    """The store, and scores by task `[TASKS, k]` of each (run, split, k)."""

    store: Store
    values: dict[tuple[str, str, int], np.ndarray]


def name(memory: str, hidden: float, seed: int) -> str:
    return f"memory-{memory}-hidden-{hidden}-seed-{seed}"


def rise(memory: str, hidden: float) -> float:
    """Gain from the first trial to the fifth: most for what has something to find."""
    return (0.3 if memory == "gru" else 0.18) * hidden + 0.02


def write(path: Path, *, form: str = "none", whole: bool = True) -> Adapting:
    """Write the store; without `whole` it has the rows of checkpoints alone."""
    luck = np.random.default_rng(7)
    study = {
        "title": "Learning a hidden rule within an episode",
        "description": "Five trials of one task, whose rule is hidden or shown.",
        "law": {"form": form},
        "command": "allometry run adaptation",
    }
    store = create(path, study, plan())
    values: dict[tuple[str, str, int], np.ndarray] = {}
    for bundle in store.bundles:
        scores, curves = [], []
        for memory, hidden, seed in itertools.product(MEMORIES, HIDDEN, SEEDS):
            if bundle != f"{memory}-{hidden:g}":
                continue
            run, gain = name(memory, hidden, seed), rise(memory, hidden)
            for checkpoint, steps in enumerate(INTERACTIONS):
                share = checkpoint / (len(INTERACTIONS) - 1)
                means = 0.05 + 0.45 * share + gain * share * np.linspace(0, 1, TRAINED)
                means += luck.normal(0, 0.01, TRAINED)
                if not whole or checkpoint < len(INTERACTIONS) - 1:
                    scores += of_set(run, checkpoint, "held_out", "held_out", means)
                curves.append(curve(run, checkpoint, steps, means[-1]))
            if whole:
                scores += protocol(run, gain, luck, values)
        claim = store.claim(bundle, {})
        claim.commit(
            curves=pl.DataFrame(curves, schema=list(CURVES)),
            scores=pl.DataFrame(scores, schema=list(SCORES), orient="row"),
            checkpoint=None,
            metadata={},
            status=dict.fromkeys(claim.manifest.status, "done"),
            fingerprint="f00d",
            finished=True,
        )
    return Adapting(store, values)


def plan() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "run": name(memory, hidden, seed),
                "study": "adaptation",
                "bundle": f"{memory}-{hidden:g}",
                "seed": seed,
                "parameters": 40_000 if memory == "gru" else 60_000,
                "parameters_by_part": "{}",
                "memory": memory,
                "hidden": hidden,
            }
            for memory, hidden, seed in itertools.product(MEMORIES, HIDDEN, SEEDS)
        ]
    )


def curve(run: str, checkpoint: int, steps: int, performance: float) -> dict:
    flops = float(steps) * 1e5
    return {
        "run": run,
        "checkpoint": checkpoint,
        "interactions": steps,
        "environment_frames": steps,
        "updates": steps // 100,
        "compute": flops,
        "compute_environment": 0.0,
        "compute_act": flops / 4,
        "compute_learn": flops * 3 / 4,
        "seconds": 1.0,
        "performance": float(performance),
    }


def protocol(
    run: str, gain: float, luck: np.random.Generator, values: dict
) -> list[tuple]:
    """Rows of the end: tasks and sets of each split and k."""
    last, rows = len(INTERACTIONS) - 1, []
    ease = luck.normal(0, 0.18, TASKS)
    asked = [("held_out", k, 1.0, 0.0) for k in KS]
    asked += [("held_out forgetting", TRAINED, 0.05, 0.0)]
    asked += [(split, k, 0.6, -0.15) for split in SPLITS for k in KS]
    asked += [("probes", TRAINED, 0.8, -0.05)]
    for split, k, share, lower in asked:
        tasks = PROBES if split == "probes" else [f"{t}-7" for t in range(TASKS)]
        trial = np.minimum(np.arange(k) / (TRAINED - 1), 1.2)
        found = 0.5 + lower + ease[: len(tasks), None] + share * gain * trial
        found = found + luck.normal(0, 0.05, (len(tasks), k))
        values[run, split, k] = found
        for task, scores in zip(tasks, found, strict=True):
            rows += of_set(run, last, split, task, scores)
        for end, statistic in (
            ("", np.mean),
            (" median", np.median),
            (" p20", lambda x, axis: np.quantile(x, 0.2, axis=axis)),
        ):
            rows += of_set(run, last, split, split + end, statistic(found, axis=0))
    return rows


def of_set(
    run: str, checkpoint: int, split: str, task: str, scores: np.ndarray
) -> list[tuple]:
    """A row for each trial."""
    k = len(scores)
    return [
        (run, checkpoint, split, task, trial, k, 1, float(score), 0.0)
        for trial, score in enumerate(scores)
    ]
