"""Render: pictures of a state from above, for people.

The terrain is drawn as `relief` says. Players are discs with eyes that look where they
head; what each can see of the terrain is tinted with its colour. A held object is in
its holder's hand, a frozen one and a tagged player stand on ice, and whatever is in the
air is drawn above its shadow.
"""

import functools
import math
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from allometry.environments.xland.bodies import OBJECT_RADIUS, PLAYER_RADIUS
from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.figure import (
    EDGE,
    PLAYER_PAINT,
    SMOOTH,
    Length,
    Pen,
    Place,
    beyond,
    draw_object,
    draw_player,
)
from allometry.environments.xland.pictures.lettering import font
from allometry.environments.xland.pictures.relief import CUT, Relief
from allometry.environments.xland.relation import EYE, HALF_VIEW

#: Objects are drawn so much larger than they are.
_LARGER = 1.35
#: Directions in which a player's view is looked along, and points per metre of each.
_RAYS, _POINTS = 121, 10
_TINT = 32
#: A body so high above its floor is in the air, m; it is drawn so much further up.
_AIR, _LIFT = 0.05, 0.35


def render(state: Any, dials: Complexity, pixels: int = 36) -> np.ndarray:
    """Draw one state of `XLand` from above, +y upwards: RGB uint8 `[S, S, 3]`.

    `pixels` is the side of a cell; S = (n + 1) · `pixels`, of an arena of side n: half
    of the ring of wall is shown.
    """
    return np.asarray(Arena(state.task.terrain, dials, pixels).draw(state))


def side(dials: Complexity, pixels: int) -> int:
    """Give the side of the picture of an arena, in pixels."""
    return round((dials.arena + 2 - 2 * CUT) * pixels)


class Arena:
    """Draws states of one terrain; the terrain itself once only."""

    def __init__(self, terrain: Any, dials: Complexity, pixels: int):
        """Draw the terrain, at so many pixels for the side of a cell."""
        self._dials = dials
        self._relief = Relief(terrain, dials, pixels * SMOOTH)
        self._side = side(dials, pixels)

    def draw(self, state: Any) -> Image.Image:
        """Draw a state."""
        picture = self._relief.picture.copy()
        heading = np.asarray(state.players.heading)
        bodies = type(state.bodies)(*(np.asarray(field) for field in state.bodies))
        for number in range(len(heading)):
            self._view(picture, bodies, heading, number)
        pen = ImageDraw.Draw(picture)
        for n in np.flatnonzero(bodies.holder >= 0):
            self._arms(pen, bodies, int(n))
        # What is held is drawn over its holder, and what is higher over what is lower.
        for n in np.lexsort((bodies.height, bodies.holder >= 0)):
            if bodies.exists[n]:
                self._body(pen, bodies, state.players, int(n))
        return picture.resize((self._side, self._side), Image.Resampling.LANCZOS)

    def _body(self, pen: Pen, bodies: Any, players: Any, n: int) -> None:
        scale = self._relief.pixels
        x, y = float(bodies.x[n]), float(bodies.y[n])
        kind = int(bodies.kind[n])
        air = float(bodies.height[n] - self._relief.floors.at(bodies.x, bodies.y)[n])
        at = self._relief.at(x, y)
        radius = scale * (PLAYER_RADIUS if kind < 0 else _LARGER * OBJECT_RADIUS)
        if bodies.holder[n] < 0 and air > _AIR:
            _shadow(pen, at, 0.8 * radius)
            at = at[0], at[1] - min(1.0, _LIFT * air) * scale
        if kind >= 0:
            frozen = bool(bodies.frozen[n])
            draw_object(pen, at, radius, kind, self._dials.colours, frozen=frozen)
            return
        heading = float(np.asarray(players.heading)[n])
        tagged = bool(np.asarray(players.tagged)[n] > 0)
        draw_player(pen, at, radius, n, heading, tagged=tagged)
        if self._dials.players > 1:
            behind = beyond(at, heading, -0.3 * radius)
            bold = font(round(1.05 * radius), bold=True)
            pen.text(behind, str(n + 1), fill=EDGE, font=bold, anchor="mm")

    def _arms(self, pen: Pen, bodies: Any, held: int) -> None:
        """Draw two arms from a holder to what it holds."""
        holder = int(bodies.holder[held])
        body = self._relief.at(*_place(bodies, holder))
        hand = self._relief.at(*_place(bodies, held))
        width = round(0.09 * self._relief.pixels)
        x, y = hand[0] - body[0], hand[1] - body[1]
        long = math.hypot(x, y) or 1.0
        for aside in (-1, 1):
            shift = aside * OBJECT_RADIUS * self._relief.pixels / long
            ends = [(at[0] - shift * y, at[1] + shift * x) for at in (body, hand)]
            pen.line(ends, fill=EDGE, width=2 * width)
            pen.line(ends, fill=PLAYER_PAINT[holder], width=width)

    def _view(
        self, picture: Image.Image, bodies: Any, heading: np.ndarray, number: int
    ) -> None:
        """Tint what a player sees of the terrain."""
        x, y = _place(bodies, number)
        ahead = float(heading[number])
        eye = float(bodies.height[number]) + EYE
        reach = _sight(self._relief, (x, y), eye, ahead)
        angles = ahead + np.linspace(-HALF_VIEW, HALF_VIEW, _RAYS)
        tips = [
            self._relief.at(x + far * math.cos(angle), y + far * math.sin(angle))
            for angle, far in zip(angles, reach, strict=True)
        ]
        mask = Image.new("L", picture.size)
        pen = ImageDraw.Draw(mask)
        pen.polygon([self._relief.at(x, y), *tips], fill=_TINT)
        picture.paste(PLAYER_PAINT[number], mask=mask)


def _sight(relief: Relief, place: Place, eye: float, heading: float) -> np.ndarray:
    """Say how far a player sees each way, m: to the first floor above its eyes."""
    angles = heading + np.linspace(-HALF_VIEW, HALF_VIEW, _RAYS)
    far = _distances(len(relief.floors.height))
    x = place[0] + far * np.cos(angles)[:, None]
    y = place[1] + far * np.sin(angles)[:, None]
    blocked = relief.floors.at(x, y) > eye
    blocked[:, -1] = True
    return far[blocked.argmax(1)] - 1 / _POINTS


@functools.cache
def _distances(cells: int) -> np.ndarray:
    return np.arange(1, round(1.5 * cells * _POINTS)) / _POINTS


def _place(bodies: Any, n: int) -> Place:
    return float(bodies.x[n]), float(bodies.y[n])


def _shadow(pen: Pen, at: Place, radius: Length) -> None:
    box = (at[0] - radius, at[1] - 0.7 * radius, at[0] + radius, at[1] + 0.7 * radius)
    pen.ellipse(box, fill=(70, 66, 62))
