"""Frame: an episode at one of its steps, for films.

It is the task's card in its present state, what each player sees beside it, and below
it the episode as a band: a row for each player, bright where its goal holds, trials
divided by lines.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.card import Card, Scene
from allometry.environments.xland.pictures.episode import Episode, Views
from allometry.environments.xland.pictures.figure import PLAYER_PAINT, Paint
from allometry.environments.xland.pictures.legend import legend
from allometry.environments.xland.pictures.lettering import font
from allometry.environments.xland.pictures.notes import FAINT, INK, PAPER, ROW, SIZE

#: The paint of the time at which a goal holds; of what is past, and of what is to come.
HOLDS: Paint = (24, 150, 70)
PAST: Paint = (206, 202, 194)
AHEAD: Paint = (234, 231, 225)
_MARGIN, _BAR, _SPACE, _GAP = 20, 16, 14, 18
#: What a player sees is drawn so many times larger.
_LARGER = 3


class Frames(Sequence[Image.Image]):
    """An episode drawn, a frame for each of its states; sides are even numbers.

    A frame is drawn when it is asked for.
    """

    def __init__(
        self,
        episode: Episode,
        dials: Complexity,
        title: str,
        views: Views | None = None,
    ):
        """Draw what all frames share; `views` is what each player sees, if anything."""
        self._episode, self._dials, self._views = episode, dials, views
        first = Scene(episode.states[0], dials, title)
        self._card = Card(first)
        wide, high = self._card.size
        if views is not None:
            wide += _GAP + _LARGER * views.shape[3]
            high = max(high, dials.players * (ROW + _LARGER * views.shape[2] + _SPACE))
        self._wide, self._middle = wide, _MARGIN + high + _SPACE
        # The goals' words stand beside the time's, or under them where that is narrow.
        longest = self._time(len(episode.states) - 1, np.full(dials.players, 1e3))
        holding = self._holding(list(range(dials.players)))
        length = font(SIZE).getlength(longest)
        length += _GAP + font(SIZE, bold=True).getlength(holding)
        self._rows = 1 if length <= wide else 2
        self._band = self._middle + self._rows * ROW
        self._below = legend([first], wide)
        foot = self._band + dials.players * _BAR + _SPACE
        self._foot, foot = foot, foot + self._below.height + _MARGIN
        # MP4 halves the resolution of colours.
        self._size = tuple(side + side % 2 for side in (wide + 2 * _MARGIN, foot))

    def __len__(self) -> int:
        """Count the states."""
        return len(self._episode.states)

    @overload
    def __getitem__(self, now: int) -> Image.Image: ...
    @overload
    def __getitem__(self, now: slice) -> list[Image.Image]: ...
    def __getitem__(self, now: int | slice) -> Image.Image | list[Image.Image]:
        """Draw the frame of a step, or of several."""
        if isinstance(now, slice):
            return [self[step] for step in range(len(self))[now]]
        return self._drawn(range(len(self))[now])

    def _drawn(self, now: int) -> Image.Image:
        picture = Image.new("RGB", (self._size[0], self._size[1]), PAPER)
        state = self._episode.states[now]
        picture.paste(self._card.draw(state), (_MARGIN, _MARGIN))
        if self._views is not None:
            self._eyes(picture, self._views[now])
        self._say(picture, now)
        self._fill(picture, now)
        picture.paste(self._below, (_MARGIN, self._foot))
        return picture

    def _eyes(self, picture: Image.Image, views: UInt8[np.ndarray, "P H W 3"]) -> None:
        pen = ImageDraw.Draw(picture)
        left, top = _MARGIN + self._card.size[0] + _GAP, _MARGIN
        for player, view in enumerate(views):
            whose = f"player {player + 1}" if self._dials.players > 1 else "the player"
            bold = font(SIZE - 2)
            pen.text((left, top), f"What {whose} sees", fill=FAINT, font=bold)
            large = Image.fromarray(view)
            large = large.resize(
                (large.width * _LARGER, large.height * _LARGER),
                Image.Resampling.NEAREST,
            )
            picture.paste(large, (left, top + ROW))
            top += ROW + large.height + _SPACE

    def _time(self, now: int, reward: Sequence[float] | np.ndarray) -> str:
        """Say the trial, the time in it, and its reward so far."""
        dials, state = self._dials, self._episode.states[now]
        trial = f"trial {int(state.trial) + 1} of {dials.trials} · "
        summed = " and ".join(f"{each:.0f}" for each in reward)
        several = dials.trials > 1
        return (
            f"{trial if several else ''}step {int(state.time)} of {dials.duration} · "
            f"reward {summed}{' in this trial' if several else ''}"
        )

    def _holding(self, players: Sequence[int]) -> str:
        whose = " and ".join(str(player + 1) for player in players)
        return f"goal of {whose} holds" if self._dials.players > 1 else "goal holds"

    def _say(self, picture: Image.Image, now: int) -> None:
        state, reward = self._episode.states[now], self._episode.reward
        begun = int(state.trial) * self._dials.duration
        text = self._time(now, reward[begun + 1 : now + 1].sum(0))
        pen = ImageDraw.Draw(picture)
        line = self._middle + ROW // 3
        pen.text((_MARGIN, line), text, fill=INK, font=font(SIZE), anchor="lm")
        holding = np.flatnonzero(reward[now] > 0).tolist()
        # A trial's first state does not show what its reward is for: the last's end.
        if not holding or not int(state.time):
            return
        line += (self._rows - 1) * ROW
        right = _MARGIN + self._wide
        bold = font(SIZE, bold=True)
        words = self._holding(holding)
        pen.text((right, line), words, fill=HOLDS, font=bold, anchor="rm")

    def _fill(self, picture: Image.Image, now: int) -> None:
        """Draw the episode in time, a row for each player."""
        pen = ImageDraw.Draw(picture)
        dials, reward, top = self._dials, self._episode.reward, self._band
        steps = len(reward) - 1

        def at(step: int) -> float:
            return _MARGIN + self._wide * step / steps

        for player in range(dials.players):
            high = top + player * _BAR
            low = high + _BAR - 4
            pen.rectangle((_MARGIN, high, at(steps), low), fill=AHEAD)
            pen.rectangle((_MARGIN, high, at(now), low), fill=PAST)
            for step in np.flatnonzero(reward[: now + 1, player] > 0).tolist():
                pen.rectangle((at(step - 1), high, at(step), low), fill=HOLDS)
            if dials.players > 1:
                box = (_MARGIN - 12, high, _MARGIN - 4, low)
                pen.rectangle(box, fill=PLAYER_PAINT[player])
        low = top + dials.players * _BAR - 4
        for trial in range(1, dials.trials):
            x = at(trial * dials.duration)
            pen.line((x, top - 3, x, low + 3), fill=FAINT, width=2)
        pen.line((at(now), top - 4, at(now), low + 4), fill=INK, width=3)
