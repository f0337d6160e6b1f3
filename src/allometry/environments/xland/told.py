"""Told: what players are told of the goal and the rules, as tables, and of time.

| array | shape | fields, in order |
|---|---|---|
| `goal` | K, 42 | an atom: there; negated; predicate (6); first thing (12: shape 4, colour 4, player 4, mine first); second thing (12); floor colour (4); its clause (6) |
| `rules` | R, 62 | there; hidden; predicate (6); which hidden predicate (÷ 16); the condition's things (2 × 13: as a goal's, and which hidden thing, ÷ 16); three spawns (3 × 9: shape, colour, which hidden thing) |
| `self` | 12 | height (÷ levels + 3); holding; tagged (÷ 15); last reward; share of the trial left; trials are several; trials left after this one (0, 1, …, 4, more) |

What is hidden from a player is numbered as it is met (see `numbering`): the same number
is the same thing, or the same predicate, wherever it stands. A goal is always told
whole. Goals and rules do not change in an episode: their tables belong to the task,
as whole numbers of 1/64.
"""  # noqa: E501

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Int8

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    PREDICATES,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.copies import folded
from allometry.environments.xland.game import ON, SPAWNS, Game, Goal
from allometry.environments.xland.numbering import numbering
from allometry.environments.xland.play import TAGGED, Players
from allometry.specs import ArraySpec

#: What 1 is in the tables of a task.
ONE = 64
#: Hidden things and predicates are numbered in units of 1 by so many.
_NUMBERED = 16
_PLAYERS, _ATOMS, _TRIALS = 4, 6, 6
_THING = len(SHAPES) + len(COLOURS) + _PLAYERS
_ATOM = 2 + len(PREDICATES) + 2 * _THING + len(FLOORS) + _ATOMS
_SPAWN = len(SHAPES) + len(COLOURS) + 1
_RULE = 3 + len(PREDICATES) + 2 * (_THING + 1) + SPAWNS * _SPAWN
_SELF = 6 + _TRIALS


class Told(NamedTuple):
    """The tables of a game for all players, in units of 1 / `ONE`."""

    goal: Int8[Array, "P K G"]
    rules: Int8[Array, "P R Q"]


class Tables(NamedTuple):
    """What is told at a step, or its spec for one player."""

    goal: Float[Array, "P K G"] | ArraySpec
    rules: Float[Array, "P R Q"] | ArraySpec
    self: Float[Array, "P S"] | ArraySpec


def spec(dials: Complexity) -> Tables:
    """Describe what one player is told."""
    return Tables(
        numbers(dials.atoms, _ATOM, layout="set"),
        numbers(dials.rules, _RULE, layout="set"),
        numbers(_SELF),
    )


def numbers(*shape: int, layout: str = "vector") -> ArraySpec:
    """Describe numbers in [−1, 1] of one player."""
    return ArraySpec(shape, "float32", -1.0, 1.0, layout=layout)


def tell(game: Game, dials: Complexity) -> Told:
    """Write the tables of a game."""
    players = range(dials.players)
    goals = [
        _goal(me, Goal(*(field[me] for field in game.goal)), dials) for me in players
    ]
    rules = [_rules(me, game, dials) for me in players]
    return Told(*(_whole(jnp.stack(tables)) for tables in (goals, rules)))


def shown(told: Told) -> tuple[Float[Array, "P K G"], Float[Array, "P R Q"]]:
    """Give the tables as numbers in [0, 1]."""
    goal, rules = (table.astype(jnp.float32) * (1 / ONE) for table in told)
    return goal, rules


def clock(
    dials: Complexity,
    bodies: Bodies,
    players: Players,
    time: Int[Array, "*B"],
    trial: Int[Array, "*B"],
    reward: Float[Array, "P *B"],
) -> Float[Array, "P S *B"]:
    """Write what each player knows of itself and of time (`self`)."""
    count = dials.players
    shape = reward.shape
    left = jnp.clip(dials.trials - 1 - trial, 0, _TRIALS - 1)
    holding = [
        folded(jnp.logical_or, bodies.holder == player) for player in range(count)
    ]
    fields = [
        bodies.height[:count] / (dials.levels + 3),
        jnp.stack(holding),
        players.tagged / TAGGED,
        reward,
        jnp.broadcast_to(1.0 - time / dials.duration, shape),
        jnp.full(shape, dials.trials > 1),
        *(jnp.broadcast_to(left == number, shape) for number in range(_TRIALS)),
    ]
    return jnp.clip(stacked(fields, 1), -1.0, 1.0)


def looks(kind: Int[Array, "*K"], dials: Complexity) -> list[Array]:
    """Give shape and colour of a kind as fields, all 0 for none."""
    known = (kind >= 0) & (kind < dials.types)
    shape, colour = kind // dials.colours, kind % dials.colours
    shapes = [(shape == number) & known for number in range(len(SHAPES))]
    return shapes + [(colour == number) & known for number in range(len(COLOURS))]


def stacked(fields: list[Array], axis: int) -> Float[Array, "..."]:
    """Stack fields of any type as numbers."""
    return jnp.stack([jnp.asarray(field, jnp.float32) for field in fields], axis)


def _whole(table: Float[Array, "..."]) -> Int8[Array, "..."]:
    return jnp.round(table * ONE).astype(jnp.int8)


def _thing(me: int, thing: Int[Array, "*K"], dials: Complexity) -> list[Array]:
    """Give a thing's looks, and which player it is, counted from me."""
    number = jnp.mod(thing - dials.types - me, dials.players)
    player = thing >= dials.types
    return looks(thing, dials) + [(number == n) & player for n in range(_PLAYERS)]


def _goal(me: int, goal: Goal, dials: Complexity) -> Float[Array, "K G"]:
    is_on = goal.predicate == ON
    fields = [
        jnp.ones_like(is_on),
        goal.negated,
        *(goal.predicate == number for number in range(len(PREDICATES))),
        *_thing(me, goal.a, dials),
        *(field & ~is_on for field in _thing(me, goal.b, dials)),
        *((goal.b == number) & is_on for number in range(len(FLOORS))),
        *(goal.clause == number for number in range(_ATOMS)),
    ]
    return stacked(fields, 1) * (goal.clause >= 0)[:, None]


def _rules(me: int, game: Game, dials: Complexity) -> Float[Array, "R Q"]:
    """Give the rules as a player knows them."""
    rules = game.rules
    whole, predicates = game.hidden.rules[me], game.hidden.predicates[me]
    number, which = (each / _NUMBERED for each in numbering(game, me, dials))

    def known(thing: Array, fields: list[Array]) -> list[Array]:
        object_ = (thing >= 0) & (thing < dials.types)
        secret = jnp.where(object_, number[jnp.where(object_, thing, 0)], 0.0)
        return [*(field & (secret == 0) for field in fields), secret]

    fields = [
        *((rules.predicate == n) & ~predicates for n in range(len(PREDICATES))),
        which,
        *known(rules.a, _thing(me, rules.a, dials)),
        *known(rules.b, _thing(me, rules.b, dials)),
    ]
    for spawn in range(SPAWNS):
        kind = rules.spawns[:, spawn]
        fields += known(kind, looks(kind, dials))
    table = jnp.where(whole[:, None], 0.0, stacked(fields, 1))
    there = stacked([jnp.ones_like(whole), whole], 1)
    return jnp.concatenate([there, table], 1) * rules.active[:, None]
