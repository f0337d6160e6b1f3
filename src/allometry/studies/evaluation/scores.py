"""Scores: rewards of trials on the scale between random and best known.

score = (reward − random) / (best − random), by task. Where the best is hardly above
random a score would be noise: such tasks are left out, and counted.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from allometry.refusal import Refusal
from allometry.studies.evaluation.references import Reference, References

#: By how much the best reward per step must be above random's.
MARGIN = 0.1


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores of one split at k trials an episode: `values` `[n, R, k]` by task.

    `left_out` names the tasks that have no score.
    """

    split: str
    names: tuple[str, ...]
    values: Float[np.ndarray, "n R k"]
    left_out: tuple[str, ...] = ()

    @property
    def repetitions(self) -> int:
        """Number of episodes of each task."""
        return self.values.shape[1]

    @property
    def trials(self) -> int:
        """Number of trials of an episode, k."""
        return self.values.shape[2]


def normalised(
    rewards: Float[np.ndarray, "n R k P"] | Float[Array, "n R k P"],
    references: References,
    *,
    margin: float = MARGIN,
) -> Scores:
    """Put rewards per agent step, as `play` gives them, on their tasks' scales.

    A task's score is of the mean over its players. Raises `Refusal` for rewards of
    another number of tasks, for a margin that is not above 0, and for a trial that was
    not played.
    """
    if len(rewards) != len(references.tasks):
        raise Refusal(
            f"There are rewards of {len(rewards)} tasks, and references of "
            f"{len(references.tasks)}: play the tasks that the references are of."
        )
    if not margin > 0:
        raise Refusal(f"margin is {margin!r}: give a number above 0.")
    means = np.asarray(rewards, np.float64).mean(-1)
    if not np.isfinite(means).all():
        raise Refusal(
            "Some trials have no reward: the episode ended before them. Give the "
            "number of trials that there are."
        )
    clear = np.array([_clear(task, margin) for task in references.tasks], bool)
    low = np.array([task.random for task in references.tasks])
    high = np.array([task.best for task in references.tasks])
    kept = (means[clear].T - low[clear]) / (high - low)[clear]
    return Scores(
        split=references.split,
        names=tuple(task.task for task in references.tasks if _clear(task, margin)),
        values=kept.T,
        left_out=tuple(
            task.task for task in references.tasks if not _clear(task, margin)
        ),
    )


def joined(parts: Sequence[Scores]) -> Scores:
    """Put scores of one split together, such as those of several sets of probes."""
    return Scores(
        split=parts[0].split,
        names=tuple(name for part in parts for name in part.names),
        values=np.concatenate([part.values for part in parts]),
        left_out=tuple(name for part in parts for name in part.left_out),
    )


def _clear(task: Reference, margin: float) -> bool:
    return task.best - task.random > margin
