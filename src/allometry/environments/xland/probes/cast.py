"""Cast: the words and the map of a hand-made task as the arrays of a task.

Arrays have the shapes of given dials: cells beyond the map are wall, slots beyond its
objects and rules empty. They are built on the host, as a task is built once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from allometry.environments.xland.complexity import FLOORS, PREDICATES, Complexity
from allometry.environments.xland.game import SPAWNS, Goal, Hidden, Rules
from allometry.environments.xland.probes import sentence
from allometry.environments.xland.probes.glyphs import WALLED, Drawing, Entry
from allometry.environments.xland.probes.sentence import Atom, Rule
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import FLAT, Terrain

#: A goal: clauses of atoms.
Clauses = tuple[tuple[Atom, ...], ...]


class Secret(NamedTuple):
    """What one player is not shown: names of rules, objects, rules' predicates."""

    rules: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    predicates: frozenset[str] = frozenset()


class Placed(NamedTuple):
    """Where players, then objects, stand, and the objects' kinds; −1 is no object."""

    x: Float[Array, " N"]
    y: Float[Array, " N"]
    kinds: Int[Array, " O"]
    frozen: Bool[Array, " O"]


def terrain(drawing: Drawing, dials: Complexity) -> Terrain:
    """Give the terrain of a map, in the lower left of an arena of the dials' side."""
    top = wall_height(dials)
    wide, high = drawing.height.shape
    rest = (0, dials.arena + 2 - wide), (0, dials.arena + 2 - high)
    height = np.where(drawing.height == WALLED, top, drawing.height)
    return Terrain(
        height=jnp.asarray(np.pad(height, rest, constant_values=top), jnp.int8),
        ramp=jnp.asarray(np.pad(drawing.ramp, rest, constant_values=FLAT), jnp.int8),
        colour=jnp.asarray(np.pad(drawing.colour, rest), jnp.int8),
    )


def placed(drawing: Drawing, legend: Mapping[str, Entry], dials: Complexity) -> Placed:
    """Place players and objects in the middle of their cells."""
    cells = np.zeros((dials.bodies, 2))
    kinds = np.full(dials.objects, -1, np.int32)
    frozen = np.zeros(dials.objects, bool)
    slot = 0
    for letter, entry in legend.items():
        if entry.what in ("mark", "floor"):
            continue
        number = sentence.player(entry.what)
        for cell in drawing.cells.get(letter, ()):
            if number is not None:
                cells[number] = cell
                continue
            cells[dials.players + slot] = cell
            kinds[slot] = sentence.kind(entry.what, dials.colours)
            frozen[slot] = entry.frozen
            slot += 1
    # Empty slots wait where the first player stands.
    cells[dials.players + slot :] = cells[0]
    x, y = jnp.asarray(cells.T + 0.5, jnp.float32)
    return Placed(x, y, jnp.asarray(kinds), jnp.asarray(frozen))


def goal(goals: Sequence[Clauses], dials: Complexity) -> Goal:
    """Number the atoms of every player's goal."""
    shape = dials.players, dials.atoms
    numbers = np.zeros((4, *shape), np.int32)
    numbers[3] = -1
    negated = np.zeros(shape, bool)
    for player, clauses in enumerate(goals):
        atoms = [(n, atom) for n, clause in enumerate(clauses) for atom in clause]
        for k, (clause, atom) in enumerate(atoms):
            numbers[:, player, k] = (*_numbers(atom, dials), clause)
            negated[player, k] = atom.negated
    predicate, a, b, clauses_of = jnp.asarray(numbers)
    return Goal(predicate, jnp.asarray(negated), a, b, clauses_of)


def rules(by_name: Mapping[str, Rule], dials: Complexity) -> Rules:
    """Number the rules, in their order."""
    numbers = np.zeros((3, dials.rules), np.int32)
    spawns = np.full((dials.rules, SPAWNS), -1, np.int32)
    for r, rule in enumerate(by_name.values()):
        numbers[:, r] = _numbers(rule.condition, dials)
        for n, name in enumerate(rule.spawns):
            spawns[r, n] = sentence.kind(name, dials.colours)
    active = np.arange(dials.rules) < len(by_name)
    predicate, a, b = jnp.asarray(numbers)
    return Rules(predicate, a, b, jnp.asarray(spawns), jnp.asarray(active))


def hidden(
    secrets: Sequence[Secret], by_name: Mapping[str, Rule], dials: Complexity
) -> Hidden:
    """Mark what each player is not shown."""
    whole = np.zeros((dials.players, dials.rules), bool)
    predicates = np.zeros((dials.players, dials.rules), bool)
    kinds = np.zeros((dials.players, dials.types), bool)
    for player, secret in enumerate(secrets):
        for r, name in enumerate(by_name):
            whole[player, r] = name in secret.rules
            predicates[player, r] = name in secret.predicates
        for name in secret.objects:
            kinds[player, sentence.kind(name, dials.colours)] = True
    return Hidden(*(jnp.asarray(mask) for mask in (whole, kinds, predicates)))


def _numbers(atom: Atom, dials: Complexity) -> tuple[int, int, int]:
    first = _thing(atom.a, dials)
    if atom.predicate == "on":
        second = FLOORS.index(atom.b.removesuffix(" floor"))
    else:
        second = _thing(atom.b, dials)
    return PREDICATES.index(atom.predicate), first, second


def _thing(name: str, dials: Complexity) -> int:
    number = sentence.player(name)
    if number is not None:
        return dials.types + number
    return sentence.kind(name, dials.colours)
