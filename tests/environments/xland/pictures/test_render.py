"""A state's picture shows heights, walls, ramps, bodies, hands, and what is seen."""

import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import terrain as terrains
from allometry.environments.xland.complexity import COLOURS, SHAPES
from allometry.environments.xland.pictures.figure import ICE, PAINT, PLAYER_PAINT
from allometry.environments.xland.pictures.relief import CUT, WALL, Relief
from allometry.environments.xland.pictures.render import render
from tests.environments.xland.pictures.stage import changed, stage

PIXELS = 40
CUBE, SPHERE, PYRAMID, SLAB = range(0, 16, 4)
BLACK, PURPLE, YELLOW, GREEN = range(4)


def drawn(scene, **fields):
    """Draw a scene, some fields of its state changed, as signed numbers."""
    return render(changed(scene, **fields), scene.dials, PIXELS).astype(int)


def at(picture, x, y, reach=0.0):
    """Give the pixels around a place: their mean colour."""
    row = len(picture) - (y - CUT) * PIXELS
    column = (x - CUT) * PIXELS
    half = max(1, reach * PIXELS)
    rows = slice(round(row - half), round(row + half))
    return picture[rows, round(column - half) : round(column + half)].mean((0, 1))


def has(picture, paint, near=6):
    """Count the pixels of a paint."""
    return int((np.abs(picture - np.array(paint)).max(-1) <= near).sum())


def test_the_picture_is_of_cells_and_half_of_the_ring() -> None:
    scene = stage()
    picture = render(scene.state, scene.dials, PIXELS)
    assert picture.shape == (6 * PIXELS, 6 * PIXELS, 3)
    assert picture.dtype == np.uint8


def test_higher_floors_are_lighter_and_walls_are_the_darkest() -> None:
    picture = drawn(stage([".12#.", *[".....", "....."] * 2]))
    ground, first, second, wall = (
        at(picture, x, 5.4, 0.1).mean() for x in (1.5, 2.5, 3.5, 4.5)
    )
    assert wall + 60 < ground < first - 15
    assert first < second - 15
    np.testing.assert_allclose(at(picture, 4.5, 5.4, 0.1), WALL, atol=2)


@pytest.mark.parametrize(
    ("glyph", "way"), [(">", (1, 0)), ("<", (-1, 0)), ("^", (0, 1)), ("v", (0, -1))]
)
def test_a_ramp_grows_lighter_upwards(glyph, way) -> None:
    rows = [".....", ".....", f"..{glyph}..", ".....", "....."]
    picture = drawn(stage(rows))
    x, y = way
    # Beside the arrow in its middle, and inside the lines of its edges.
    top, foot = (
        at(picture, 3.5 + s * 0.35 * x + 0.2 * y, 3.5 + s * 0.35 * y + 0.2 * x, 0.04)
        for s in (1, -1)
    )
    assert (top > foot + 8).all()


def test_a_ledge_is_a_line_and_casts_a_shadow_below() -> None:
    picture = drawn(stage([".....", ".22..", ".22..", ".....", "....."]))
    flat = at(drawn(stage()), 4.1, 4.5, 0.03)
    assert (at(picture, 4.1, 4.5, 0.03) < flat - 20).all()
    assert (at(picture, 3.97, 4.5) < at(picture, 3.6, 4.5) - 60).all()


@pytest.mark.parametrize(
    ("glyph", "channel"), [("b", 2), ("r", 0)], ids=["blue", "red"]
)
def test_floors_have_their_colour(glyph, channel) -> None:
    colour = at(drawn(stage([".....", f"..{glyph}..", *["....."] * 3])), 3.5, 4.5, 0.2)
    others = np.delete(colour, channel)
    assert (colour[channel] > others + 25).all()


@pytest.mark.parametrize("colour", range(4))
def test_objects_have_their_colour_where_they_are(colour) -> None:
    picture = drawn(stage(objects=[(SPHERE + colour, 2.5, 4.5)]))
    np.testing.assert_allclose(at(picture, 2.5, 4.45), PAINT[COLOURS[colour]], atol=3)
    assert has(picture, PAINT[COLOURS[colour]]) > 0.08 * PIXELS**2
    gone = drawn(stage())
    assert has(gone, PAINT[COLOURS[colour]]) == 0


def test_shapes_are_told_apart_by_their_outline() -> None:
    pictures = [drawn(stage(objects=[(kind, 3.5, 3.5)])) for kind in range(0, 16, 4)]
    empty = drawn(stage())
    outlines = [(picture != empty).any(-1) for picture in pictures]
    for n in range(len(SHAPES)):
        for m in range(n):
            differ = (outlines[n] ^ outlines[m]).sum()
            assert differ > 0.15 * min(outlines[n].sum(), outlines[m].sum())


def test_what_cannot_be_moved_and_who_is_tagged_stand_on_ice() -> None:
    objects = [(SPHERE, 3.5, 3.5)]
    assert has(drawn(stage(objects=objects)), ICE) == 0
    assert has(drawn(stage(objects=objects, frozen=[0])), ICE) > 0.05 * PIXELS**2
    assert has(drawn(stage(), tagged=np.array([7])), ICE) > 0.05 * PIXELS**2


def test_an_object_in_the_hand_is_joined_to_its_holder() -> None:
    scene = stage(players=[(2.5, 3.5, 0.0)], objects=[(SPHERE + YELLOW, 3.5, 3.5)])
    blue = PLAYER_PAINT[0]
    apart = drawn(scene)
    held = drawn(scene, holder=np.array([-1, 0, -1, -1, -1]))
    between = slice(round(2.35 * PIXELS), round(2.65 * PIXELS))
    assert has(apart[:, between], blue, 20) == 0
    assert has(held[:, between], blue, 20) > 10
    np.testing.assert_allclose(at(held, 3.5, 3.45), PAINT["yellow"], atol=3)


@pytest.mark.parametrize("heading", [0.0, np.pi / 2, np.pi, -np.pi / 2])
def test_a_player_looks_where_it_heads(heading) -> None:
    picture = drawn(stage(players=[(3.5, 3.5, heading)]))
    x, y = 0.17 * np.cos(heading), 0.17 * np.sin(heading)
    ahead = at(picture, 3.5 + x, 3.5 + y, 0.1)
    behind = at(picture, 3.5 - x, 3.5 - y, 0.05)
    np.testing.assert_allclose(behind, PLAYER_PAINT[0], atol=3)
    assert abs(ahead - behind).max() > 40


def test_players_are_numbered_where_there_are_several() -> None:
    one = stage(players=[(2.5, 3.5, 0.0)])
    two = stage(players=[(2.5, 3.5, 0.0), (4.5, 3.5, np.pi)])
    white = (255, 255, 255)
    around = slice(2 * PIXELS, 4 * PIXELS), slice(PIXELS, 2 * PIXELS + PIXELS // 2)
    assert has(drawn(two)[around], white, 90) > has(drawn(one)[around], white, 90) + 10
    assert has(drawn(two), PLAYER_PAINT[1]) > 0.1 * PIXELS**2


def test_what_is_seen_is_tinted_up_to_a_wall() -> None:
    rows = [".....", ".....", "...#.", ".....", "....."]
    east, west = (
        drawn(stage(rows, players=[(2.5, 3.5, heading)])) for heading in (0.0, np.pi)
    )
    before, behind, hidden = (3.5, 3.5), (1.4, 3.5), (5.6, 3.5)
    assert at(east, *before, 0.2)[0] < at(west, *before, 0.2)[0] - 8
    assert at(east, *behind, 0.1)[0] > at(west, *behind, 0.1)[0] + 8
    np.testing.assert_allclose(at(east, *hidden, 0.1), at(west, *hidden, 0.1), atol=1)


def test_the_ground_is_seen_from_above_but_no_plateau_from_below() -> None:
    rows = ["..222"] * 5
    below = drawn(stage(rows, players=[(1.5, 3.5, 0.0)]))
    turned = drawn(stage(rows, players=[(1.5, 3.5, np.pi)]))
    np.testing.assert_allclose(
        at(below, 4.5, 3.6, 0.1), at(turned, 4.5, 3.6, 0.1), atol=1
    )
    above = drawn(stage(rows, players=[(4.5, 3.5, np.pi)]))
    away = drawn(stage(rows, players=[(4.5, 3.5, 0.0)]))
    assert at(above, 1.5, 3.5, 0.1)[0] < at(away, 1.5, 3.5, 0.1)[0] - 8


def test_what_flies_is_drawn_above_its_shadow() -> None:
    scene = stage(objects=[(SPHERE + YELLOW, 3.5, 3.5)])
    height = scene.state.bodies.height.copy()
    height[1] = 1.0
    flying = drawn(scene, height=height)
    assert (at(flying, 3.5, 3.5, 0.05) < 90).all()
    np.testing.assert_allclose(at(flying, 3.5, 3.83), PAINT["yellow"], atol=3)


def test_the_floor_in_pictures_is_that_of_the_simulator() -> None:
    scene = stage([".1>..", ".^2v.", "#.<..", "..2..", ".b.r."])
    land = scene.state.task.terrain
    x, y = np.random.default_rng(0).uniform(1.0, 6.0, (2, 200)).astype(np.float32)
    here = Relief(land, scene.dials, PIXELS).floors.at(x, y)
    packed = terrains.Terrain(*(jnp.asarray(field) for field in land)).land()
    there = terrains.floor(packed, (jnp.asarray(x), jnp.asarray(y)))
    np.testing.assert_allclose(here, there, atol=1e-5)
    assert len(np.unique(here)) > 20
