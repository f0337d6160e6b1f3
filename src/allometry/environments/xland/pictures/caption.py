"""Caption: a task's goals and rules as parts of sentences, what is hidden marked.

Where `language` says what one player knows, this tells everything: "player holds black
cube", "purple cube touches yellow sphere → black cube". Each part knows from which
players it is hidden, and what number each is told instead.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    PREDICATES,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.game import Game, Goal
from allometry.environments.xland.numbering import numbering
from allometry.environments.xland.relation import ON
from allometry.environments.xland.views.language import NOTHING, VERBS

#: Pairs of a player from whom something is hidden, and the number told instead.
Marks = tuple[tuple[int, int], ...]


class Icon(NamedTuple):
    """A small picture: of an "object" (its kind), a "player" or a "floor"."""

    what: str
    number: int


class Part(NamedTuple):
    """Words that stay together; a relation that is hidden has the number 0."""

    words: str
    icon: Icon | None = None
    hidden: Marks = ()


class Line(NamedTuple):
    """A sentence; `hidden` are the players who are told only that there is one."""

    parts: tuple[Part, ...]
    hidden: tuple[int, ...] = ()


class Passage(NamedTuple):
    """A heading and the lines under it."""

    heading: str
    lines: tuple[Line, ...]


def passages(game: Game, dials: Complexity) -> tuple[Passage, ...]:
    """Say the goals, players with the same one together, and the rules."""
    said: dict[tuple[Line, ...], list[int]] = {}
    for player in range(dials.players):
        said.setdefault(goal(game, dials, player), []).append(player)
    found = [Passage(_whose(who, dials), lines) for lines, who in said.items()]
    told = rules(game, dials)
    if told:
        found.append(Passage("Rules", told))
    return tuple(found)


def goal(game: Game, dials: Complexity, player: int) -> tuple[Line, ...]:
    """Say a player's goal: one line for each clause, of which one must hold."""
    mine = Goal(*(np.asarray(field)[player] for field in game.goal))
    clauses: dict[int, list[Part]] = {}
    for k, number in enumerate(int(clause) for clause in mine.clause):
        if number < 0:
            continue
        clause = clauses.setdefault(number, [])
        if clause:
            clause.append(Part("and"))
        if mine.negated[k]:
            clause.append(Part("not"))
        predicate = int(mine.predicate[k])
        clause.append(_thing(int(mine.a[k]), dials))
        clause.append(_verb(predicate))
        clause.append(_second(predicate, int(mine.b[k]), dials))
    lines = [parts for _, parts in sorted(clauses.items())]
    return tuple(
        Line((Part("or"), *parts) if number else tuple(parts))
        for number, parts in enumerate(lines)
    )


def rules(game: Game, dials: Complexity) -> tuple[Line, ...]:
    """Say all rules whole, with marks of what is hidden from whom."""
    host = jax.tree.map(np.asarray, game)
    players = range(dials.players)
    kinds = np.array([numbering(host, player, dials).kinds for player in players])
    active = np.flatnonzero(host.rules.active)
    return tuple(_rule(host, int(number), dials, kinds) for number in active)


def plain(line: Line, players: int) -> str:
    """Write a line without pictures: a hidden part is followed by [?], or [?2]."""
    words = []
    for part in line.parts:
        marks = [
            f"[{_of(player, players)}?{number or ''}]" for player, number in part.hidden
        ]
        words.append(part.words + "".join(marks))
    whole = [f"[{_of(player, players)}hidden]" for player in line.hidden]
    return " ".join([*words, *whole])


def _of(player: int, players: int) -> str:
    return f"player {player + 1}: " if players > 1 else ""


def _whose(who: Sequence[int], dials: Complexity) -> str:
    if dials.players == 1:
        return "Goal"
    if len(who) == dials.players:
        return "Goal of both players" if len(who) == 2 else "Goal of all players"
    numbers = " and ".join(str(player + 1) for player in who)
    return f"Goal of player{'s' if len(who) > 1 else ''} {numbers}"


def _thing(number: int, dials: Complexity, hidden: Marks = ()) -> Part:
    if number >= dials.types:
        player = number - dials.types
        name = f"player {player + 1}" if dials.players > 1 else "player"
        return Part(name, Icon("player", player))
    colour, shape = COLOURS[number % dials.colours], SHAPES[number // dials.colours]
    return Part(f"{colour} {shape}", Icon("object", number), hidden)


def _second(
    predicate: int,
    number: int,
    dials: Complexity,
    hidden: Marks = (),
) -> Part:
    """Name the second thing of an atom, or the floor that the first stands on."""
    if predicate == ON:
        return Part(f"{FLOORS[number]} floor", Icon("floor", number))
    return _thing(number, dials, hidden)


def _verb(predicate: int, hidden: Marks = ()) -> Part:
    return Part(VERBS[PREDICATES[predicate]][0], None, hidden)


def _rule(
    game: Game, number: int, dials: Complexity, kinds: Int[np.ndarray, "P K"]
) -> Line:
    """Say a rule; `kinds` are the numbers that players are told of hidden kinds."""
    rules, hidden = game.rules, game.hidden
    whole = hidden.rules[:, number]

    def marks(secret: np.ndarray, told: np.ndarray) -> Marks:
        players = np.flatnonzero(secret & ~whole)
        return tuple((int(player), int(told[player])) for player in players)

    def of(kind: int) -> Marks:
        """Mark a kind with what players are told instead."""
        if kind >= dials.types:
            return ()
        return marks(kinds[:, kind] > 0, kinds[:, kind])

    predicate = int(rules.predicate[number])
    a, b = int(rules.a[number]), int(rules.b[number])
    secret = np.asarray(hidden.predicates[:, number])
    verb = _verb(predicate, marks(secret, 0 * secret))
    spawned = [int(kind) for kind in rules.spawns[number] if kind >= 0]
    parts = [_thing(a, dials, of(a)), verb]
    parts.append(_second(predicate, b, dials, of(b) if predicate != ON else ()))
    parts.append(Part("→"))
    for place, kind in enumerate(spawned):
        parts += [Part("and")] if place else []
        parts.append(_thing(kind, dials, of(kind)))
    parts += [] if spawned else [Part(NOTHING)]
    return Line(tuple(parts), tuple(int(player) for player in np.flatnonzero(whole)))
