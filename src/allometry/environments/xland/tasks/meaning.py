"""Meaning: which split a game belongs to, by what it says.

Two numbers may give games that say the same: the same goals and rules, in whatever
order. So that no such game is both trained on and held out, the split is a function of
what is said. A game's side is

    (shape + colour of one kind in the first goal + hash of all goals and rules) mod 2,

where the hash counts kinds from that kind on, and that kind is the one for which it is
the largest. If all kinds are counted on by one, or back by one, the first term changes
and the hash does not: so a game is moved to the other side, and only its looks change.
A game that says the same when its kinds are counted on cannot be moved: with two kinds
of objects and no rules, that these two touch.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.game import Game, Goal, Rules
from allometry.environments.xland.tasks.goals import ON

#: An odd number with bits all over (2³² over the golden ratio), to mix others with.
_MIX = 0x9E3779B1


def sided(game: Game, side: Int[Array, ""], dials: Complexity) -> Game:
    """Move a game to a side, 0 or 1, if it is on the other."""
    moves = jnp.array([0, 1, dials.types - 1])
    moved = jax.vmap(lambda move: _moved(game, move, dials))(moves)
    sides = jax.vmap(lambda one: side_of(one, dials))(moved)
    which = (sides == side).argmax()
    return jax.tree.map(lambda field: field[which], moved)


def side_of(game: Game, dials: Complexity) -> Int[Array, ""]:
    """Say on which side a game is, 0 or 1."""
    kinds = jnp.arange(dials.types)
    said = jax.vmap(lambda kind: _said(game, kind, dials))(kinds)
    first = Goal(*(field[0] for field in game.goal))
    things = jnp.stack([first.a, jnp.where(first.predicate == ON, -1, first.b)])
    there = (things.reshape(-1, 1) == kinds).any(0)
    main = jnp.where(there, (said >> 1).astype(jnp.int32), -1).argmax()
    shape, colour = main // dials.colours, main % dials.colours
    return (shape + colour + (said[main] >> 16).astype(jnp.int32)) % 2


def _moved(game: Game, move: Int[Array, ""], dials: Complexity) -> Game:
    """Count all kinds of a game on."""

    def on(thing: Array) -> Array:
        is_object = (thing >= 0) & (thing < dials.types)
        return jnp.where(is_object, (thing + move) % dials.types, thing)

    goal, rules = game.goal, game.rules
    b = jnp.where(goal.predicate == ON, goal.b, on(goal.b))
    return game._replace(
        goal=goal._replace(a=on(goal.a), b=b),
        rules=rules._replace(a=on(rules.a), b=on(rules.b), spawns=on(rules.spawns)),
        kinds=on(game.kinds),
    )


def _said(game: Game, kind: Int[Array, ""], dials: Complexity) -> UInt32[Array, ""]:
    """Hash goals and rules, with kinds counted from one; orders do not matter."""

    def thing(number: Array) -> Array:
        is_object = (number >= 0) & (number < dials.types)
        return _mixed(jnp.where(is_object, (number - kind) % dials.types, number))

    return _of_goals(game.goal, thing) + _of_rules(game.rules, thing)


def _of_goals(goal: Goal, thing: Callable[[Array], Array]) -> UInt32[Array, ""]:
    players, atoms = goal.clause.shape
    floor = _mixed(thing(goal.a), goal.b)
    over = jnp.where(goal.predicate == ON, floor, thing(goal.a) + thing(goal.b))
    atom = _mixed(goal.predicate, goal.negated, over)
    mine = goal.clause[:, None] == jnp.arange(atoms)[:, None]
    clause = _mixed(jnp.where(mine, atom[:, None], 0).sum(2, dtype=jnp.uint32))
    clause = jnp.where(mine.any(2), clause, 0).sum(1, dtype=jnp.uint32)
    return _mixed(jnp.arange(players), clause).sum(dtype=jnp.uint32)


def _of_rules(rules: Rules, thing: Callable[[Array], Array]) -> UInt32[Array, ""]:
    spawned = jnp.where(rules.spawns >= 0, thing(rules.spawns), 0)
    rule = _mixed(
        rules.predicate,
        thing(rules.a) + thing(rules.b),
        spawned.sum(1, dtype=jnp.uint32),
    )
    return jnp.where(rules.active, rule, 0).sum(dtype=jnp.uint32)


def _mixed(*parts: Array) -> UInt32[Array, "..."]:
    """Hash whole numbers into one."""
    found = jnp.uint32(0)
    for part in parts:
        found = (found ^ part.astype(jnp.uint32)) * jnp.uint32(_MIX)
        found ^= found >> 15
    return found
