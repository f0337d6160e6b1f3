"""Language: goals and rules as sentences, for people and for agents that read.

| what | how it is said |
|---|---|
| thing | "a black cube"; "you", "player 2"; "red floor" |
| atom | "you hold a black cube"; "not (a black cube is near player 2)" |
| goal | its atoms joined by "and", these by ", or" |
| rule | a condition, ":", and what is there instead, or "nothing" |
| hidden | "a rule that is hidden"; "something 1"; "stands in relation 1 to" |

What is hidden from a player is numbered (see `numbering`): "something 1" is the same
thing wherever it stands. Outside of programs: these functions take one task's arrays,
and give strings; `tokens` says the same within.
"""

from collections.abc import Sequence

import jax
import numpy as np

from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    PREDICATES,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.game import Game, Goal
from allometry.environments.xland.numbering import Numbering, numbering
from allometry.environments.xland.relation import ON

#: Verbs of predicates: of others, and of "you".
VERBS = {
    "touching": ("touches", "touch"),
    "near": ("is near", "are near"),
    "hold": ("holds", "hold"),
    "see": ("sees", "see"),
    "on": ("is on", "are on"),
    "sight": ("has a clear line to", "have a clear line to"),
}
#: The verb of a predicate that is hidden; its number and `TO` follow.
RELATION, TO = ("stands in relation", "stand in relation"), "to"
HIDDEN_RULE, HIDDEN_THING, NOTHING = "a rule that is hidden", "something", "nothing"
#: What stands before a goal, and before each rule.
GOAL, RULE = "Goal:", "Rule:"


def whole(game: Game, dials: Complexity, player: int = 0) -> str:
    """Say all that a player knows: "Goal: you hold a black cube. Rule: …"."""
    said = [f"{GOAL} {goal(game, dials, player)}."]
    said += [f"{RULE} {rule}." for rule in rules(game, dials, player)]
    return " ".join(said)


def goal(game: Game, dials: Complexity, player: int = 0) -> str:
    """Say a player's goal: "you hold a black cube, or …"."""
    mine = Goal(*(np.asarray(field)[player] for field in game.goal))
    clauses: dict[int, list[str]] = {}
    for k in range(len(mine.clause)):
        number = int(mine.clause[k])
        if number >= 0:
            clauses.setdefault(number, []).append(_atom(mine, k, dials, player))
    said = [" and ".join(atoms) for _, atoms in sorted(clauses.items())]
    return ", or ".join(said) if said else NOTHING


def rules(game: Game, dials: Complexity, player: int | None = 0) -> list[str]:
    """Say the rules as a player knows them; `player` None says all of them whole."""
    host = jax.tree.map(np.asarray, game)
    numbers = None if player is None else numbering(host, player, dials)
    active = np.flatnonzero(host.rules.active)
    return [_rule(host, int(number), dials, player, numbers) for number in active]


def named(number: int, dials: Complexity, player: int | None = 0) -> str:
    """Name a thing: "a yellow sphere", "you", "player 2"."""
    if number >= dials.types:
        who = number - dials.types
        return "you" if who == player else f"player {who + 1}"
    colour, shape = COLOURS[number % dials.colours], SHAPES[number // dials.colours]
    return f"a {colour} {shape}"


def _atom(mine: Goal, k: int, dials: Complexity, player: int) -> str:
    predicate = int(mine.predicate[k])
    first = named(int(mine.a[k]), dials, player)
    number = int(mine.b[k])
    second = _floor(number) if predicate == ON else named(number, dials, player)
    said = f"{first} {_verb(predicate, first)} {second}"
    return f"not ({said})" if bool(mine.negated[k]) else said


def _rule(
    game: Game,
    number: int,
    dials: Complexity,
    player: int | None,
    numbers: Numbering | None,
) -> str:
    if player is not None and game.hidden.rules[player, number]:
        return HIDDEN_RULE

    def known(thing: int) -> str:
        """Name a thing, or which of the hidden ones it is."""
        if numbers is not None and thing < dials.types and numbers.kinds[thing]:
            return f"{HIDDEN_THING} {numbers.kinds[thing]}"
        return named(thing, dials, player)

    rules = game.rules
    predicate, b = int(rules.predicate[number]), int(rules.b[number])
    first = known(int(rules.a[number]))
    verb = _verb(predicate, first)
    if numbers is not None and numbers.predicates[number]:
        verb = f"{RELATION[first == 'you']} {numbers.predicates[number]} {TO}"
    second = _floor(b) if predicate == ON else known(b)
    made = _listed([known(int(kind)) for kind in rules.spawns[number] if kind >= 0])
    return f"{first} {verb} {second}: {made}"


def _verb(predicate: int, first: str) -> str:
    return VERBS[PREDICATES[predicate]][first == "you"]


def _floor(colour: int) -> str:
    return f"{FLOORS[colour]} floor"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if names else NOTHING
