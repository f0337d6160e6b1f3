"""Sentence: goals and rules read from words; `language` says them the other way round.

A thing is a colour and a shape ("black cube"), "player 1", or a floor ("red floor").

| words | predicate |
|---|---|
| A touches B | touching |
| A is near B | near |
| player 1 holds B | hold |
| player 1 sees B | see |
| A has a clear line to B | sight |
| A is on red floor | on |

A goal joins such atoms by `and`, and what is so joined by `or`; `not` stands before an
atom. A rule is a condition, `->`, and up to three objects with commas between, or
nothing: then both vanish.
"""

import re
from typing import NamedTuple

from allometry.environments.xland.complexity import COLOURS, FLOORS, SHAPES
from allometry.environments.xland.game import SPAWNS
from allometry.environments.xland.views import language
from allometry.refusal import Refusal

#: Verbs as `language` says them, and the predicate of each.
VERBS = {said: predicate for predicate, (said, _) in language.VERBS.items()}
_VERB = re.compile(rf"^(.*?) ({'|'.join(VERBS)})(?: (.*))?$")
_PLAYER = re.compile(r"player (\d+)")


class Atom(NamedTuple):
    """A predicate over two things in words, perhaps negated."""

    predicate: str
    a: str
    b: str
    negated: bool = False


class Rule(NamedTuple):
    """A condition and the objects that it spawns."""

    condition: Atom
    spawns: tuple[str, ...]


def goal(text: str) -> tuple[tuple[Atom, ...], ...]:
    """Read a goal: clauses of which one must hold, each of atoms that all must.

    Raises `Refusal` for what is no goal.
    """
    return tuple(
        tuple(_negatable(part) for part in re.split(r"\s+and\s+", clause.strip()))
        for clause in re.split(r",?\s+or\s+", text.strip())
    )


def rule(text: str) -> Rule:
    """Read a rule; raises `Refusal` for what is none."""
    condition, arrow, made = text.partition("->")
    if not arrow:
        raise Refusal(
            f"the rule {text!r} has no arrow: write, for example, "
            '"purple sphere touches yellow pyramid -> black cube".'
        )
    met = atom(condition)
    if met.predicate == "on":
        raise Refusal(
            f"the rule {text!r} is over a floor: a rule's condition is over two things."
        )
    some = made.strip() not in ("", language.NOTHING)
    spawns = tuple(object_(name) for name in made.split(",") if some)
    if len(spawns) > SPAWNS:
        raise Refusal(
            f"the rule {text!r} spawns {len(spawns)} objects: at most {SPAWNS} may be."
        )
    return Rule(met, spawns)


def atom(text: str) -> Atom:
    """Read one condition; raises `Refusal` for an unknown predicate or thing."""
    words = " ".join(text.split())
    found = _VERB.match(words)
    if not found:
        raise Refusal(
            f"{words!r} holds no predicate that is known: two things are joined by "
            f"one of {', '.join(VERBS)}."
        )
    first, verb, second = found.group(1), found.group(2), found.group(3) or ""
    predicate = VERBS[verb]
    first = _player(first, verb) if predicate in ("hold", "see") else _thing(first)
    second = _floor(second) if predicate == "on" else _thing(second)
    if first == second and _PLAYER.fullmatch(first):
        raise Refusal(f"{words!r} is of one player only: name two things.")
    return Atom(predicate, first, second)


def object_(text: str) -> str:
    """Read an object's colour and shape; raises `Refusal` for any other."""
    words = " ".join(text.split())
    if is_object(words):
        return words
    raise Refusal(
        f"{text.strip()!r} is no object: one has a colour ({', '.join(COLOURS)}) and a "
        f"shape ({', '.join(SHAPES)})."
    )


def is_object(name: str) -> bool:
    """Say whether a name is that of an object."""
    colour, _, shape = name.partition(" ")
    return colour in COLOURS and shape in SHAPES


def kind(name: str, colours: int) -> int:
    """Number the kind of an object where there are so many colours."""
    colour, shape = name.split()
    return SHAPES.index(shape) * colours + COLOURS.index(colour)


def player(name: str) -> int | None:
    """Number a player from 0; None for an object."""
    found = _PLAYER.fullmatch(name)
    return int(found.group(1)) - 1 if found else None


def _negatable(text: str) -> Atom:
    words = text.strip()
    if not words.startswith("not "):
        return atom(words)
    inner = words.removeprefix("not ").strip()
    if inner.startswith("(") and inner.endswith(")"):
        inner = inner[1:-1]
    return atom(inner)._replace(negated=True)


def _thing(words: str) -> str:
    return words if _PLAYER.fullmatch(words) else object_(words)


def _player(words: str, verb: str) -> str:
    if not _PLAYER.fullmatch(words):
        raise Refusal(f"{words!r} {verb} nothing: only a player does, as 'player 1'.")
    return words


def _floor(words: str) -> str:
    colour = words.removesuffix(" floor")
    if colour not in FLOORS or colour == words:
        raise Refusal(
            f"{words!r} is no floor: one is {', '.join(FLOORS)}, as in 'red floor'."
        )
    return words
