"""Dead ends: rules that use up what is needed, or lead nowhere.

Their conditions are over needed objects, distractors and players, and they spawn
distractors only. None takes the chain's way to the goal away: none is over two things
that the chain or a goal brings together, nor over two that appear together; and what a
player must not hold it can push, or bring to it what it needs to meet. A rule spawns
only kinds that come later in the order of kinds than those of its condition: production
always comes to an end.
"""

import itertools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.complexity import DEEDS, PREDICATES, Complexity
from allometry.environments.xland.game import SPAWNS, Rules
from allometry.environments.xland.tasks.chance import Chance
from allometry.environments.xland.tasks.plan import HOLD

#: How much rather a condition is chosen that is over a player, and one over objects
#: that come to be there.
_PLAYERS, _THERE = 3.0, 1000.0
#: Probability of each thing that a dead end spawns.
_SPAWNED = 0.5
_TINY = 1e-9


class Kinds(NamedTuple):
    """What kinds of objects are for, in a game.

    `rank` `[T]` is −1 for needed kinds, and for the others their place in `spare`
    `[T]`, which lists these first; `spares` is their number. `there` says which come to
    be there, `free` what players may do anything with, `unlifted` which they need not
    lift.
    """

    rank: Int[Array, " T"]
    spare: Int[Array, " T"]
    spares: Int[Array, ""]
    there: Bool[Array, " T"]
    free: Bool[Array, " T"]
    unlifted: Bool[Array, " T"]


def dead_ends(
    chance: Chance, kinds: Kinds, kept: Int[Array, "M 2"], dials: Complexity
) -> Rules:
    """Draw as many dead ends as there are rules, all over different pairs of things.

    `kept` are pairs that no dead end may be over. Where too few are left, the others
    are not active.
    """
    a, b = _pairs(dials)
    deeds, of_two = _deeds(dials)
    by_player = a >= dials.types
    rank = jnp.concatenate([kinds.rank, jnp.full(dials.players, -1)])
    there = jnp.concatenate([kinds.there, jnp.ones(dials.players, bool)])
    first, second = kept[:, 0], kept[:, 1]
    same = (a[:, None] == first) & (b[:, None] == second)
    same |= (a[:, None] == second) & (b[:, None] == first)
    may = kinds.free[b] | (kinds.unlifted[b] & (HOLD in deeds))
    allowed = ~same.any(1) & jnp.where(by_player, may, len(of_two) > 0)
    weight = jnp.where(by_player, _PLAYERS, 1.0)
    weight *= jnp.where(there[a] & there[b], _THERE, 1.0)
    # The highest of u^(1/w) are a draw by weights without replacement.
    score = jnp.log(chance.uniform(len(a)) + _TINY) / weight
    order = jnp.argsort(jnp.where(allowed, -score, jnp.inf))
    number = jnp.arange(dials.rules)
    chosen = order[jnp.minimum(number, len(order) - 1)]
    a, b, by_player = a[chosen], b[chosen], by_player[chosen]
    done = jnp.where(kinds.free[b], chance.choice(deeds, dials.rules), HOLD)
    met = chance.choice(of_two or deeds, dials.rules)
    swapped = chance.coin(0.5, dials.rules) & ~by_player
    return Rules(
        predicate=jnp.where(by_player, done, met),
        a=jnp.where(swapped, b, a),
        b=jnp.where(swapped, a, b),
        spawns=_spawned(chance, jnp.maximum(rank[a], rank[b]), kinds),
        active=allowed[chosen] & (number < len(order)),
    )


def surely(dials: Complexity) -> int:
    """Give a number of dead ends that every game can have."""
    pairs = math.comb(dials.types, 2) if _deeds(dials)[1] else 0
    kept = 4 * dials.chain + dials.players * dials.atoms
    needed = 2 * (dials.chain + dials.atoms)
    return pairs - kept + dials.players * max(0, dials.types - needed)


def _deeds(dials: Complexity) -> tuple[list[int], list[int]]:
    """List the predicates that a player can bring about, and those of two objects."""
    deeds = [PREDICATES.index(name) for name in DEEDS if name in dials.predicates]
    return deeds, [deed for deed in deeds if deed != HOLD]


def _pairs(dials: Complexity) -> tuple[Int[Array, " E"], Int[Array, " E"]]:
    """List all pairs of two kinds, and of a player and a kind."""
    kinds, players = range(dials.types), range(dials.types, dials.types + dials.players)
    pairs = [*itertools.combinations(kinds, 2), *itertools.product(players, kinds)]
    a, b = np.array(pairs, np.int32).T
    return jnp.asarray(a), jnp.asarray(b)


def _spawned(chance: Chance, rank: Int[Array, " R"], kinds: Kinds) -> Int[Array, "R 3"]:
    """Draw what dead ends spawn: spare kinds of a higher rank, perhaps none."""
    shape = (len(rank), SPAWNS)
    later = (kinds.spares - rank - 1)[:, None]
    spawned = chance.coin(_SPAWNED, *shape) & (later > 0)
    which = (rank + 1)[:, None] + chance.whole(later, *shape)
    spawns = jnp.where(spawned, kinds.spare[which], -1)
    return jnp.take_along_axis(spawns, jnp.argsort(~spawned, axis=1), 1)
