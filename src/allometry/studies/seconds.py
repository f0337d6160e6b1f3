"""Seconds: how long a training spent in its environment, in acting and in learning.

Training is one program in which the three are one after the other, so that nobody can
stop a clock between them, and to compile an environment apart may take minutes. This is
an estimate by parts that are measured apart. An iteration is the slope of the chunks'
seconds over their lengths; acting and learning are timed alone, at the end of training
(`pieces`); the environment is what is left of the iteration, tasks and resets and the
storing of batches included. What is no iteration is compiling and the measuring of the
curve.
"""

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.optimize import nnls

from allometry.agents.agent import Phasic
from allometry.agents.training import Member
from allometry.studies import pieces
from allometry.studies.program import Program

#: To compile the pieces takes about half as long as to compile the training. They are
#: timed where the iterations took at least this many times as long as that.
WORTH = 10.0
#: A piece is called at least so often, and until so many seconds are over.
CALLS, LONG = 3, 0.3


class Stretch(NamedTuple):
    """A chunk of a training in which nothing was compiled."""

    iterations: int
    seconds: float


class Seconds(NamedTuple):
    """Wall-clock time of a bundle, in which all its runs train side by side."""

    environment: float
    act: float
    learn: float
    other: float
    """Compiling, and measuring the curve."""


def iteration(chunks: Sequence[Stretch]) -> float | None:
    """Estimate the seconds of one iteration from chunks of different lengths.

    A chunk of n iterations takes n times that, and once the measuring of the curve;
    neither is negative. None if the lengths cannot tell the two apart.
    """
    lengths = [float(chunk.iterations) for chunk in chunks]
    if len({*lengths}) < 2:
        return None
    design = np.stack([np.ones(len(lengths)), lengths], axis=1)
    (_, slope), _ = nnls(design, np.array([chunk.seconds for chunk in chunks]))
    return float(slope) or None


def apart(total: float, iterating: float, act: float, learn: float) -> Seconds:
    """Divide `total` seconds, of which `iterating` were spent in iterations.

    `act` and `learn` are those of all iterations. Where they are more than there is,
    which is noise, they share what there is, and nothing is left to the environment.
    """
    iterating = min(iterating, total)
    shrink = min(1.0, iterating / (act + learn))
    act, learn = act * shrink, learn * shrink
    return Seconds(max(0.0, iterating - act - learn), act, learn, total - iterating)


def of_pieces(program: Program, states: Any) -> tuple[float, float]:
    """Time one iteration's acting and its learning, of all members together.

    `states` are those of all runs of a program. Compiles both pieces.
    """
    with program.layout.in_use():
        return _of_members(program, program.trainee.members(states))


def _of_members(program: Program, members: Member) -> tuple[float, float]:
    agent, episodic = program.agent, program.environment.spec.episodic
    act = jax.jit(
        jax.vmap(functools.partial(pieces.acted, agent, episodic=episodic)),
    )
    learn = jax.jit(jax.vmap(functools.partial(pieces.learned, agent)))
    seen = jax.jit(jax.vmap(functools.partial(pieces.still, program.schedule)))(members)
    keys = jax.random.split(jax.random.key(0), len(members.key))
    batch, acting = _timed(act, members, seen, keys)
    _, learning = _timed(learn, members, batch, keys)
    if isinstance(agent, Phasic):
        reflect = jax.jit(jax.vmap(agent.reflect))
        replay = members.loop.replay
        learning += _timed(reflect, members.learner, replay, keys)[1] / agent.period
    return acting, learning


def _timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Give what a function returns and its median time, compiling left out."""
    answer = jax.block_until_ready(function(*arguments))
    spent: list[float] = []
    while len(spent) < CALLS or sum(spent) < LONG:
        start = time.monotonic()
        jax.block_until_ready(function(*arguments))
        spent.append(time.monotonic() - start)
    return answer, statistics.median(spent)
