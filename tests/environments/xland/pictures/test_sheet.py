"""A sheet shows each scene with its words, and a legend of what occurs."""

import numpy as np
import pytest

from allometry.environments.xland.pictures.card import Card
from allometry.environments.xland.pictures.legend import entries, legend
from allometry.environments.xland.pictures.lettering import broken, font
from allometry.environments.xland.pictures.notes import PAPER, ROW, SIZE
from allometry.environments.xland.pictures.sheet import sheet
from tests.environments.xland.pictures.stage import dials, secrets, stage

CUBE, SPHERE, ME = 0, 4, 16
PLAYERS = ((1.5, 1.5, 0.0), (4.5, 4.5, 0.0))
GOAL = [("near", CUBE, SPHERE, clause) for clause in range(6)]
RULE = ("touching", CUBE, SPHERE, (SPHERE, CUBE, CUBE))


def positions(picture, part):
    """Find the places at which a picture stands in another, by its middle row."""
    whole, small = np.asarray(picture), np.asarray(part)
    high, wide = small.shape[:2]
    row, found = small[high // 2].tobytes(), []
    for top in range(len(whole) - high + 1):
        at = whole[top + high // 2].tobytes().find(row)
        if at >= 0 and (whole[top:, at // 3 :][:high, :wide] == small).all():
            found.append((at // 3, top))
    return found


def test_every_scene_stands_in_its_place() -> None:
    scenes = [
        stage(objects=[(kind, 2.5, 3.5)])._replace(title=f"World {kind}")
        for kind in range(5)
    ]
    picture = sheet(scenes, columns=2)
    places = []
    for scene in scenes:
        card = Card(scene)
        (place,) = positions(picture, card.draw(scene.state))
        places.append(place)
    lefts, tops = np.array(places).T
    assert lefts.tolist() == [lefts[0], lefts[1]] * 2 + [lefts[0]]
    assert tops.tolist() == [tops[0]] * 2 + [tops[2]] * 2 + [tops[4]]
    assert lefts[1] > lefts[0] + Card(scenes[0]).size[0]
    assert tops[0] < tops[2] < tops[4]


def test_nothing_is_cut_off_however_many_rules_there_are() -> None:
    many = stage(rules=[RULE] * 16, players=PLAYERS, goals=[GOAL])
    few = stage()
    assert Card(few).size[1] < 420
    # Two rows at least for each rule, and three for each clause.
    assert Card(many).size[1] > 16 * 2 * ROW
    picture = sheet([many, few])
    (place,) = positions(picture, Card(many).draw(many.state))
    assert place == (28, 28)
    assert picture.height > place[1] + Card(many).size[1] + ROW
    whole = np.asarray(picture)
    for edge in (whole[:9], whole[-9:], whole[:, :9], whole[:, -9:]):
        assert (edge == PAPER).all()


def test_a_long_title_is_broken_into_lines() -> None:
    short, long = stage(), stage()._replace(title="Bring it all together " * 8)
    assert Card(long).size[0] == Card(short).size[0]
    lines = broken(long.title, font(SIZE - 2), Card(long).size[0])
    assert " ".join(lines) == long.title.strip()
    assert len(lines) > 1
    assert Card(long).size[1] > Card(short).size[1] + (len(lines) - 1) * SIZE


def test_fewer_scenes_than_columns_leave_no_gap() -> None:
    assert sheet([stage()]).width < sheet([stage()] * 2).width
    assert sheet([stage()]).width == Card(stage()).size[0] + 2 * 28


def test_a_large_arena_gets_a_larger_picture() -> None:
    scene = stage([".....", *["....."] * 4], arena=30)
    assert Card(scene).size[0] > 31 * 30


def words(*scenes):
    return [text for _, text in entries(scenes)]


def test_the_legend_explains_what_occurs_and_no_more() -> None:
    assert words(stage()) == ["player, and what it sees", "wall"]
    hills = stage([".>1..", ".b.r.", *["....."] * 3])
    assert words(hills) == [
        "player, and what it sees",
        "ground",
        "floor 1 m up",
        "ramp, rises along the arrow",
        "wall",
        "blue floor",
        "red floor",
    ]
    stuck = stage(objects=[(CUBE, 3.5, 3.5)], frozen=[0], players=PLAYERS)
    assert words(stuck) == ["players, and what they see", "wall", "cannot be moved"]
    assert set(words(hills, stuck)) == {*words(hills)[1:], *words(stuck)}


@pytest.mark.parametrize(
    ("hidden", "told"),
    [
        ({"rules": [(0, 0)]}, "hidden: the player is told only that there is a rule"),
        ({"kinds": [(0, CUBE)]}, "hidden: the player is told “something 2” instead"),
        ({"predicates": [(0, 0)]}, "hidden: the player is not told which relation"),
    ],
)
def test_the_legend_explains_the_marks_that_stand_in_rules(hidden, told) -> None:
    secret = secrets(dials(), **hidden)
    assert words(stage(rules=[RULE], hidden=secret))[-1] == told
    # What is hidden of no rule in use is marked nowhere.
    assert words(stage(hidden=secret))[-1] == "wall"


def test_the_legend_is_broken_into_rows() -> None:
    hills = stage([".>1..", ".b.r.", *["....."] * 3])
    wide, narrow = (legend([hills], width) for width in (1500, 400))
    assert (wide.width, narrow.width) == (1500, 400)
    assert narrow.height == 3 * wide.height
