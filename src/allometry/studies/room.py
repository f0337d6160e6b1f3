"""Room: whether a bundle fits the memory of its device, told before it trains."""

import os

import jax

from allometry.refusal import Refusal
from allometry.studies.facts import Facts
from allometry.studies.program import Program

#: A chunk has the state that it begins with and the one that it makes.
STATES = 2


def needed(program: Program) -> int:
    """Count the bytes that a bundle takes at least: its members' state, twice.

    Batches and what a gradient step keeps come on top.
    """
    leaves = jax.tree.leaves(program.shapes())
    return STATES * sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)


def available() -> int:
    """Count the bytes of the device: an accelerator's own, or the machine's."""
    stats = jax.devices()[0].memory_stats() or {}
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(stats.get("bytes_limit", machine))


def check(facts: Facts, program: Program) -> None:
    """Raise `Refusal` with the estimate if a bundle cannot fit."""
    taken, there = needed(program), available()
    if taken > there:
        raise Refusal(
            f"Bundle {facts.bundle.name} needs at least {taken / 1e9:,.1f} GB for its "
            f"{len(facts.bundle.runs)} runs of {facts.parameters:,} parameters, and "
            f"this device has {there / 1e9:,.1f} GB. Lower agent.width, "
            "agent.memory_length, training.copies or grid.runs_per_bundle."
        )
