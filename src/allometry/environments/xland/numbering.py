"""Numbering: which numbers stand for what a player is not told.

Hidden kinds of objects, and hidden predicates, are numbered from 1 in the order in
which the player meets them, reading the rules from the first to the last and each from
left to right. The same number is the same thing wherever it stands, and says nothing
else. Rules that are hidden as a whole are not read.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, Shaped

from allometry.environments.xland.complexity import PREDICATES, Complexity
from allometry.environments.xland.game import Game
from allometry.environments.xland.relation import ON

#: An array of NumPy's or of JAX's.
Numbers = Int[Any, "..."]


class Numbering(NamedTuple):
    """Numbers of the kinds, and of the rules' predicates; 0 is told as it is."""

    kinds: Numbers
    predicates: Numbers


def numbering(game: Game, me: int, dials: Complexity) -> Numbering:
    """Number what one player is not told; NumPy's arrays in give NumPy's."""
    xp = np if isinstance(game.rules.a, np.ndarray) else jnp
    rules, hidden = game.rules, game.hidden
    shown = rules.active & ~hidden.rules[me]
    second = xp.where(rules.predicate == ON, -1, rules.b)
    read = xp.concatenate([rules.a[:, None], second[:, None], rules.spawns], 1)
    read = xp.where(shown[:, None], read, -1).ravel()
    kinds = _met(xp, read, dials.types) * hidden.kinds[me]
    secret = shown & hidden.predicates[me]
    met = _met(xp, xp.where(secret, rules.predicate, -1), len(PREDICATES))
    told = _ranked(xp, met)[xp.maximum(rules.predicate, 0)]
    return Numbering(_ranked(xp, kinds), xp.where(secret, told, 0))


def _met(xp: Any, read: Shaped[Any, " W"], count: int) -> Numbers:
    """Say when each of 0 … count − 1 is first met, from 1; 0 if never."""
    place = xp.arange(1, len(read) + 1)
    same = read[:, None] == xp.arange(count)
    never = len(read) + 1
    first = xp.where(same, place[:, None], never).min(0, initial=never)
    return xp.where(first == never, 0, first)


def _ranked(xp: Any, met: Numbers) -> Numbers:
    """Number from 1, in order, what is met at some time; 0 for the rest."""
    earlier = (met > 0) & (met < met[:, None])
    return xp.where(met > 0, 1 + earlier.sum(1), 0)
