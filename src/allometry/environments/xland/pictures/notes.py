"""Notes: goals and rules set in lines, a small picture before each name.

What is hidden stands on a tinted ground, with the mark of whom it is hidden from: "?2"
where a player is told "something 2" in its place, "hidden" before a whole rule.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from allometry.environments.xland.pictures.caption import Line, Part, Passage
from allometry.environments.xland.pictures.figure import (
    PLAYER_PAINT,
    SMOOTH,
    Paint,
    Place,
    icon,
)
from allometry.environments.xland.pictures.lettering import Font, font

PAPER: Paint = (253, 252, 249)
INK: Paint = (26, 26, 30)
FAINT: Paint = (108, 104, 98)
#: What is hidden stands on this; its marks are of the darker one.
TINT: Paint = (253, 228, 196)
MARK: Paint = (166, 84, 0)
SIZE, ICON, ROW = 15, 19, 25
_SPACE, _GAP, _INDENT, _PAD = 6, 4, 16, 4
_BETWEEN, _UNDER = 10, 5
#: Words that lead to what follows, and the bold ones among them.
_BOLD = ("not", "or", "and")
_LEADING = ("→", *_BOLD)


class _Set(NamedTuple):
    """A part, or None for the marks of a whole line, at its place."""

    part: Part | None
    left: int
    row: int
    wide: int


class Notes:
    """Passages set in a column, of known `width` and `height` before it is drawn."""

    def __init__(
        self,
        passages: Sequence[Passage],
        colours: int,
        players: int,
        width: int,
    ):
        """Set the lines, no wider than `width`, for so many colours and players."""
        self._colours, self._players, self._widest = colours, players, width
        self._passages = [
            (passage.heading, [(line, self._set(line)) for line in passage.lines])
            for passage in passages
        ]
        every = [placed for _, lines in self._passages for _, placed in lines]
        rows = sum(ROW * (1 + placed[-1].row) + _UNDER for placed in every)
        #: Width and height in pixels.
        ends = (one.left + one.wide for placed in every for one in placed)
        self.width = max(ends, default=0) + _PAD
        self.height = rows + len(self._passages) * (ROW + _BETWEEN) - _BETWEEN

    def draw(self, picture: Image.Image, left: int, top: int) -> None:
        """Draw all passages with their upper left at a place."""
        pen = ImageDraw.Draw(picture)
        for heading, lines in self._passages:
            bold = font(SIZE, bold=True)
            pen.text((left, top + ROW / 2), heading, fill=INK, font=bold, anchor="lm")
            top += ROW
            for line, placed in lines:
                high = ROW * (1 + placed[-1].row)
                if line.hidden:
                    box = (left - _PAD, top, left + self.width, top + high - 1)
                    pen.rounded_rectangle(box, 5, fill=TINT)
                for one in placed:
                    self._draw(picture, line, one, (left, top))
                top += high + _UNDER
            top += _BETWEEN

    def _set(self, line: Line) -> list[_Set]:
        """Break a line into rows; a part is never broken, nor does a joint end one."""
        placed: list[_Set] = []
        x, row = 0, 0
        parts = [None, *line.parts] if line.hidden else [*line.parts]
        for number, part in enumerate(parts):
            wide, need = self._wide(line, part), 0
            for each in parts[number:]:
                need += self._wide(line, each) + _SPACE
                if each is not None and each.words not in _LEADING:
                    break
            if x > _INDENT and x + need - _SPACE > self._widest:
                x, row = _INDENT, row + 1
            placed.append(_Set(part, x, row, wide))
            x += wide + _SPACE
        return placed

    def _wide(self, line: Line, part: Part | None) -> int:
        marks = self._marks(line, part)
        wide = sum(_mark_wide(text) + _GAP for text, _ in marks)
        if part is None:
            return wide
        wide += round(_font(part).getlength(part.words))
        return wide + (ICON + _GAP if part.icon else 0)

    def _marks(self, line: Line, part: Part | None) -> list[tuple[str, Paint]]:
        if part is None:
            return [("hidden", self._paint(player)) for player in line.hidden]
        return [
            (f"?{number or ''}", self._paint(player)) for player, number in part.hidden
        ]

    def _paint(self, player: int) -> Paint:
        return PLAYER_PAINT[player] if self._players > 1 else MARK

    def _draw(
        self,
        picture: Image.Image,
        line: Line,
        placed: _Set,
        corner: tuple[int, int],
    ) -> None:
        pen, part = ImageDraw.Draw(picture), placed.part
        x, top = corner[0] + placed.left, corner[1] + placed.row * ROW
        middle = top + ROW / 2
        marks = self._marks(line, part)
        if part is not None:
            if marks:
                box = (x - 2, top + 1, x + placed.wide - _GAP + 2, top + ROW - 2)
                pen.rounded_rectangle(box, 5, fill=TINT)
            if part.icon:
                small = icon(part.icon.what, part.icon.number, self._colours, ICON)
                picture.paste(small, (x, top + (ROW - ICON) // 2), small)
                x += ICON + _GAP
            lettered = _font(part)
            pen.text((x, middle), part.words, fill=INK, font=lettered, anchor="lm")
            x += round(lettered.getlength(part.words)) + _GAP
        for text, paint in marks:
            x += draw_mark(picture, (x, middle), text, paint) + _GAP


def draw_mark(picture: Image.Image, at: Place, text: str, paint: Paint) -> int:
    """Draw a mark, its left side's middle at a place; give how wide it is."""
    sign = _mark(text, paint)
    x, y = round(at[0]), round(at[1])
    picture.paste(sign, (x, y - sign.height // 2), sign)
    bold = font(SIZE - 4, bold=True)
    middle = x + sign.width / 2, y
    pen = ImageDraw.Draw(picture)
    pen.text(middle, text, fill=(255, 255, 255), font=bold, anchor="mm")
    return sign.width


@functools.cache
def _mark(text: str, paint: Paint) -> Image.Image:
    """Draw the ground of a mark, large first."""
    wide, high = _mark_wide(text), ROW - 8
    large = Image.new("RGBA", (wide * SMOOTH, high * SMOOTH))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, 5 * SMOOTH, fill=paint)
    return large.resize((wide, high), Image.Resampling.LANCZOS)


def _mark_wide(text: str) -> int:
    return round(font(SIZE - 4, bold=True).getlength(text)) + 8


def _font(part: Part) -> Font:
    return font(SIZE, bold=part.words in _BOLD)
