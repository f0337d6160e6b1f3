"""Written: games that are written down by hand."""

import numpy as np

from allometry.environments.xland.complexity import PREDICATES, Complexity
from allometry.environments.xland.game import Game, Goal, Hidden, Rules

DIALS = Complexity(
    arena=9, objects=6, shapes=4, colours=4, predicates=PREDICATES, atoms=3, rules=3,
    chain=0, distractors=2, players=3,
)  # fmt: skip
TOUCHING, NEAR, HOLD, SEE, ON, SIGHT = range(len(PREDICATES))
BLACK_CUBE, YELLOW_CUBE, PURPLE_SPHERE, GREEN_SLAB = 0, 2, 5, 15
FIRST, SECOND, THIRD = (DIALS.types + number for number in range(3))


def game(*, goals=(), rules=(), **hidden) -> Game:
    """Write a game: goals of players with atoms (predicate, negated, a, b, clause),
    rules (predicate, a, b, spawned kinds); what is hidden as (player, number) pairs.
    """
    atoms = np.full((DIALS.players, DIALS.atoms, 5), [0, 0, 0, 0, -1])
    for player, mine in enumerate(goals):
        atoms[player, : len(mine)] = mine
    predicate, negated, a, b, clause = np.moveaxis(atoms, -1, 0)
    conditions, spawns = np.full((DIALS.rules, 3), -1), np.full((DIALS.rules, 3), -1)
    for number, (*condition, made) in enumerate(rules):
        conditions[number], spawns[number, : len(made)] = condition, made
    sizes = {"rules": DIALS.rules, "kinds": DIALS.types, "predicates": DIALS.rules}
    masks = {
        name: np.zeros((DIALS.players, size), bool) for name, size in sizes.items()
    }
    for name, pairs in hidden.items():
        for player, number in pairs:
            masks[name.removeprefix("hidden_")][player, number] = True
    active = np.arange(DIALS.rules) < len(rules)
    return Game(
        Goal(predicate, negated > 0, a, b, clause),
        Rules(*conditions.T, spawns, active),
        Hidden(**masks),
        np.full(DIALS.objects, -1),
        np.zeros(DIALS.objects, bool),
        np.int32(0),
    )


RULES = [
    (TOUCHING, BLACK_CUBE, PURPLE_SPHERE, [YELLOW_CUBE, GREEN_SLAB]),
    (HOLD, SECOND, YELLOW_CUBE, []),
    (ON, GREEN_SLAB, 3, [BLACK_CUBE]),
]
