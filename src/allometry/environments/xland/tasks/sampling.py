"""Sampling: how a game is drawn (Adaptive Agent Team 2023, arXiv 2301.07608, 4.1).

A goal, a chain of rules that must fire one after the other to make what the goal is
about, the objects that these begin with, distractors, dead ends, and a hiding mask for
each player. With several players, each mention of one is drawn among them.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.game import SPAWNS, Game, Goal, Hidden, Rules
from allometry.environments.xland.tasks.chance import Chance, draw
from allometry.environments.xland.tasks.deadends import Kinds, dead_ends
from allometry.environments.xland.tasks.goals import (
    ON,
    Atoms,
    atoms,
    further_pairs,
    opposite,
    written,
)
from allometry.environments.xland.tasks.meaning import sided
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.plan import HOLD, Plan, plan

#: Share of games that have frozen objects, if any have.
_FROZEN = 0.5
#: Probability of each distractor that a rule of the chain spawns beside its product.
_BESIDE = 0.25
#: In a pair that is not there.
_NOTHING = -2


def sample_game(
    key: Key[Array, ""],
    dials: Complexity,
    novelty: Novelty | None = None,
    side: Int[Array, ""] | None = None,
) -> Game:
    """Draw a game, with what must be new in it; consumes the key.

    `side` 0 or 1 is the split that it must belong to by its meaning. A kind that is in
    no game of training need not be moved for that.
    """
    novelty = novelty or Novelty()
    game = draw(key, lambda chance: _game(chance, dials, novelty))
    if side is None or novelty.colour or novelty.shape:
        return game
    return sided(game, side, dials)


def _game(chance: Chance, dials: Complexity, novelty: Novelty) -> Game:
    chain = plan(chance, dials, novelty)
    sketches = _sketches(chance, chain, dials, novelty)
    steps = jnp.arange(dials.chain + 1)
    partnered = jnp.stack([each.partnered for each in sketches]).any()
    paired = chain.is_rule & chain.pairs | (steps == chain.length) & partnered
    waits = paired | (steps == chain.length) & (dials.atoms > 1)
    spare, spares, rank = _spare(chain, waits)
    distractors = _distractors(chance, spare, spares, dials, novelty)
    goal = _goal(sketches, chain, spare, dials)
    kinds = _start(chance, chain, waits, distractors, dials)
    frozen = _frozen(chance, chain, goal, dials)
    products = _products(chance, chain, spare, spares, dials)
    kept = jnp.concatenate([_met(chain), _beside(products), _asked(goal)])
    every = jnp.arange(dials.types)
    known = Kinds(
        rank=rank,
        spare=spare,
        spares=spares,
        there=((kinds[:, None] == every).any(0) | (products[:, :1] == every).any(0)),
        free=(rank >= 0) & ~_in(goal, dials),
        unlifted=_unlifted(chance, chain, paired, frozen, dials),
    )
    rules = _rules(chance, chain, products, known, kept, dials, novelty)
    return Game(
        goal=goal,
        rules=rules,
        hidden=_hidden(chance, dials),
        kinds=kinds,
        frozen=frozen[kinds] & (kinds >= 0),
        chain=chain.length,
    )


def _sketches(
    chance: Chance, chain: Plan, dials: Complexity, novelty: Novelty
) -> list[Atoms]:
    """Draw the goals that are not made from others: each player's, or one for all."""
    whose = list(range(dials.players)) if dials.goals == "independent" else [None]
    return [atoms(chance, chain, dials, novelty, player) for player in whose]


def _goal(
    sketches: list[Atoms], chain: Plan, spare: Int[Array, " T"], dials: Complexity
) -> Goal:
    """Write down the goals of all players."""
    further = further_pairs(dials)
    pairs = jnp.concatenate(
        [chain.goal[None], spare[: 2 * further].reshape(further, 2)]
    )
    goals = [written(each, pairs) for each in sketches]
    if dials.goals == "opposed":
        goals.append(opposite(goals[0]))
    each = [goals[player % len(goals)] for player in range(dials.players)]
    return Goal(*(jnp.stack(fields) for fields in zip(*each, strict=True)))


def _spare(
    chain: Plan, waits: Bool[Array, " S"]
) -> tuple[Int[Array, " T"], Int[Array, ""], Int[Array, " T"]]:
    """List the kinds that are not needed first, count them, and rank all kinds."""
    used = jnp.stack([jnp.arange(len(waits)) <= chain.length, waits], 1).ravel()
    needed = jnp.pad(used, (0, len(chain.order) - len(used)))
    spare = chain.order[jnp.argsort(needed)]
    rank = jnp.where(needed, -1, jnp.cumsum(~needed) - 1)
    return spare, (~needed).sum(), jnp.zeros_like(rank).at[chain.order].set(rank)


def _distractors(
    chance: Chance,
    spare: Int[Array, " T"],
    spares: Int[Array, ""],
    dials: Complexity,
    novelty: Novelty,
) -> Int[Array, " D"]:
    """Draw the distractors at the start, −1 for none; all, if goals are over them."""
    least = dials.distractors if dials.atoms > 1 else novelty.distractors
    count = least + chance.whole(dials.distractors - least + 1)
    number = jnp.arange(dials.distractors)
    there = (number < count) & (spares > 0)
    return jnp.where(there, spare[number % jnp.maximum(spares, 1)], -1)


def _start(
    chance: Chance,
    chain: Plan,
    waits: Bool[Array, " S"],
    distractors: Int[Array, " D"],
    dials: Complexity,
) -> Int[Array, " O"]:
    """List the kinds at the start, in slots that tell nothing."""
    partners = jnp.where(waits, chain.things[:, 1], -1)
    kinds = jnp.concatenate([chain.things[:1, 0], partners, distractors])
    kinds = jnp.pad(kinds, (0, dials.objects - len(kinds)), constant_values=-1)
    return kinds[chance.order(dials.objects)]


def _frozen(
    chance: Chance, chain: Plan, goal: Goal, dials: Complexity
) -> Bool[Array, " T"]:
    """Draw kinds that cannot be moved at the start; what must be moved can be.

    Of two objects that must meet one can; what a rule makes always can.
    """
    frozen = chance.coin(dials.frozen, dials.types) & chance.coin(_FROZEN)
    if dials.atoms > 1:
        frozen &= ~_in(goal, dials)
    first, partner = chain.things[0]
    by_player = jnp.where(
        chain.length > 0, ~chain.pairs[0], (goal.a >= dials.types).all()
    )
    must_move = jnp.where(
        chain.length > 0,
        chain.predicate[0] == HOLD,
        ((goal.predicate == HOLD) | (goal.predicate == ON)).any(),
    )
    must_move |= ~by_player & frozen[partner]
    return frozen.at[first].min(~must_move)


def _in(goal: Goal, dials: Complexity) -> Bool[Array, " T"]:
    """Say which kinds of objects goals are over."""
    things = jnp.stack([goal.a, jnp.where(goal.predicate == ON, -1, goal.b)])
    return (things.reshape(-1, 1) == jnp.arange(dials.types)).any(0)


def _products(
    chance: Chance,
    chain: Plan,
    spare: Int[Array, " T"],
    spares: Int[Array, ""],
    dials: Complexity,
) -> Int[Array, "C 3"]:
    """Draw what the rules of the chain spawn: what the next step needs comes first.

    So it always finds a free slot (see `game.produce`).
    """
    count = dials.chain
    beside = spare[chance.whole(spares, count, SPAWNS - 1)]
    there = chance.coin(_BESIDE, count, SPAWNS - 1) & (spares > 0)
    there = there & chain.is_rule[:count, None]
    product = jnp.where(chain.is_rule[:count], chain.things[1:, 0], -1)
    return jnp.concatenate([product[:, None], jnp.where(there, beside, -1)], 1)


def _met(chain: Plan) -> Int[Array, "S 2"]:
    """List the pairs of things of the chain's conditions."""
    partner = jnp.where(chain.pairs, chain.things[:, 1], chain.player)
    pairs = jnp.stack([chain.things[:, 0], partner], 1)
    return jnp.where(chain.is_rule[:, None], pairs, _NOTHING)


def _beside(products: Int[Array, "C 3"]) -> Int[Array, "M 2"]:
    """List the pairs of kinds that a rule of the chain makes beside each other."""
    pairs = products[:, jnp.array([[0, 1], [0, 2], [1, 2]])].reshape(-1, 2)
    return jnp.where((pairs >= 0).all(1, keepdims=True), pairs, _NOTHING)


def _asked(goal: Goal) -> Int[Array, "M 2"]:
    """List the pairs of things of the goals' atoms."""
    pairs = jnp.stack([goal.a, goal.b], -1).reshape(-1, 2)
    over_two = (goal.clause >= 0) & (goal.predicate != ON)
    return jnp.where(over_two.reshape(-1, 1), pairs, _NOTHING)


def _unlifted(
    chance: Chance,
    chain: Plan,
    paired: Bool[Array, " S"],
    frozen: Bool[Array, " T"],
    dials: Complexity,
) -> Bool[Array, " T"]:
    """Say which needed objects can be done without lifting: one of a pair at most.

    It is pushed, or the other is brought to it, which therefore must not be frozen.
    """
    steps = jnp.arange(len(paired))
    object_, partner = chain.things.T
    stuck = frozen[partner] | frozen[object_] & (steps == 0)
    which = jnp.where(chance.coin(0.5, len(paired)), object_, partner)
    spared = paired & ~stuck & (dials.atoms == 1)
    return jnp.zeros(dials.types, bool).at[which].max(spared)


def _rules(
    chance: Chance,
    chain: Plan,
    products: Int[Array, "C 3"],
    known: Kinds,
    kept: Int[Array, "M 2"],
    dials: Complexity,
    novelty: Novelty,
) -> Rules:
    """Write the chain and dead ends, in a random order; those not used are empty."""
    if not dials.rules:
        none = jnp.zeros((0,), jnp.int32)
        spawns = jnp.zeros((0, SPAWNS), jnp.int32)
        return Rules(none, none, none, spawns, jnp.zeros((0,), bool))
    links = _links(chance, chain, products)
    ends = dead_ends(chance, known, kept, dials)
    least = jnp.maximum(novelty.rules - chain.length, 0)
    count = least + chance.whole(dials.rules - chain.length - least + 1)
    ends = ends._replace(active=ends.active & (jnp.arange(dials.rules) < count))
    both = jax.tree.map(lambda *fields: jnp.concatenate(fields), links, ends)
    used = jnp.argsort(~both.active)[: dials.rules][chance.order(dials.rules)]
    rules = jax.tree.map(lambda field: field[used], both)
    return Rules(
        predicate=jnp.where(rules.active, rules.predicate, 0),
        a=jnp.where(rules.active, rules.a, -1),
        b=jnp.where(rules.active, rules.b, -1),
        spawns=jnp.where(rules.active[:, None], rules.spawns, -1),
        active=rules.active,
    )


def _links(chance: Chance, chain: Plan, products: Int[Array, "C 3"]) -> Rules:
    """Write the chain: a player comes first in a condition, objects in any order."""
    pairs = _met(chain)[:-1]
    is_rule = chain.is_rule[:-1]
    swapped = ~chain.pairs[:-1] | chance.coin(0.5, len(pairs))
    return Rules(
        predicate=chain.predicate[:-1],
        a=jnp.where(swapped, pairs[:, 1], pairs[:, 0]),
        b=jnp.where(swapped, pairs[:, 0], pairs[:, 1]),
        spawns=products,
        active=is_rule,
    )


def _hidden(chance: Chance, dials: Complexity) -> Hidden:
    """Draw what is hidden from each player: each rule, kind and predicate alone."""
    players, rules = dials.players, dials.rules
    return Hidden(
        chance.coin(dials.hidden, players, rules),
        chance.coin(dials.hidden, players, dials.types),
        chance.coin(dials.hidden, players, rules),
    )
