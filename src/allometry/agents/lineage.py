"""Lineage: who descends from whom in a population, and what settings they took along.

Written on the device while the population trains, read on the host. Row 0 is the
beginning, every further row an exploit.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from allometry.refusal import Refusal


class Lineage(NamedTuple):
    """What came of every exploit: room for K rows, N members, `events` rows written.

    Read it through `read`; a row not written is all 0.
    """

    events: Int[Any, ""]
    """Rows that there were, the beginning among them, and those without room."""
    iteration: Int[Any, " K"]
    """The first iteration that was trained after this row."""
    parent: Int[Any, "K N"]
    """The member copied from; a member's own number if it went on as it was."""
    fitness: Float[Any, "K N"]
    """What was compared, before any copy; not finite: diverged. 0 in row 0."""
    settings: dict[str, Float[Any, "K N"]]
    """Traced hyper-parameters that each member has from here on."""


def start(settings: dict[str, Float[Array, " N"]], exploits: int) -> Lineage:
    """Begin a lineage with room for so many exploits; nobody descends from another."""
    size = len(next(iter(settings.values())))
    rows = 1 + exploits
    lineage = Lineage(
        jnp.int32(0),
        jnp.zeros(rows, jnp.int32),
        jnp.zeros((rows, size), jnp.int32),
        jnp.zeros((rows, size)),
        {name: jnp.zeros((rows, size)) for name in settings},
    )
    return record(lineage, jnp.int32(0), jnp.arange(size), jnp.zeros(size), settings)


def record(
    lineage: Lineage,
    iteration: Int[Array, ""],
    parent: Int[Array, " N"],
    fitness: Float[Array, " N"],
    settings: dict[str, Float[Array, " N"]],
) -> Lineage:
    """Write the next row; one for which there is no room is counted only."""
    row = lineage.events
    return Lineage(
        row + 1,
        lineage.iteration.at[row].set(iteration, mode="drop"),
        lineage.parent.at[row].set(parent, mode="drop"),
        lineage.fitness.at[row].set(fitness, mode="drop"),
        {
            name: rows.at[row].set(settings[name], mode="drop")
            for name, rows in lineage.settings.items()
        },
    )


def read(lineage: Lineage) -> Lineage:
    """Give the rows that were written, as NumPy's arrays.

    Raises `Refusal` if there were more exploits than the lineage has room for.
    """
    events, room = int(lineage.events), len(lineage.iteration)
    if events > room:
        raise Refusal(
            f"The lineage has room for {room - 1} exploits and there were "
            f"{events - 1}: the population trained for longer than it was begun for. "
            "Begin it with as many iterations as it will train."
        )
    return Lineage(
        np.asarray(lineage.events),
        np.asarray(lineage.iteration)[:events],
        np.asarray(lineage.parent)[:events],
        np.asarray(lineage.fitness)[:events],
        {name: np.asarray(rows)[:events] for name, rows in lineage.settings.items()},
    )


def ancestors(lineage: Lineage) -> Int[np.ndarray, "K N"]:
    """Say for each row from which of the first members each one descends."""
    found: list[np.ndarray] = []
    for parent in read(lineage).parent:
        found.append(found[-1][parent] if found else parent)
    return np.stack(found)
