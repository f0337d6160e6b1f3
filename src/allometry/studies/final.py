"""Final: the full protocol, through which agents go once, at the end of training."""

import dataclasses
from typing import Any

import jax
import polars as pl

from allometry.agents.agent import Agent
from allometry.curves.place import Place
from allometry.environments.environment import Environment
from allometry.environments.xland import XLand
from allometry.studies.evaluation.evaluate import evaluate
from allometry.studies.evaluation.play import Stage
from allometry.studies.evaluation.protocol import Protocol
from allometry.studies.evaluation.rows import rows
from allometry.studies.evaluation.sets import HELD_OUT
from allometry.studies.schema import Evaluation, Study

#: What the split is called on which the memory is cleared at every trial.
FORGETTING = f"{HELD_OUT} forgetting"
_SEED = 59


def protocol(asked: Evaluation) -> Protocol | None:
    """Give what a study asks for at the end, if anything.

    Raises `Refusal` for a split or a number of trials that there is not.
    """
    if not asked.final_tasks:
        return None
    return Protocol(
        tasks=asked.final_tasks,
        trials=None if asked.final_trials is None else tuple(asked.final_trials),
        repetitions=asked.final_repetitions,
        splits=tuple(asked.final_splits),
        probes=asked.final_probes,
        threshold=asked.threshold,
    )


def due(study: Study, environment: Environment) -> bool:
    """Say whether there is anything to play: not where performance is exact."""
    asked = protocol(study.evaluation or Evaluation())
    return asked is not None and isinstance(environment, XLand)


def scores(
    study: Study,
    environment: Environment,
    agent: Agent,
    learner: Any,
    place: tuple[str, int],
    folder: Place,
    stage: Stage,
) -> tuple[list[pl.DataFrame], tuple[str, ...]]:
    """Play a learner through the protocol; give its rows of the table `scores`.

    The second says, a sentence each, what could not be played.

    `place` is the run's name and the checkpoint. Held-out tasks are played a second
    time with the memory cleared at every trial: a gain that is left then is none of
    memory. There is nothing to play where performance is known exactly. `folder` keeps
    the references, `stage` what is compiled for the agents that have this one's record.
    """
    asked = protocol(study.evaluation or Evaluation())
    if asked is None or not isinstance(environment, XLand):
        return [], ()
    key = jax.random.key(_SEED)
    given = agent, learner, environment
    whole = evaluate(*given, asked, folder, key, stage=stage)
    found = list(whole.scores)
    if environment.dials.trials > 1:
        control = dataclasses.replace(asked, trials=None, splits=(HELD_OUT,))
        control = dataclasses.replace(control, probes=False)
        played = evaluate(*given, control, folder, key, forget=True, stage=stage)
        found += [dataclasses.replace(each, split=FORGETTING) for each in played.scores]
    return [rows(*place, each) for each in found], whole.not_applicable
