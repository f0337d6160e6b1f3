"""Evaluate: play a learner through a protocol, and score it split by split."""

import dataclasses
import zlib
from typing import Any

import jax
from jaxtyping import Array, Key

from allometry.curves.place import Place
from allometry.environments.xland import XLand
from allometry.refusal import Refusal
from allometry.studies.evaluation.fitting import misfit
from allometry.studies.evaluation.handmade import PROBES, probe_sets
from allometry.studies.evaluation.play import AT_ONCE, STAGE, Episodes, Player, Stage
from allometry.studies.evaluation.protocol import Protocol
from allometry.studies.evaluation.references import Tested, file_name, kept
from allometry.studies.evaluation.scores import Scores, joined, normalised
from allometry.studies.evaluation.sets import check_apart, in_trials, of_split


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores for each split and k; what was not played is said in whole sentences."""

    scores: tuple[Scores, ...]
    not_applicable: tuple[str, ...]


def evaluate(
    agent: Player,
    learner: Any,
    training: XLand,
    protocol: Protocol,
    folder: Place,
    key: Key[Array, ""],
    *,
    explore: bool = True,
    forget: bool = False,
    at_once: int = AT_ONCE,
    stage: Stage = STAGE,
) -> Evaluation:
    """Play one learner, trained in `training`, through a protocol; consumes the key.

    References are read from `folder`, or measured and kept there. How to play
    (`explore`, `forget`, `at_once`) is told of `play.Episodes`; `stage` keeps what is
    compiled for it. The members of a
    bundle are played together by `play` under `vmap` instead. Raises `Refusal` where
    training draws held-out tasks, and for references of something else.
    """
    every, sentences = sets_of(training, protocol)
    playable = []
    for tested in every:
        why = misfit(agent, learner, training, tested.environment)
        if why:
            sentences += (f"{_called(tested)} is not applicable. {why}",)
        else:
            playable.append((tested, kept(folder / file_name(tested), tested)))
    found: list[Scores] = []
    for k in protocol.trials or (training.dials.trials,):
        parts: dict[str, list[Scores]] = {}
        for tested, references in playable:
            environment = in_trials(tested.environment, k)
            episodes = Episodes(
                k,
                environment.dials.steps,
                protocol.repetitions,
                explore=explore,
                forget=forget,
                at_once=at_once,
            )
            own = jax.random.fold_in(key, _number(tested, k))
            given = agent, environment, episodes, learner, tested.tasks, own
            rewards = stage.played(*given)
            parts.setdefault(tested.split, []).append(normalised(rewards, references))
        found += map(joined, parts.values())
    return Evaluation(tuple(found), sentences)


def sets_of(
    training: XLand, protocol: Protocol
) -> tuple[tuple[Tested, ...], tuple[str, ...]]:
    """Give a protocol's sets of tasks for agents trained in `training`.

    The second says, a sentence each, which there cannot be. Raises `Refusal` where
    training draws held-out tasks.
    """
    check_apart(training)
    sets: list[Tested] = []
    sentences: list[str] = []
    for split in protocol.splits:
        try:
            sets.append(of_split(training, split, protocol.tasks))
        except Refusal as error:
            sentences.append(f"The split {split} is not applicable. {error}")
    if protocol.probes:
        probes, why = probe_sets(training)
        sets += probes
        sentences += why
    return tuple(sets), tuple(sentences)


def _called(tested: Tested) -> str:
    if tested.split == PROBES:
        return f"The set of probes {', '.join(tested.names)}"
    return f"The split {tested.split}"


def _number(tested: Tested, k: int) -> int:
    """Number a set and k, whatever else is tested, for a key of its own."""
    return zlib.crc32(f"{tested.split} {tested.names[0]} {k}".encode()) >> 1
