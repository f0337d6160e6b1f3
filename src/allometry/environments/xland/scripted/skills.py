"""Skills: what a scripted player is told to do, in lines that a person reads.

| line | what the player does |
|---|---|
| `go to PLACE` or `THING` | walks there, or until the thing is within reach |
| `touch THING` | walks against it, and stays there |
| `take THING` | goes there, faces it, grabs it |
| `drop` | lets go of what it holds, here and now |
| `bring THING to …` | takes it, carries it until the two touch, drops it |
| `push THING to …` | walks behind it and pushes it there, without lifting it |
| `push THING with THING to …` | the same with a thing held in between |
| `throw THING at …`, `throw held at …` | takes it, faces the target, throws it |
| `look at THING` or `PLACE`, `look away` | turns until it is seen, or nothing is |
| `wait N` | stands for N agent steps |
| `wait for THING`, `wait for no THING` | stands until there is one, or none |
| `wait for player 2 at PLACE` | stands until that player is in that cell |
| `tag player 2`, `free player 2` | goes there and does so |
| `stay` | stands until the trial ends |

A thing is a colour and a shape ("black cube": the nearest that can be reached) or a
player; a place is a mark of a map, `@A`, or a cell, `(3, 4)`.
"""

import dataclasses
import re

from allometry.environments.xland.complexity import COLOURS, SHAPES
from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Thing:
    """An object by its colour and shape, a player ("player 2"), or what is held."""

    name: str


@dataclasses.dataclass(frozen=True)
class Place:
    """A mark of a map, or the cell (x, y) with the ring of wall counted."""

    mark: str = ""
    cell: tuple[int, int] = (0, 0)


Target = Thing | Place
#: What a skill without a thing, tool or target has in its place.
NOTHING = Thing("")


@dataclasses.dataclass(frozen=True)
class Skill:
    """One line: its verb, and what the verb is done to, with and towards."""

    line: str
    verb: str
    thing: Thing = NOTHING
    tool: Thing = NOTHING
    to: Target = NOTHING
    steps: int = 0


_THING = rf"(?:(?:{'|'.join(COLOURS)}) (?:{'|'.join(SHAPES)})|player \d+)"
_PLACE = r"(?:@[A-Za-z]\w*|\(\s*\d+\s*,\s*\d+\s*\))"
_ANY = rf"(?:{_THING}|{_PLACE})"
_OBJECT = rf"(?:(?:{'|'.join(COLOURS)}) (?:{'|'.join(SHAPES)}))"
_FORMS = tuple(
    (verb, re.compile(form))
    for verb, form in (
        ("go", rf"go to (?P<to>{_ANY})"),
        ("touch", rf"touch (?P<thing>{_THING})"),
        ("take", rf"take (?P<thing>{_OBJECT})"),
        ("drop", r"drop"),
        ("bring", rf"bring (?P<thing>{_OBJECT}) to (?P<to>{_ANY})"),
        (
            "push",
            rf"push (?P<thing>{_OBJECT})(?: with (?P<tool>{_OBJECT}))? "
            rf"to (?P<to>{_ANY})",
        ),
        ("throw", rf"throw (?P<thing>{_OBJECT}|held) at (?P<to>{_ANY})"),
        ("look", rf"look at (?P<to>{_ANY})"),
        ("look away", r"look away"),
        ("wait", r"wait (?P<steps>\d+)"),
        ("wait for none", rf"wait for no (?P<thing>{_OBJECT})"),
        ("wait for", rf"wait for (?P<thing>{_OBJECT})"),
        ("wait at", rf"wait for (?P<thing>player \d+) at (?P<to>{_PLACE})"),
        ("tag", r"tag (?P<thing>player \d+)"),
        ("free", r"free (?P<thing>player \d+)"),
        ("stay", r"stay"),
    )
)


def parse(line: str) -> Skill:
    """Read one line; raises `Refusal` with the line and what is allowed."""
    words = " ".join(line.split())
    for verb, form in _FORMS:
        found = form.fullmatch(words)
        if found:
            parts = found.groupdict()
            return Skill(
                line=words,
                verb=verb,
                thing=Thing(parts.get("thing") or ""),
                tool=Thing(parts.get("tool") or ""),
                to=_target(parts.get("to") or ""),
                steps=int(parts.get("steps") or 0),
            )
    raise Refusal(
        f"No skill reads {words!r}: write 'go to', 'touch', 'take', 'drop', 'bring … "
        "to', 'push … to', 'throw … at', 'look at', 'look away', 'wait', 'tag', 'free' "
        "or 'stay' with things such as 'black cube' or 'player 2', or places such as "
        "'@A' or '(3, 4)'."
    )


def name(target: Target) -> str:
    """Name a target as its line does."""
    if isinstance(target, Thing):
        return target.name
    return f"@{target.mark}" if target.mark else str(target.cell)


def _target(words: str) -> Target:
    """Read a thing or a place."""
    if words.startswith("@"):
        return Place(mark=words[1:])
    if words.startswith("("):
        x, y = words.strip("()").split(",")
        return Place(cell=(int(x), int(y)))
    return Thing(words)
