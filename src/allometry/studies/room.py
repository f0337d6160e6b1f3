"""Room: whether a bundle fits the memory of its device, told before it trains."""

import functools
import os
from collections.abc import Iterable
from typing import NamedTuple

import jax
from jaxtyping import PyTree

from allometry.agents.on_policy import OnPolicy
from allometry.agents.rollout import Batch
from allometry.agents.training import Member
from allometry.refusal import Refusal
from allometry.studies import layout, pieces
from allometry.studies.facts import Facts
from allometry.studies.program import Program

#: A chunk has the state that it begins with and the one that it makes.
STATES = 2


class Needed(NamedTuple):
    """Bytes that a bundle takes at the same time, whatever the compiler does.

    Those of one device, where it trains on several.
    """

    states: int
    """The members' state, before a chunk and after it."""
    batch: int
    """What a rollout stores: rows of all members, copies and players."""
    minibatch: int
    """What a gradient step reads: a shuffled part of the batch, laid out anew."""

    @property
    def total(self) -> int:
        """All of it together."""
        return sum(self)


def needed(program: Program) -> Needed:
    """Count the bytes that a bundle takes at least on each of its devices.

    Nothing is built or compiled. While it learns, a device holds the whole batch. What
    a gradient step keeps of the networks (activations, gradients) and an environment's
    own intermediate values come on top: only a compiler knows them.
    """
    states, devices = program.shapes(), len(program.layout.devices)
    members = jax.eval_shape(program.trainee.members, states)
    batch = jax.eval_shape(jax.vmap(functools.partial(_batch, program)), members)
    minibatch = 0
    agent = program.agent
    if isinstance(agent, OnPolicy):
        samples = jax.eval_shape(jax.vmap(agent.samples), members.learner, batch)
        minibatch = _bytes(samples) // agent.minibatches
    held = STATES * program.layout.held(states)
    return Needed(held, _bytes(batch), minibatch // devices)


def available() -> int:
    """Count the bytes of the device: an accelerator's own, or the machine's."""
    stats = layout.here().memory_stats() or {}
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(stats.get("bytes_limit", machine))


def fits(taken: Iterable[Needed]) -> bool:
    """Say whether there is room for all of these at once."""
    return sum(each.total for each in taken) <= available()


def check(facts: Facts, taken: Needed) -> None:
    """Raise `Refusal` with the estimate if a bundle cannot fit."""
    there = available()
    if taken.total > there:
        raise Refusal(
            f"Bundle {facts.bundle.name} needs at least {_told(taken.total)} for its "
            f"{len(facts.bundle.runs)} runs of {facts.parameters:,} parameters, and "
            f"this device has {_told(there)}. Their states take {_told(taken.states)}, "
            f"a batch {_told(taken.batch)}, a minibatch {_told(taken.minibatch)}. "
            "Lower agent.width, agent.memory_length, training.copies, training.length "
            "or grid.runs_per_bundle."
        )


def _batch(program: Program, member: Member) -> Batch:
    seen = pieces.still(program.schedule, member)
    episodic = program.environment.spec.episodic
    key = jax.random.key(0)
    return pieces.acted(program.agent, member, seen, key, episodic=episodic)


def _bytes(shapes: PyTree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))


def _told(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
