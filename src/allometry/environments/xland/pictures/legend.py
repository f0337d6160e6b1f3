"""Legend: what the signs of a picture mean, for those that occur in some states."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import FLOORS
from allometry.environments.xland.pictures import caption
from allometry.environments.xland.pictures.caption import Line
from allometry.environments.xland.pictures.card import Scene
from allometry.environments.xland.pictures.figure import (
    PLAYER_PAINT,
    SMOOTH,
    Paint,
    icon,
)
from allometry.environments.xland.pictures.lettering import font
from allometry.environments.xland.pictures.notes import (
    FAINT,
    ICON,
    INK,
    MARK,
    PAPER,
    ROW,
    SIZE,
    draw_mark,
)
from allometry.environments.xland.pictures.relief import WALL, draw_arrow, floor_paint
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import FLAT

_GAP, _SPACE = 6, 22
#: A sign, and the words beside it.
Entry = tuple[Image.Image, str]


def legend(scenes: Sequence[Scene], width: int) -> Image.Image:
    """Draw the legend of scenes in rows of some width."""
    letters = font(SIZE - 2)
    placed: list[tuple[int, int, Entry]] = []
    x, row = 0, 0
    for sign, words in entries(scenes):
        wide = sign.width + _GAP + round(letters.getlength(words))
        if x and x + wide > width:
            x, row = 0, row + 1
        placed.append((x, row, (sign, words)))
        x += wide + _SPACE
    picture = Image.new("RGB", (width, (row + 1) * (ROW + 2)), PAPER)
    pen = ImageDraw.Draw(picture)
    for x, row, (sign, words) in placed:
        middle = row * (ROW + 2) + ROW // 2
        picture.paste(sign, (x, middle - sign.height // 2), sign)
        right = x + sign.width + _GAP
        pen.text((right, middle), words, fill=FAINT, font=letters, anchor="lm")
    return picture


def entries(scenes: Sequence[Scene]) -> list[Entry]:
    """List what occurs: players, floors, what is frozen or hidden."""
    most = max((scene.dials for scene in scenes), key=lambda dials: dials.players)
    found = [_player(most.players)]
    top = max(scene.dials.levels for scene in scenes)
    heights, ramps, colours = set[int](), set[int](), set[int]()
    for scene in scenes:
        terrain = [np.asarray(part) for part in scene.state.task.terrain]
        walked = terrain[0] < wall_height(scene.dials)
        for found_in, part in zip((heights, ramps, colours), terrain, strict=True):
            found_in.update(int(each) for each in part[walked])
    for level in sorted(heights) if len(heights) > 1 else ():
        words = f"floor {level} m up" if level else "ground"
        found.append((_swatch(floor_paint(level, top)), words))
    if ramps != {FLAT}:
        found.append((_ramp(top), "ramp, rises along the arrow"))
    found.append((_swatch(WALL), "wall"))
    for colour in sorted(colours - {0}):
        found.append((icon("floor", colour, 1, ICON), f"{FLOORS[colour]} floor"))
    games = [scene.state.task.game for scene in scenes]
    if any(np.asarray(game.frozen).any() for game in games):
        found.append((icon("frozen object", 0, 1, ICON), "cannot be moved"))
    lines = [
        line
        for game, scene in zip(games, scenes, strict=True)
        for line in caption.rules(game, scene.dials)
    ]
    return found + _secrets(lines, most.players)


def _player(players: int) -> Entry:
    words = "players, and what they see" if players > 1 else "player, and what it sees"
    signs = [icon("player", number, 1, ICON) for number in range(players)]
    joined = Image.new("RGBA", (ICON * len(signs), ICON))
    for number, sign in enumerate(signs):
        joined.paste(sign, (ICON * number, 0))
    return joined, words


def _secrets(lines: Sequence[Line], players: int) -> list[Entry]:
    """Explain the marks that stand in some lines."""
    paint = PLAYER_PAINT[0] if players > 1 else MARK
    whom = "the player of the mark's colour" if players > 1 else "the player"
    numbers = [
        number for line in lines for part in line.parts for _, number in part.hidden
    ]
    found = []
    if any(numbers):
        words = f"hidden: {whom} is told “something 2” instead"
        found.append((_mark("?2", paint), words))
    if 0 in numbers:
        words = f"hidden: {whom} is not told which relation"
        found.append((_mark("?", paint), words))
    if any(line.hidden for line in lines):
        words = f"hidden: {whom} is told only that there is a rule"
        found.append((_mark("hidden", paint), words))
    return found


def _mark(text: str, paint: Paint) -> Image.Image:
    picture = Image.new("RGBA", (100, ROW))
    wide = draw_mark(picture, (0, ROW / 2), text, paint)
    return picture.crop((0, 0, wide + 1, ROW))


def _swatch(paint: Paint) -> Image.Image:
    return _shrunk(lambda pen, side: pen.rectangle((0, 0, side, side), fill=paint))


def _ramp(levels: int) -> Image.Image:
    def draw(pen: ImageDraw.ImageDraw, side: int) -> None:
        for column in range(side):
            paint = floor_paint(column / side, levels)
            pen.line([(column, 0), (column, side)], fill=paint)
        draw_arrow(pen, (side / 2, side / 2), (1, 0), 0.6 * side)

    return _shrunk(draw)


def _shrunk(draw: Callable[[ImageDraw.ImageDraw, int], Any]) -> Image.Image:
    """Draw a square sign with an edge, large first."""
    side = ICON * SMOOTH
    picture = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(picture)
    draw(pen, side)
    pen.rectangle((0, 0, side - 1, side - 1), outline=INK, width=SMOOTH)
    return picture.resize((ICON, ICON), Image.Resampling.LANCZOS)
