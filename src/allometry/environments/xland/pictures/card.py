"""Card: one task on paper: its arena, and beside it the goals and rules in words."""

from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures import caption
from allometry.environments.xland.pictures.lettering import broken, font
from allometry.environments.xland.pictures.notes import FAINT, PAPER, SIZE, Notes
from allometry.environments.xland.pictures.render import Arena, side

#: An arena is about so large, its cells at least so, in pixels; the words beside it
#: are no wider, and no narrower.
_ARENA, _CELL, _WORDS, _LEAST = 360, 30, 376, 200
_LINE, _GAP = SIZE + 5, 16


class Scene(NamedTuple):
    """A state of `XLand` to be shown, its dials, and the title above it."""

    state: Any
    dials: Complexity
    title: str


class Card:
    """The card of a scene, on which any state of its task can be drawn."""

    def __init__(self, scene: Scene):
        """Write the words."""
        state, dials, title = scene
        pixels = max(_CELL, _ARENA // (dials.arena + 1))
        self._arena = Arena(state.task.terrain, dials, pixels)
        arena = side(dials, pixels)
        told = caption.passages(state.task.game, dials)
        notes = Notes(told, dials.colours, dials.players, _WORDS)
        wide = arena + _GAP + max(_LEAST, notes.width)
        small = font(SIZE - 2)
        lines = broken(title, small, wide)
        self._top = len(lines) * _LINE + 4
        #: Width and height in pixels.
        self.size = wide, self._top + max(arena, notes.height)
        self._paper = Image.new("RGB", self.size, PAPER)
        pen = ImageDraw.Draw(self._paper)
        for number, line in enumerate(lines):
            pen.text((0, number * _LINE), line, fill=FAINT, font=small)
        notes.draw(self._paper, arena + _GAP, self._top)

    def draw(self, state: Any) -> Image.Image:
        """Draw the card with a state of its task."""
        picture = self._paper.copy()
        picture.paste(self._arena.draw(state), (0, self._top))
        return picture
