"""Sheet: many tasks in one picture, each with its goals and rules beside it."""

from collections.abc import Iterator, Sequence

from PIL import Image

from allometry.environments.xland.pictures.card import Card, Scene
from allometry.environments.xland.pictures.legend import legend
from allometry.environments.xland.pictures.notes import PAPER

_MARGIN, _BETWEEN = 28, 34


def sheet(scenes: Sequence[Scene], *, columns: int = 3) -> Image.Image:
    """Draw scenes in `columns`, each under its title; a legend below.

    Every rule is told whole, with marks of what is hidden from whom. A row is as high
    as the longest text in it: nothing is cut off.
    """
    cards = [Card(scene) for scene in scenes]
    columns = min(columns, len(cards))
    rows = [cards[first : first + columns] for first in range(0, len(cards), columns)]
    high = [max(card.size[1] for card in row) for row in rows]
    wide = max(card.size[0] for card in cards)
    across = columns * (wide + _BETWEEN) - _BETWEEN
    below = legend(scenes, across)
    down = sum(high) + len(rows) * _BETWEEN + below.height
    picture = Image.new("RGB", (across + 2 * _MARGIN, down + 2 * _MARGIN), PAPER)
    corners = _corners(high, columns, wide)
    for corner, card, scene in zip(corners, cards, scenes, strict=False):
        picture.paste(card.draw(scene.state), corner)
    picture.paste(below, (_MARGIN, picture.height - _MARGIN - below.height))
    return picture


def _corners(high: Sequence[int], columns: int, wide: int) -> Iterator[tuple[int, int]]:
    """Give the upper left of each card, row by row."""
    top = _MARGIN
    for row in high:
        for column in range(columns):
            yield _MARGIN + column * (wide + _BETWEEN), top
        top += row + _BETWEEN
