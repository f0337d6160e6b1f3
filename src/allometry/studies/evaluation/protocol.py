"""Protocol: what an evaluation is made of; a light one, and the full one."""

import dataclasses

from allometry.environments.xland.complexity import WHOLE
from allometry.environments.xland.tasks.shift import SPLITS
from allometry.refusal import Refusal
from allometry.studies.evaluation.play import check_count
from allometry.studies.evaluation.sets import ALIKE, HELD_OUT, TASKS
from allometry.studies.evaluation.summary import THRESHOLD, check_threshold


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What is tested: splits, tasks of each, numbers of trials, repetitions.

    Raises `Refusal` for an unknown split, for less than one task, trial or repetition,
    for more trials than an episode may have, and for a threshold outside (0, 1].
    """

    tasks: int = TASKS
    """Tasks of each split."""
    trials: tuple[int, ...] | None = None
    """Numbers of trials k of an episode, each tested apart; `None` is training's."""
    repetitions: int = 1
    """Episodes of each task at each k."""
    splits: tuple[str, ...] = (HELD_OUT,)
    """Held-out tasks like training's, those of which only the world is unseen, and
    splits outside of training."""
    probes: bool = False
    """Whether probes are played too."""
    threshold: float = THRESHOLD
    """The score above which a task counts as done."""

    def __post_init__(self) -> None:
        check_count("tasks", self.tasks)
        check_count("repetitions", self.repetitions)
        check_threshold(self.threshold)
        _, most = WHOLE["trials"]
        for k in self.trials or ():
            check_count("k", k)
            if k > most:
                raise Refusal(f"k is {k}: an episode has at most {most} trials.")
        known = (*ALIKE, *SPLITS)
        for split in self.splits:
            if split not in known:
                raise Refusal(
                    f"There is no split {split!r} to test on; choose from: "
                    f"{', '.join(known)}."
                )
        if self.trials == () or not (self.splits or self.probes):
            raise Refusal("Nothing is tested: give a split, or probes, and a k.")


#: For every checkpoint of a run.
LIGHT = Protocol(tasks=128)
#: For a run's end, as the Adaptive Agent Team tests: 1,000 tasks, 50 repetitions.
FULL = Protocol(
    trials=(1, 2, 3, 5, 8, 13),
    repetitions=50,
    splits=(HELD_OUT, *SPLITS),
    probes=True,
)
