"""Game: goals and production rules over things, and what they make of a state.

A *thing* is a kind of object (shape × colour) or a player: kinds are numbered from 0,
players follow. An *atom* is a predicate over two things, perhaps negated; for `on` the
second is a floor colour. A *goal* is a disjunction of conjunctions of atoms. A *rule*
has a condition over two things and up to three kinds that it spawns.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.copies import along, anywhere, folded, settled
from allometry.environments.xland.relation import FLOOR_BIT, ON, Relations

#: Objects that a rule spawns at most.
SPAWNS = 3
_SPEEDS = ("u", "v", "climb")


class Goal(NamedTuple):
    """Goals of all players: `[P, K]` atoms.

    `clause` numbers the conjunction that an atom belongs to, −1 for no atom.
    """

    predicate: Int[Array, "P K *B"]
    negated: Bool[Array, "P K *B"]
    a: Int[Array, "P K *B"]
    b: Int[Array, "P K *B"]
    clause: Int[Array, "P K *B"]


class Rules(NamedTuple):
    """Production rules `[R]`: condition, spawned kinds (−1 for none), if any at all."""

    predicate: Int[Array, "R *B"]
    a: Int[Array, "R *B"]
    b: Int[Array, "R *B"]
    spawns: Int[Array, "R 3 *B"]
    active: Bool[Array, "R *B"]


class Hidden(NamedTuple):
    """What each player is not shown: whole rules, kinds of objects, predicates."""

    rules: Bool[Array, "P R"]
    kinds: Bool[Array, "P T"]
    predicates: Bool[Array, "P R"]


class Game(NamedTuple):
    """Goals, rules, what is hidden, and which objects there are at the start.

    `kinds` `[O]` are the objects' kinds, −1 for an empty slot; `frozen` those that
    cannot be moved. `chain` is the number of rules on the way to the goal.
    """

    goal: Goal
    rules: Rules
    hidden: Hidden
    kinds: Int[Array, " O"]
    frozen: Bool[Array, " O"]
    chain: Int[Array, ""]


def satisfied(
    goal: Goal, bodies: Bodies, relations: Relations, kinds: int
) -> Bool[Array, "P *B"]:
    """Say whose goal holds: some clause of which all atoms do."""
    players, atoms = goal.clause.shape[:2]
    found = []
    for player in range(players):
        mine = Goal(*(field[player] for field in goal))
        true = jnp.stack(
            [
                anywhere(
                    holding(
                        mine.predicate[k], mine.a[k], mine.b[k],
                        bodies.exists, _number(bodies, kinds), relations,
                    )
                ) ^ mine.negated[k]
                for k in range(atoms)
            ]
        )  # fmt: skip
        clauses = [
            (true | (mine.clause != number)).all(0) & (mine.clause == number).any(0)
            for number in range(atoms)
        ]
        found.append(jnp.stack(clauses).any(0))
    return jnp.stack(found)


def holding(
    predicate: Int[Array, "*B"],
    a: Int[Array, "*B"],
    b: Int[Array, "*B"],
    exists: Bool[Array, "N *B"],
    number: Int[Array, "N *B"],
    relations: Relations,
) -> Bool[Array, "N N *B"]:
    """Say between which bodies a condition holds; `on` is of a body with itself.

    `number` gives the thing that each body is, `exists` those that count.
    """
    is_on = predicate == ON
    shift = jnp.where(is_on, FLOOR_BIT + b, predicate).astype(jnp.uint16)
    first = (a == number) & exists
    second = ((b == number) | is_on) & exists
    there = jnp.right_shift(relations, shift) & jnp.uint16(1)
    return (there > 0) & first[:, None] & second[None]


def _number(bodies: Bodies, kinds: int) -> Int[Array, "N *B"]:
    """Give the thing that each body is: its kind, or its number as a player."""
    count = bodies.kind.shape[0]
    player = along(kinds + np.arange(count), bodies.kind)
    return jnp.where(bodies.kind < 0, player, bodies.kind)


def produce(rules: Rules, bodies: Bodies, relations: Relations, kinds: int) -> Bodies:
    """Fire the rules whose condition holds.

    All conditions are judged on one state; then rules fire in their order, each once,
    on the first pair of bodies (by index) that no earlier rule has used up. Objects in
    the conditions vanish, players stay. Then spawns appear where the condition's first
    object was, or its first player if it has none, and push each other apart. Each
    takes the first free slot: the first spawns of all rules in their order, then the
    second ones, then the third; those for which no slot is left are lost. So a rule
    that uses an object up never loses its first spawn.
    """
    count, number = bodies.kind.shape[0], _number(bodies, kinds)
    rows, alive = along(np.arange(count), bodies.kind), bodies.exists
    player = bodies.kind < 0
    order = along(np.arange(count * count), bodies.kind)
    order = order.reshape(count, count, *order.shape[1:])
    fired = []
    for r in range(rules.active.shape[0]):
        matrix = holding(
            rules.predicate[r], rules.a[r], rules.b[r], alive, number, relations
        )
        index = folded(jnp.minimum, jnp.where(matrix, order, count * count))
        index = settled(folded(jnp.minimum, index))
        index = jnp.where(rules.active[r], index, count * count)
        first, second = rows == index // count, rows == index % count
        # `index // count` of no pair is no row, and then neither is the other.
        second &= index < count * count
        used = (first | second) & ~player
        alive &= ~used
        at = first
        for object_ in (second & ~player, first & ~player):
            at = jnp.where(folded(jnp.logical_or, object_), object_, at)
        fired.append((index < count * count, at))
    return _spawned(rules, fired, bodies, alive)


def _spawned(
    rules: Rules, fired: list[tuple[Array, Array]], bodies: Bodies, alive: Array
) -> Bodies:
    """Put spawns into free slots; `fired` says if each rule did, and at which body."""

    def there(field: Array) -> Array:
        """Give a field of the body that each rule's spawns appear at, `[R, *B]`."""
        return settled(
            jnp.stack([folded(jnp.add, jnp.where(at, field, 0)) for _, at in fired])
        )

    x, y, height = there(bodies.x), there(bodies.y), there(bodies.height)
    fires = jnp.stack([fires for fires, _ in fired])
    # The first spawns of all rules come first.
    spawns = jnp.moveaxis(rules.spawns, 1, 0)
    wants = (fires & (spawns >= 0)).reshape(-1, *fires.shape[1:])
    rank = jnp.cumsum(wants, 0) - wants
    free = ~alive & (bodies.kind >= 0) | ~alive & ~bodies.exists
    place = jnp.cumsum(free, 0) - free
    here = wants[:, None] & free[None] & (rank[:, None] == place[None])

    def given(field: Array, old: Array) -> Array:
        """Give each slot what its spawn has, of `[3 · R, *B]`, and others the old."""
        value = folded(jnp.add, jnp.where(here, field[:, None], 0)).astype(old.dtype)
        return jnp.where(new, value, old)

    new = folded(jnp.logical_or, here)
    spots = {
        name: jnp.concatenate([field] * SPAWNS)
        for name, field in (("x", x), ("y", y), ("height", height))
    }
    kinds = spawns.reshape(wants.shape)
    return bodies._replace(
        **{name: given(field, getattr(bodies, name)) for name, field in spots.items()},
        **{name: jnp.where(new, 0.0, getattr(bodies, name)) for name in _SPEEDS},
        kind=given(kinds, bodies.kind),
        exists=alive | new,
        frozen=bodies.frozen & ~new,
        holder=jnp.where(alive & ~new, bodies.holder, -1),
    )
