"""Figure: how objects and players look, in an arena and beside their names.

Objects have their shape and colour and a light edge, so that none is lost on any floor;
what is frozen stands on a plate of ice.
"""

import functools
import math

from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import COLOURS, FLOORS, SHAPES

Paint = tuple[int, int, int]
#: Pixels or metres.
Length = float | int
Place = tuple[Length, Length]
Pen = ImageDraw.ImageDraw

PAINT: dict[str, Paint] = {
    "black": (38, 38, 44),
    "purple": (142, 60, 184),
    "yellow": (244, 190, 20),
    "green": (30, 150, 78),
}
FLOOR_PAINT: dict[str, Paint] = {
    "grey": (178, 172, 164),
    "blue": (138, 182, 222),
    "red": (224, 150, 138),
    "white": (248, 248, 246),
}
PLAYER_PAINT: tuple[Paint, ...] = (
    (22, 86, 204),
    (214, 84, 16),
    (0, 128, 128),
    (150, 40, 90),
)
EDGE: Paint = (255, 255, 255)
ICE: Paint = (196, 232, 250)
_ICE_EDGE: Paint = (40, 130, 190)
#: Pictures are drawn so many times larger and shrunk.
SMOOTH = 3
_PUPIL: Paint = (16, 20, 32)


def draw_object(
    pen: Pen,
    at: Place,
    radius: Length,
    kind: int,
    colours: int,
    *,
    frozen: bool = False,
) -> None:
    """Draw an object of a kind around a place, where there are so many colours."""
    shape, paint = SHAPES[kind // colours], PAINT[COLOURS[kind % colours]]
    if frozen:
        _plate(pen, at, 1.45 * radius)
    if shape == "sphere":
        _sphere(pen, at, radius, paint)
    elif shape == "pyramid":
        _pyramid(pen, at, 1.1 * radius, paint)
    else:
        across, up = (0.97, 0.97) if shape == "cube" else (1.35, 0.5)
        _block(pen, at, (across * radius, up * radius), 0.36 * radius, paint)


def draw_player(
    pen: Pen, at: Place, radius: Length, number: int, heading: float, *, tagged: bool
) -> None:
    """Draw a player as a disc that looks where it heads; a tagged one stands on ice."""
    paint = PLAYER_PAINT[number]
    if tagged:
        _plate(pen, at, 1.45 * radius)
    _disc(pen, at, 1.12 * radius, EDGE)
    _disc(pen, at, radius, shaded(paint, 0.5) if tagged else paint)
    for side in (-0.62, 0.62):
        eye = beyond(at, heading + side, 0.72 * radius)
        _disc(pen, eye, 0.32 * radius, EDGE)
        _disc(pen, beyond(eye, heading, 0.12 * radius), 0.17 * radius, _PUPIL)


@functools.cache
def icon(what: str, number: int, colours: int, pixels: int) -> Image.Image:
    """Draw an object's kind, a player or a floor small, on nothing: RGBA.

    `what` is "object", "frozen object", "player" or "floor".
    """
    side = pixels * SMOOTH
    picture = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(picture)
    middle = side / 2, side / 2
    if what == "player":
        draw_player(pen, middle, 0.42 * side, number, math.pi / 2, tagged=False)
    elif what == "floor":
        inset = 0.12 * side
        box = (inset, inset, side - inset, side - inset)
        paint = FLOOR_PAINT[FLOORS[number]]
        pen.rectangle(box, fill=paint, outline=shaded(paint, -0.4), width=SMOOTH)
    else:
        frozen = what.startswith("frozen")
        radius = (0.33 if frozen else 0.4) * side
        draw_object(pen, middle, radius, number, colours, frozen=frozen)
    return picture.resize((pixels, pixels), Image.Resampling.LANCZOS)


def shaded(paint: Paint, share: float) -> Paint:
    """Mix a paint with white (a share above 0) or with black (below 0)."""
    goal = 255 if share > 0 else 0
    red, green, blue = (round(part + abs(share) * (goal - part)) for part in paint)
    return red, green, blue


def beyond(at: Place, angle: float, distance: Length) -> Place:
    """Go a distance from a place of a picture, whose rows count downwards."""
    return at[0] + distance * math.cos(angle), at[1] - distance * math.sin(angle)


def _sphere(pen: Pen, at: Place, radius: Length, paint: Paint) -> None:
    _disc(pen, at, 1.14 * radius, EDGE)
    _disc(pen, at, radius, paint)
    light = at[0] - 0.32 * radius, at[1] - 0.34 * radius
    _disc(pen, light, 0.3 * radius, shaded(paint, 0.45))


def _pyramid(pen: Pen, at: Place, radius: Length, paint: Paint) -> None:
    x, y = at
    top, foot = (x, y - radius), y + 0.72 * radius
    left, right = (x - radius, foot), (x + radius, foot)
    _outlined(pen, [top, left, right], radius)
    pen.polygon([top, left, right], fill=paint)
    fold = x + 0.35 * radius, foot
    pen.polygon([top, fold, right], fill=shaded(paint, 0.35))


def _block(pen: Pen, at: Place, half: Place, depth: Length, paint: Paint) -> None:
    """Draw a block seen from a little above and to the right."""
    x, y = at
    left, right = x - half[0], x + half[0] - depth
    top, foot = y - half[1] + depth, y + half[1]
    roof = [
        (left, top),
        (left + depth, top - depth),
        (right + depth, top - depth),
        (right, top),
    ]
    side = [(right, top), roof[2], (right + depth, foot - depth), (right, foot)]
    _outlined(pen, [*roof[:3], *side[2:], (left, foot)], half[0])
    pen.polygon([*roof[:3], *side[2:], (left, foot)], fill=paint)
    pen.polygon(roof, fill=shaded(paint, 0.45))
    pen.polygon(side, fill=shaded(paint, 0.2))


def _outlined(pen: Pen, points: list[Place], radius: Length) -> None:
    width = max(2, round(0.3 * radius))
    pen.line([*points, *points[:2]], fill=EDGE, width=width, joint="curve")


def _plate(pen: Pen, at: Place, half: Length) -> None:
    box = (at[0] - half, at[1] - half, at[0] + half, at[1] + half)
    width = max(1, round(0.14 * half))
    pen.rounded_rectangle(box, 0.3 * half, fill=ICE, outline=_ICE_EDGE, width=width)


def _disc(pen: Pen, at: Place, radius: Length, paint: Paint) -> None:
    box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
    pen.ellipse(box, fill=paint)
