"""Rows: scores as they stand in the store's table `scores` (see `curves.table`).

Each task has a row for each trial, and so has the split: the mean over its tasks as
task "held_out" (as the split is called), and "held_out median" and its siblings
(`TASK_SETS`) beside it.
"""

import numpy as np
import polars as pl
from jaxtyping import Float

from allometry.curves.table import SCORES, TASK_SETS, schema
from allometry.laws.aggregate import STATISTICS
from allometry.studies.evaluation.scores import Scores
from allometry.studies.evaluation.summary import check_scored


def rows(run: str, checkpoint: int, scores: Scores) -> pl.DataFrame:
    """Write scores of a run's checkpoint as rows of the table `scores`.

    `score` is the mean over repetitions, and for a set the statistic over all of them;
    `spread` the standard deviation over repetitions, for a set that of the statistic
    of each repetition alone. Raises `Refusal` where no task has a score.
    """
    check_scored(scores)
    found = []
    for trial in range(scores.trials):
        values = scores.values[:, :, trial]
        told = [
            *zip(scores.names, values.mean(1), values.std(1), strict=True),
            *(
                (scores.split + end, *_over(values, how))
                for end, how in TASK_SETS.items()
            ),
        ]
        for task, score, spread in told:
            found.append(
                {
                    "run": run,
                    "checkpoint": checkpoint,
                    "split": scores.split,
                    "task": task,
                    "trial": trial,
                    "k": scores.trials,
                    "repetitions": scores.repetitions,
                    "score": float(score),
                    "spread": float(spread),
                }
            )
    return pl.DataFrame(found, schema=schema(SCORES))


def _over(values: Float[np.ndarray, "n R"], how: str) -> tuple[float, float]:
    """Give a statistic over tasks, and its deviation over repetitions."""
    statistic = STATISTICS[how]
    whole = statistic([task[None, :] for task in values])
    single = statistic([task[:, None] for task in values])
    return float(whole[0]), float(single.std())
