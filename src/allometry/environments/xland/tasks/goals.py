"""Goals: how they are drawn, in disjunctive normal form, one for each player.

The first atom of each conjunction is over the plan's goal, or what else is there; it is
not negated, and does not hold before anybody acts, if the predicates allow it. No kind
of object is in two atoms of a conjunction, and no player must hold two or stand on two
colours, so that no conjunction is impossible.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.complexity import (
    DEEDS,
    FLOORS,
    PREDICATES,
    Complexity,
)
from allometry.environments.xland.game import Goal
from allometry.environments.xland.tasks.chance import Chance
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.plan import HOLD, Plan, parts, referred

SEE, ON, SIGHT = (PREDICATES.index(name) for name in ("see", "on", "sight"))
#: Probability that an atom begins a conjunction, and that one within is negated.
_OR, _NOT = 0.5, 0.25


class Atoms(NamedTuple):
    """A goal's atoms `[K]` by which pair of objects they are over.

    Those that are `by_player` are over `player` and the pair's first object. `clause`
    is −1 for no atom.
    """

    predicate: Int[Array, " K"]
    negated: Bool[Array, " K"]
    by_player: Bool[Array, " K"]
    player: Int[Array, " K"]
    pair: Int[Array, " K"]
    swapped: Bool[Array, " K"]
    floor: Int[Array, " K"]
    clause: Int[Array, " K"]

    @property
    def partnered(self) -> Bool[Array, ""]:
        """Whether some atom is over the two objects of the plan's goal."""
        over_two = ~self.by_player & (self.predicate != ON)
        return (over_two & (self.pair == 0) & (self.clause >= 0)).any()


def further_pairs(dials: Complexity) -> int:
    """Count the pairs of distractors that atoms after the first may be over."""
    if dials.atoms == 1:
        return 0
    return min(dials.distractors, dials.types - 2 * (dials.chain + 1)) // 2


def atoms(
    chance: Chance, plan: Plan, dials: Complexity, novelty: Novelty, player: int | None
) -> Atoms:
    """Draw a goal of one player, or of all (None)."""
    count, further = dials.atoms, further_pairs(dials)
    clause, place = _clauses(chance, dials)
    first = place == 0
    predicate = jnp.where(
        first,
        chance.choice(_firsts(dials), count),
        chance.choice(_others(dials), count),
    )
    negated = chance.coin(_NOT, count) & ~first
    if novelty.predicate:
        predicate = predicate.at[0].set(PREDICATES.index(novelty.predicate))
    if parting := parts(dials, novelty):
        predicate = jnp.where(plan.apart, chance.choice(parting, count), predicate)
        negated |= plan.apart
    by_player = chance.coin(0.5, count) & ~plan.apart & (predicate != SIGHT)
    by_player &= (predicate != ON) | (place == 1)
    by_player |= (predicate == HOLD) | (predicate == SEE)
    shift = chance.whole(1 + further, count).at[0].set(0)[clause]
    if dials.chain:
        pair = jnp.where(first, 0, 1 + (shift + place - 1) % max(1, further))
    else:
        pair = (shift + place) % (1 + further)
    who = referred(dials) if player is None else [player]
    return Atoms(
        predicate,
        negated,
        by_player,
        dials.types + chance.choice(who, count),
        pair,
        chance.coin(0.5, count),
        1 + chance.whole(len(FLOORS) - 1, count),
        clause,
    )


def _firsts(dials: Complexity) -> list[int]:
    """List the predicates of a conjunction's first atom.

    Of objects that are there from the start some things may be so before anybody acts:
    that one is seen, or stands on a colour.
    """
    deeds = [name for name in dials.predicates if name in DEEDS]
    names = dials.predicates if dials.chain or not deeds else deeds
    return [PREDICATES.index(name) for name in names]


def _others(dials: Complexity) -> list[int]:
    """List the predicates of a conjunction's other atoms; a hand holds one object."""
    names = [name for name in dials.predicates if name != "hold"]
    return [PREDICATES.index(name) for name in names or dials.predicates]


def _clauses(chance: Chance, dials: Complexity) -> tuple[Array, Array]:
    """Draw each atom's conjunction, −1 for no atom, and its place therein.

    A goal that others oppose is one conjunction, or all are of one atom: only then is
    its negation one too.
    """
    count, longest = dials.atoms, 1 + further_pairs(dials)
    number = jnp.arange(count)
    used = number <= chance.whole(count)
    anew = chance.coin(_OR, count)
    if dials.goals == "opposed":
        anew = jnp.broadcast_to(anew[0], (count,))
        used &= anew | (number < longest)
    if dials.predicates == ("hold",):
        anew = jnp.ones(count, bool)
    clause, place = [jnp.int32(0)], [jnp.int32(0)]
    for k in range(1, count):
        begins = anew[k] | (place[-1] + 1 >= longest)
        clause.append(clause[-1] + begins)
        place.append(jnp.where(begins, 0, place[-1] + 1))
    return jnp.where(used, jnp.stack(clause), -1), jnp.stack(place)


def written(atoms: Atoms, pairs: Int[Array, "Q 2"]) -> Goal:
    """Write atoms over pairs of kinds down, as a goal `[K]`."""
    used = atoms.clause >= 0
    object_, partner = pairs[atoms.pair, 0], pairs[atoms.pair, 1]
    swapped = atoms.swapped & (atoms.predicate != ON)
    first = jnp.where(swapped, partner, object_)
    second = jnp.where(swapped, object_, partner)
    a = jnp.where(atoms.by_player, atoms.player, first)
    b = jnp.where(atoms.by_player, object_, second)
    b = jnp.where(atoms.predicate == ON, atoms.floor, b)
    return Goal(
        predicate=jnp.where(used, atoms.predicate, 0),
        negated=atoms.negated & used,
        a=jnp.where(used, a, -1),
        b=jnp.where(used, b, -1),
        clause=atoms.clause,
    )


def opposite(goal: Goal) -> Goal:
    """Negate a goal `[K]` of one conjunction, or of conjunctions of one atom."""
    used = goal.clause >= 0
    number = jnp.arange(len(goal.clause))
    one = goal.clause.max() == 0
    return goal._replace(
        negated=~goal.negated & used,
        clause=jnp.where(used, jnp.where(one, number, 0), -1),
    )
