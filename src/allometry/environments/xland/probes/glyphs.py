"""Glyphs: a terrain, and what stands on it, drawn in characters.

| glyph | cell |
|---|---|
| `#` | wall; the map's edge is all wall |
| `.` | floor on the ground |
| `b` `r` `w` | blue, red, white floor on the ground |
| `1` … `5` | floor at that height, m |
| `>` `<` `^` `v` | ramp that rises to the right, left, top, foot of the page |
| `A` … `Z` | what the legend says: one thing, on grey ground unless told otherwise |

A legend's entry is `player 1`, `black cube`, `frozen black cube`, `mark` or
`red floor`; then, where it stands otherwise than on grey ground, `on red floor`,
`at height 2`. A row further up the page is further along +y.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from allometry.environments.xland.complexity import FLOORS
from allometry.environments.xland.probes import sentence
from allometry.environments.xland.terrain import EAST, FLAT, NORTH, SOUTH, WEST
from allometry.refusal import Refusal

WALL, GROUND = "#", "."
RAMPS = {">": EAST, "<": WEST, "^": NORTH, "v": SOUTH}
PAINTED = {"b": "blue", "r": "red", "w": "white"}
_HEIGHTS = "12345"
#: A wall's height in a drawing: environments put it above all of their floors.
WALLED = -1
_ENTRY = re.compile(
    r"(?P<frozen>frozen )?(?P<what>player \d+|mark|\w+ floor|\w+ \w+)"
    r"(?: on (?P<colour>\w+) floor)?(?: at height (?P<height>[0-5]))?"
)
_UPHILL = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, 1), SOUTH: (0, -1)}

Cell = tuple[int, int]


class Entry(NamedTuple):
    """What a letter stands for: `what` is an object, a player, "mark" or "floor"."""

    what: str
    frozen: bool
    colour: str
    height: int


class Drawing(NamedTuple):
    """A map: `height`, `ramp`, `colour` `[W, H]` by x and y; the cells of letters."""

    height: np.ndarray
    ramp: np.ndarray
    colour: np.ndarray
    cells: Mapping[str, tuple[Cell, ...]]


class Misdrawn(Refusal):
    """A refusal of one row of a map, counted from 0."""

    def __init__(self, row: int, sentence: str):
        super().__init__(sentence)
        self.row = row


def entry(letter: str, text: str) -> Entry:
    """Read a legend's entry; raises `Refusal` for what cannot stand in a cell."""
    if not re.fullmatch("[A-Z]", letter):
        raise Refusal(f"{letter!r} is no letter of a legend: use A to Z.")
    if "," in text or " and " in text:
        raise Refusal(
            f"{letter} is two things in one place, {text!r}: a cell holds one."
        )
    found = _ENTRY.fullmatch(" ".join(text.split()))
    if not found:
        raise Refusal(
            f"{letter} is {text!r}: write 'player 1', 'black cube', 'frozen black "
            "cube', 'mark' or 'red floor', then 'on red floor' or 'at height 2' where "
            "it is so."
        )
    what, colour = found["what"], found["colour"] or FLOORS[0]
    if what.endswith(" floor"):
        what, colour = "floor", what.removesuffix(" floor")
    elif what != "mark" and sentence.player(what) is None:
        what = sentence.object_(what)
    if found["frozen"] and not sentence.is_object(what):
        raise Refusal(f"{letter} is {text!r}: only objects can be frozen.")
    if colour not in FLOORS:
        raise Refusal(
            f"{letter} stands on {colour} floor: floors are {', '.join(FLOORS)}."
        )
    return Entry(what, bool(found["frozen"]), colour, int(found["height"] or 0))


def draw(text: str, legend: Mapping[str, Entry]) -> Drawing:
    """Read a map; raises `Misdrawn` for an error, with its row."""
    rows = text.strip("\n").split("\n")
    wide, high = len(rows[0]), len(rows)
    for number, row in enumerate(rows):
        if len(row) != wide:
            raise Misdrawn(
                number,
                f"the row {row!r} has {len(row)} characters, and the first {wide}: "
                "all rows of a map are of one length.",
            )
    height, ramp, colour = np.zeros((3, wide, high), int)
    drawing = Drawing(height, ramp, colour, {})
    cells: dict[str, tuple[Cell, ...]] = {}
    for number, row in enumerate(rows):
        for x, glyph in enumerate(row):
            cell = x, high - 1 - number
            _put(glyph, cell, number, drawing, legend)
            if glyph in legend:
                cells[glyph] = (*cells.get(glyph, ()), cell)
    for number, row in enumerate(rows):
        for x, glyph in enumerate(row):
            if glyph in RAMPS:
                _foot((x, high - 1 - number), number, drawing)
    return drawing._replace(cells=cells)


def _put(
    glyph: str, cell: Cell, row: int, drawing: Drawing, legend: Mapping[str, Entry]
) -> None:
    """Write one glyph's cell, ramps without their height."""
    wide, high = drawing.height.shape
    inside = 0 < cell[0] < wide - 1 and 0 < cell[1] < high - 1
    if glyph != WALL and not inside:
        stands = f" {legend[glyph].what} stands on a wall:" if glyph in legend else ""
        raise Misdrawn(
            row, f"{glyph!r} is at the map's edge:{stands} the edge is all {WALL!r}."
        )
    if glyph == WALL:
        drawing.height[cell] = WALLED
    elif glyph in legend:
        drawing.height[cell] = legend[glyph].height
        drawing.colour[cell] = FLOORS.index(legend[glyph].colour)
    elif glyph in _HEIGHTS:
        drawing.height[cell] = int(glyph)
    elif glyph in RAMPS:
        drawing.ramp[cell] = RAMPS[glyph]
    elif glyph in PAINTED:
        drawing.colour[cell] = FLOORS.index(PAINTED[glyph])
    elif glyph != GROUND:
        known = f"{WALL} {GROUND} {' '.join((*PAINTED, *RAMPS))} 1 to 5"
        letters = ", ".join(legend) or "none"
        raise Misdrawn(
            row,
            f"the glyph {glyph!r} is unknown: a map is drawn with {known}, and the "
            f"letters of its legend ({letters}).",
        )


def _foot(cell: Cell, row: int, drawing: Drawing) -> None:
    """Set the height of a ramp: that of the floor at its foot."""
    height, ramp = drawing.height, drawing.ramp
    way = _UPHILL[int(ramp[cell])]
    foot, steps = cell, 0
    while ramp[foot] == ramp[cell]:
        foot, steps = (foot[0] - way[0], foot[1] - way[1]), steps + 1
    top = cell
    rise = 0
    while ramp[top] == ramp[cell]:
        top, rise = (top[0] + way[0], top[1] + way[1]), rise + 1
    low, high = int(height[foot]), int(height[top])
    flat = ramp[foot] == FLAT and ramp[top] == FLAT and WALLED not in (low, high)
    if not flat or high - low != steps + rise - 1:
        raise Misdrawn(
            row,
            "a ramp does not fit: each rises by 1 from a flat floor at its foot to one "
            "at its top, straight on.",
        )
    height[cell] = low + steps - 1
