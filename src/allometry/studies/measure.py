"""Measure: how the performance of a run is found at a checkpoint.

Exactly, where an environment knows what a policy is worth; else by playing held-out
tasks. What is found on the device is turned into a number and rows of scores here.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
import polars as pl
from jaxtyping import Array

from allometry.agents.agent import Agent, Learner
from allometry.curves.place import Place
from allometry.curves.table import SCORES, TASK_SETS, schema
from allometry.environments.environment import Environment, Measured
from allometry.environments.xland import XLand
from allometry.refusal import Refusal
from allometry.studies.evaluation.play import Episodes, play
from allometry.studies.evaluation.references import References, file_name, kept
from allometry.studies.evaluation.rows import rows
from allometry.studies.evaluation.scores import normalised
from allometry.studies.evaluation.sets import TestSet, of_split
from allometry.studies.schema import Evaluation, Study

#: Seed of the episodes that are played at checkpoints: the same for all runs.
_SEED = 53
#: Most checkpoints where performance is measured by playing, and the most that may be
#: played for it, as a share of the interactions of training.
CHECKPOINTS, SHARE = 10, 0.1


class Reading(NamedTuple):
    """Performance at a checkpoint, and its rows of the table `scores`."""

    performance: float
    scores: pl.DataFrame


@runtime_checkable
class Measure(Protocol):
    """How performance is found. `found` is for one learner, on the device."""

    def found(self, agent: Agent, learner: Learner) -> dict[str, Array]:
        """Measure a learner; called under `jit` and `vmap`."""
        ...

    def read(
        self,
        run: str,
        checkpoint: int,
        found: Mapping[str, np.ndarray | np.generic],
        folder: Place,
    ) -> Reading:
        """Read what was found; `folder` keeps what scores are normalised by."""
        ...


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["environment"], meta_fields=[]
)
@dataclasses.dataclass(frozen=True)
class Exact:
    """The exact mean reward per step, by split."""

    environment: Measured

    def found(self, agent: Agent, learner: Learner) -> dict[str, Array]:
        """Ask the environment what the policy is worth."""
        policy = functools.partial(agent.probabilities, learner)
        return self.environment.performance(jax.vmap(policy))

    def read(
        self,
        run: str,
        checkpoint: int,
        found: Mapping[str, np.ndarray | np.generic],
        folder: Place,
    ) -> Reading:
        """Take the numbers as they are."""
        scores = [
            {
                "run": run,
                "checkpoint": checkpoint,
                "split": split,
                "task": split,
                "trial": 0,
                "k": 1,
                "repetitions": 0,
                "score": float(score),
                "spread": 0.0,
            }
            for split, score in found.items()
        ]
        table = pl.DataFrame(scores, schema=schema(SCORES))
        return Reading(float(found["train"]), table)


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["tasks"],
    meta_fields=["environment", "episodes", "split", "referenced"],
)
@dataclasses.dataclass(frozen=True)
class Played:
    """The mean score of the last trial, over held-out tasks.

    `tasks` are those of a test set of the `split`, stacked. References are measured of
    `referenced` tasks, as many as the end of a run needs.
    """

    environment: XLand
    episodes: Episodes
    split: str
    tasks: Any
    referenced: int

    def found(self, agent: Agent, learner: Learner) -> dict[str, Array]:
        """Play all tasks; every run has the same luck."""
        key = jax.random.key(_SEED)
        rewards = play(agent, self.environment, self.episodes, learner, self.tasks, key)
        return {self.split: rewards}

    def read(
        self,
        run: str,
        checkpoint: int,
        found: Mapping[str, np.ndarray | np.generic],
        folder: Place,
    ) -> Reading:
        """Put rewards on the tasks' scales; each set has a row for each trial."""
        scores = normalised(np.asarray(found[self.split]), self.references(folder))
        sets = [self.split + end for end in TASK_SETS]
        table = rows(run, checkpoint, scores).filter(pl.col("task").is_in(sets))
        return Reading(float(scores.values[:, :, -1].mean()), table)

    def references(self, folder: Place) -> References:
        """Read the references of the tasks, or measure and keep them."""
        count = jax.tree.leaves(self.tasks)[0].shape[0]
        tested = TestSet(self.environment, self.split, self.referenced)
        return kept(folder / file_name(tested), tested).first(count)


def measure(study: Study, environment: Environment) -> Measure:
    """Choose how a study's runs are measured in an environment.

    Raises `Refusal` where that cannot be done.
    """
    if isinstance(environment, Measured):
        return Exact(environment)
    if not isinstance(environment, XLand):
        name = study.environment["name"]
        raise Refusal(
            f'environment.name is "{name}", which cannot be studied: it has no '
            'measure of performance. Study one that has: "digits" or "xland".'
        )
    asked = study.evaluation or Evaluation()
    tested = of_split(environment, asked.split, asked.tasks)
    _check_share(study, asked, environment)
    dials = environment.dials
    episodes = Episodes(dials.trials, dials.steps, asked.repetitions)
    referenced = max(asked.tasks, asked.final_tasks)
    return Played(tested.environment, episodes, tested.split, tested.tasks, referenced)


def _check_share(study: Study, asked: Evaluation, environment: XLand) -> None:
    """Refuse to play for the curve more than a tenth of what is trained."""
    training, dials = study.training, environment.dials
    if training.checkpoints > CHECKPOINTS:
        raise Refusal(
            f"training.checkpoints is {training.checkpoints}: where performance is "
            f"measured by playing there are at most {CHECKPOINTS}. Lower it."
        )
    each = asked.tasks * asked.repetitions * dials.steps * dials.players
    played = training.checkpoints * each
    if played > SHARE * training.interactions:
        raise Refusal(
            f"At {training.checkpoints} checkpoints {played:,} steps would be played, "
            f"more than {SHARE:.0%} of training.interactions = "
            f"{training.interactions:,}. Lower evaluation.tasks or "
            "training.checkpoints, or train for longer."
        )
