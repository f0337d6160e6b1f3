"""Plan: the chain of rules that a game is built around, before it is written down.

A game is drawn from its goal backwards. Step k of S = dials.chain + 1 is over an object
that rule k − 1 makes (that of step 0 is there at the start) and a partner: an object
that is there at the start, or a player. The steps before `length` are rules, step
`length` is the goal, those after it are not used. So no rule of the chain can fire
before the one before it has, and what is made never has its partner beside it.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.complexity import DEEDS, PREDICATES, Complexity
from allometry.environments.xland.tasks.chance import Chance
from allometry.environments.xland.tasks.novelty import Novelty

HOLD = PREDICATES.index("hold")
#: Share of games whose goal is that two objects, beside each other at the start, are
#: not. A goal over what is not there would hold from the start if it were negated.
_APART = 0.1


class Plan(NamedTuple):
    """What a game is built around.

    `order` `[T]` lists all kinds in a random order, the needed ones first: `things`
    `[S, 2]` are those of each step, the object and its partner. `pairs` says of which
    steps the partner is an object, else it is `player`; `predicate` is that of a rule.
    `apart` says that the goal is to part its two objects.
    """

    length: Int[Array, ""]
    apart: Bool[Array, ""]
    order: Int[Array, " T"]
    things: Int[Array, "S 2"]
    predicate: Int[Array, " S"]
    pairs: Bool[Array, " S"]
    player: Int[Array, " S"]

    @property
    def goal(self) -> Int[Array, "2"]:
        """The goal's object and its partner."""
        return self.things[self.length]

    @property
    def is_rule(self) -> Bool[Array, " S"]:
        """Which steps are rules."""
        return jnp.arange(len(self.things)) < self.length


def plan(chance: Chance, dials: Complexity, novelty: Novelty) -> Plan:
    """Draw how long the chain is, of which kinds, and by what acts."""
    steps = dials.chain + 1
    apart = chance.coin(_APART if parts(dials, novelty) else 0.0)
    length = chance.whole(dials.chain) + min(1, dials.chain)
    length = jnp.where(apart, 0, length)
    order = chance.order(dials.types)
    order = _brought(order, 2 * length, _new_kind(chance, dials, novelty))
    deeds = [PREDICATES.index(name) for name in DEEDS if name in dials.predicates]
    predicate = chance.choice(deeds or [HOLD], steps)
    # Whatever a player has just made, it touches and is near: but for the first rule,
    # it must take hold of it.
    pairs = (predicate != HOLD) & (chance.coin(0.5, steps) | (jnp.arange(steps) > 0))
    player = dials.types + chance.choice(referred(dials), steps)
    things = order[: 2 * steps].reshape(steps, 2)
    return Plan(length, apart, order, things, predicate, pairs, player)


def parts(dials: Complexity, novelty: Novelty) -> tuple[int, ...]:
    """List the predicates of goals to part two objects, if there are such goals."""
    if dials.atoms > 1 or dials.goals == "independent" or novelty.predicate:
        return ()
    names = [name for name in ("touching", "near") if name in dials.predicates]
    return tuple(PREDICATES.index(name) for name in names)


def referred(dials: Complexity) -> list[int]:
    """List the players that the chain, and a goal that all share, may ask to act.

    Where goals are opposed, these are the players who want the first one's.
    """
    return list(range(0, dials.players, 2 if dials.goals == "opposed" else 1))


def _new_kind(
    chance: Chance, dials: Complexity, novelty: Novelty
) -> Int[Array, ""] | None:
    """Draw the kind that must be new, if one must."""
    kinds = [
        kind
        for kind in range(dials.types)
        if not novelty.colour or kind % dials.colours == dials.colours - 1
        if not novelty.shape or kind // dials.colours == dials.shapes - 1
    ]
    return chance.choice(kinds) if novelty.colour or novelty.shape else None


def _brought(
    order: Int[Array, " T"], place: Int[Array, ""], kind: Int[Array, ""] | None
) -> Int[Array, " T"]:
    """Bring a kind to a place by exchanging two."""
    if kind is None:
        return order
    other = order[place]
    return jnp.where(order == kind, other, order).at[place].set(kind)
