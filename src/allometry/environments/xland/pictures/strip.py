"""Strip: an episode on one sheet, a row for each trial, time to the right."""

import numpy as np
from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.card import Card, Scene
from allometry.environments.xland.pictures.episode import Episode
from allometry.environments.xland.pictures.frame import AHEAD, HOLDS
from allometry.environments.xland.pictures.legend import legend
from allometry.environments.xland.pictures.lettering import font
from allometry.environments.xland.pictures.notes import INK, PAPER, ROW, SIZE
from allometry.environments.xland.pictures.render import Arena, side

#: An arena of a row is about so wide, in pixels; its cells are no smaller.
_ARENA, _CELL = 190, 10
_MARGIN, _GAP, _BAND, _FRAME = 24, 10, 12, 4


def strip(
    episode: Episode, dials: Complexity, title: str, columns: int = 7
) -> Image.Image:
    """Draw an episode: the task, then `columns` states of each trial, evenly apart.

    A state at which a player's goal holds is framed. Over each row stands the reward of
    its trial, players' one after the other, and a band of its time, bright where a goal
    held.
    """
    first = Scene(episode.states[0], dials, title)
    pixels = max(_CELL, _ARENA // (dials.arena + 1))
    arena = Arena(first.state.task.terrain, dials, pixels)
    one, card = side(dials, pixels), Card(first)
    wide = max(columns * (one + _GAP) - _GAP, card.size[0])
    below = legend([first], wide)
    row = ROW + _BAND + _GAP + one + 2 * _GAP
    top = _MARGIN + card.size[1] + _GAP
    high = top + dials.trials * row + below.height + _MARGIN
    picture = Image.new("RGB", (wide + 2 * _MARGIN, high), PAPER)
    picture.paste(card.draw(first.state), (_MARGIN, _MARGIN))
    pen = ImageDraw.Draw(picture)
    for trial in range(dials.trials):
        begun = trial * dials.duration
        reward = episode.reward[begun + 1 : begun + dials.duration + 1]
        words = f"Trial {trial + 1} · {_told(reward)} of {dials.duration} steps"
        bold = font(SIZE, bold=True)
        pen.text((_MARGIN, top + ROW / 2), words, fill=INK, font=bold, anchor="lm")
        _band(pen, (_MARGIN, top + ROW), wide, reward)
        for column, step in enumerate(_shown(dials.duration, columns)):
            left = _MARGIN + column * (one + _GAP)
            corner = (left, top + ROW + _BAND + _GAP)
            picture.paste(arena.draw(episode.states[begun + step]), corner)
            if step and (reward[step - 1] > 0).any():
                box = (*corner, left + one - 1, corner[1] + one - 1)
                pen.rectangle(box, outline=HOLDS, width=_FRAME)
        top += row
    picture.paste(below, (_MARGIN, top))
    return picture


def _shown(duration: int, columns: int) -> list[int]:
    """Choose steps of a trial, evenly; its last state is already the next one's."""
    return np.unique(np.linspace(0, duration - 1, columns).round().astype(int)).tolist()


def _told(reward: np.ndarray) -> str:
    summed = " and ".join(f"{each:.0f}" for each in reward.sum(0))
    return f"rewarded in {summed}"


def _band(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], wide: int, reward: np.ndarray
) -> None:
    left, top = corner
    pen.rectangle((left, top, left + wide, top + _BAND), fill=AHEAD)
    for step in np.flatnonzero((reward > 0).any(1)).tolist():
        ends = (left + wide * at / len(reward) for at in (step, step + 1))
        start, end = ends
        pen.rectangle((start, top, end, top + _BAND), fill=HOLDS)
