"""Notes stay within the width and height that they give, and mark what is hidden."""

import itertools

import numpy as np
import pytest
from PIL import Image

from allometry.environments.xland.pictures.caption import Icon, Line, Part, Passage
from allometry.environments.xland.pictures.figure import PLAYER_PAINT
from allometry.environments.xland.pictures.notes import INK, MARK, PAPER, TINT, Notes

CUBE = Part("yellow cube", Icon("object", 2))
SECRET = CUBE._replace(hidden=((0, 3),))
WORDS = ("has a clear line to", "→", "and")
LONG = Line((CUBE, *(part for word in WORDS for part in (Part(word), CUBE))))
NEVER = Line((CUBE, Part("touches"), CUBE, Part("and"), Part("not"), CUBE))
HIDDEN = Line((CUBE, Part("touches"), CUBE, Part("→"), Part("nothing")), (0,))
ROOM = 60


def drawn(notes, wide=700):
    """Draw notes on a paper with room on all sides; give where there is ink."""
    paper = Image.new("RGB", (wide, notes.height + 2 * ROOM), PAPER)
    notes.draw(paper, ROOM, ROOM)
    return np.asarray(paper).astype(int)


def ink(picture):
    rows, columns = np.nonzero((picture != np.array(PAPER)).any(-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("width", [200, 300, 376])
@pytest.mark.parametrize("players", [1, 4])
def test_nothing_is_drawn_outside(width, players) -> None:
    secret = HIDDEN._replace(
        parts=(CUBE._replace(hidden=tuple((p, 12) for p in range(players))), CUBE),
        hidden=tuple(range(players - 1)),
    )
    passages = [
        Passage("Goal", (LONG,)),
        Passage("Rules", (HIDDEN, LONG, secret) * 5),
    ]
    notes = Notes(passages, 4, players, width)
    top, foot, left, right = ink(drawn(notes))
    assert top >= ROOM
    assert foot < ROOM + notes.height
    # A tinted ground reaches a little out on both sides.
    assert ROOM - 4 <= left <= ROOM
    assert right <= ROOM + notes.width
    assert notes.width <= width + 4 or players == 4


def test_a_wider_column_needs_fewer_rows() -> None:
    heights = [
        Notes([Passage("Rules", (LONG,) * 3)], 4, 1, width).height
        for width in (200, 300, 500)
    ]
    assert heights[0] > heights[1] > heights[2]


def test_no_row_ends_in_a_word_that_leads_on() -> None:
    for width in range(230, 520, 10):
        notes = Notes([Passage("Rules", (LONG, HIDDEN, NEVER))], 4, 1, width)
        for _, lines in notes._passages:
            for line, placed in lines:
                parts = [one.part for one in placed]
                assert [part for part in parts if part] == list(line.parts)
                ends = [
                    one.part.words
                    for one, after in itertools.pairwise(placed)
                    if one.part and after.row > one.row
                ]
                assert not {"→", "and", "not"} & set(ends)


def count(picture, paint):
    return int((picture == np.array(paint)).all(-1).sum())


def test_hidden_parts_are_tinted_and_marked() -> None:
    shown, secret = (
        drawn(Notes([Passage("Rules", (Line((part,)),))], 4, 1, 300))
        for part in (CUBE, SECRET)
    )
    assert count(shown, TINT) == count(shown, MARK) == 0
    assert count(secret, TINT) > 800
    assert count(secret, MARK) > 100


def test_a_rule_that_is_hidden_whole_is_tinted_across_the_column() -> None:
    picture = drawn(Notes([Passage("Rules", (HIDDEN, LONG))], 4, 1, 300))
    rows = (picture == np.array(TINT)).all(-1).sum(1)
    assert rows.max() > 250
    assert count(picture, MARK) > 300


def test_marks_have_the_colours_of_players_where_there_are_several() -> None:
    secret = CUBE._replace(hidden=((0, 1), (1, 2)))
    picture = drawn(Notes([Passage("Rules", (Line((secret,)),))], 4, 2, 300))
    assert count(picture, MARK) == 0
    for player in range(2):
        assert count(picture, PLAYER_PAINT[player]) > 100


def test_letters_are_there_and_arrows_are_no_empty_box() -> None:
    def letters(words):
        picture = drawn(Notes([Passage(" ", (Line((Part(words),)),))], 4, 1, 300))
        return (np.abs(picture - np.array(INK)).max(-1) < 60).sum()

    arrow, unknown = letters("→"), letters("\uffff")
    assert arrow > 5
    assert arrow != unknown
