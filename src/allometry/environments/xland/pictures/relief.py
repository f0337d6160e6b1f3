"""Relief: the picture of a terrain from above, lit from the upper left.

The higher a floor, the lighter it is; it bears its height in metres. Ramps grow lighter
upwards and bear an arrow that points up. Ledges are dark lines that cast a shadow on
the floor below; floor colours are laid on the floor like tiles.
"""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import FLOORS, Complexity
from allometry.environments.xland.floors import Floors
from allometry.environments.xland.pictures.figure import (
    FLOOR_PAINT,
    SMOOTH,
    Length,
    Paint,
    Pen,
    Place,
    shaded,
)
from allometry.environments.xland.pictures.lettering import font
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import (
    EAST,
    FLAT,
    NORTH,
    SOUTH,
    STEP,
    WEST,
)

#: So much of the ring of wall is left out of the picture, in cells.
CUT = 0.5
WALL: Paint = (62, 58, 70)
_WALL_EDGE, _LEDGE = (98, 92, 108), (84, 76, 70)
#: Lines between cells are so much darker.
_GRID = -0.07
#: Paints of the ground and of the highest floor there may be.
_LOWEST, _HIGHEST = (162, 155, 146), (240, 236, 228)
#: The way up a ramp.
UPHILL = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, 1), SOUTH: (0, -1)}
#: Strips in which a ramp's shade changes.
_STRIPS = 8
#: Length of the shadow of a ledge of 1 m, and the longest, in cells; its darkness.
_SHADOW, _LONGEST, _DARK = 0.16, 0.34, 66


class Relief:
    """A terrain drawn once, and where its places are in the picture.

    `pixels` is the side of a cell; the picture is a square of n + 2 − 2 · `CUT` cells.
    """

    def __init__(self, terrain: Any, dials: Complexity, pixels: int):
        """Draw the terrain."""
        fields = (terrain.height, terrain.ramp, terrain.colour)
        #: The terrain on the host.
        self.floors = Floors(*(np.asarray(field).astype(int) for field in fields))
        self.pixels = pixels
        self.levels = dials.levels
        self.wall = self.floors.height >= wall_height(dials)
        side = round((len(self.floors.height) - 2 * CUT) * pixels)
        self.picture = Image.new("RGB", (side, side))
        pen = ImageDraw.Draw(self.picture)
        every = list(np.ndindex(self.floors.height.shape))
        for cell in every:
            self._cell(pen, cell)
        self._shadows(every)
        for cell in every:
            self._ledges(pen, cell)
        for cell in every:
            self._marks(pen, cell)

    def at(self, x: Length, y: Length) -> Place:
        """Find a place in the picture, in pixels from its upper left."""
        top = len(self.floors.height) - CUT
        return (x - CUT) * self.pixels, (top - y) * self.pixels

    def _box(self, x: Length, y: Length, wide: Length, high: Length) -> list[Length]:
        left, foot = self.at(x, y)
        right, top = self.at(x + wide, y + high)
        return [left, top, right - 1, foot - 1]

    def _cell(self, pen: Pen, cell: tuple[int, int]) -> None:
        i, j = cell
        if self.wall[cell]:
            pen.rectangle(self._box(i, j, 1, 1), fill=WALL)
            return
        if self.floors.ramp[cell] == FLAT:
            paint = floor_paint(int(self.floors.height[cell]), self.levels)
            pen.rectangle(self._box(i, j, 1, 1), fill=shaded(paint, _GRID))
            inner = self._box(i + 0.015, j + 0.015, 0.97, 0.97)
            pen.rectangle(inner, fill=paint)
        else:
            self._slope(pen, cell)
        self._tile(pen, cell)

    def _slope(self, pen: Pen, cell: tuple[int, int]) -> None:
        """Draw a ramp in strips, from its foot upwards."""
        x, y = UPHILL[int(self.floors.ramp[cell])]
        thick = 1 / _STRIPS
        for strip in range(_STRIPS):
            rise = strip * thick
            begin = rise if x + y > 0 else 1 - rise - thick
            paint = floor_paint(int(self.floors.height[cell]) + rise, self.levels)
            left, foot = cell[0] + begin * abs(x), cell[1] + begin * abs(y)
            wide, high = (thick, 1.0) if x else (1.0, thick)
            pen.rectangle(self._box(left, foot, wide, high), fill=paint)

    def _tile(self, pen: Pen, cell: tuple[int, int]) -> None:
        """Lay the floor's colour on a cell; grey is none."""
        name = FLOORS[self.floors.colour[cell]]
        if name == FLOORS[0]:
            return
        paint = FLOOR_PAINT[name]
        box = self._box(cell[0] + 0.1, cell[1] + 0.1, 0.8, 0.8)
        width = max(1, self.pixels // 32)
        pen.rectangle(box, fill=paint, outline=shaded(paint, -0.25), width=width)

    def _drop(self, cell: tuple[int, int], way: tuple[int, int]) -> float:
        """Give by how much a cell lies above its neighbour, at their edge's middle."""
        beyond = cell[0] + way[0], cell[1] + way[1]
        if min(beyond) < 0 or max(beyond) >= len(self.floors.height):
            return 0.0
        edge = cell[0] + 0.5 + 0.5 * way[0], cell[1] + 0.5 + 0.5 * way[1]
        i, j = np.array([cell, beyond]).T
        here, there = self.floors.within(i, j, *edge)
        return float(here - there)

    def _shadows(self, cells: list[tuple[int, int]]) -> None:
        """Darken the floor to the right of and below what is higher."""
        dark = Image.new("L", self.picture.size)
        pen = ImageDraw.Draw(dark)
        for i, j in cells:
            for way in ((1, 0), (0, -1)):
                drop = self._drop((i, j), way)
                if drop <= STEP:
                    continue
                long = min(_LONGEST, _SHADOW * drop)
                x, y = i + (way[0] > 0), j - (long if way[1] else 0)
                size = (long, 1.0) if way[0] else (1.0, long)
                pen.rectangle(self._box(x, y, *size), fill=_DARK)
        self.picture.paste((0, 0, 0), mask=dark)

    def _ledges(self, pen: Pen, cell: tuple[int, int]) -> None:
        """Draw a line where the floor drops by more than a step."""
        i, j = cell
        edge = _WALL_EDGE if self.wall[cell] else _LEDGE
        thick = 0.06 if self.wall[cell] else 0.08
        for way in UPHILL.values():
            if self._drop(cell, way) <= STEP:
                continue
            x = i + (1 - thick if way[0] > 0 else 0)
            y = j + (1 - thick if way[1] > 0 else 0)
            size = (thick, 1.0) if way[0] else (1.0, thick)
            pen.rectangle(self._box(x, y, *size), fill=edge)

    def _marks(self, pen: Pen, cell: tuple[int, int]) -> None:
        """Write the height on a raised floor; point up a ramp."""
        if self.wall[cell]:
            return
        i, j = cell
        if self.floors.ramp[cell] != FLAT:
            middle = self.at(i + 0.5, j + 0.5)
            draw_arrow(
                pen, middle, UPHILL[int(self.floors.ramp[cell])], 0.5 * self.pixels
            )
        elif self.floors.height[cell] > 0:
            pen.text(
                self.at(i + 0.88, j + 0.12),
                str(self.floors.height[cell]),
                fill=shaded(_LEDGE, 0.2),
                font=font(max(7 * SMOOTH, round(0.24 * self.pixels))),
                anchor="rs",
            )


def floor_paint(height: Length, levels: int) -> Paint:
    """Give a grey floor's paint at a height, m, where there are so many levels."""
    share = min(1.0, height / max(levels, 2))
    red, green, blue = (
        round(low + share * (high - low))
        for low, high in zip(_LOWEST, _HIGHEST, strict=True)
    )
    return red, green, blue


def draw_arrow(pen: Pen, middle: Place, way: tuple[int, int], length: Length) -> None:
    """Draw an arrow; `way` counts upwards, as y of a terrain does."""
    x, y = way[0], -way[1]

    def point(along: Length, aside: Length) -> Place:
        return (
            middle[0] + length * (along * x - aside * y),
            middle[1] + length * (along * y + aside * x),
        )

    width = max(2, round(0.16 * length))
    pen.line([point(-0.5, 0), point(0.35, 0)], fill=_LEDGE, width=width)
    head = [point(0.55, 0), point(0.12, 0.32), point(0.12, -0.32)]
    pen.polygon(head, fill=_LEDGE)
