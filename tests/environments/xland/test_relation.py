"""Relations between bodies, read off scenes written by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.relation import FLOOR_BIT
from allometry.environments.xland.terrain import blocked
from tests.environments.xland.scene import (
    BLACK_CUBE,
    GRAB,
    HOLD,
    NEAR,
    ON,
    PURPLE_CUBE,
    SEE,
    SIGHT,
    TOUCHING,
    act,
    is_related,
    scene,
)

WALL = (
    ".......",
    ".......",
    ".......",
    "...#...",
    ".......",
    ".......",
    ".......",
)


@pytest.mark.parametrize(
    ("apart", "touching", "near"),
    [(0.39, True, True), (0.415, True, True), (0.43, False, True), (1.39, False, True),
     (1.41, False, False)],
)  # fmt: skip
def test_touching_and_near_are_between_surfaces(apart, touching, near):
    state = scene(objects=[(BLACK_CUBE, 3.0, 5.0), (PURPLE_CUBE, 3.0 + apart, 5.0)])
    assert is_related(state, TOUCHING, 2, 3) is touching
    assert is_related(state, NEAR, 2, 3) is near
    assert is_related(state, TOUCHING, 3, 2) is touching


def test_what_does_not_exist_and_one_body_with_itself_have_no_relation():
    state = scene(objects=[(BLACK_CUBE, 1.6, 1.6)])
    assert not np.asarray(state.relations)[3:].any()
    assert not np.asarray(state.relations)[:, 3:].any()
    assert not (np.diag(np.asarray(state.relations)) & (1 << FLOOR_BIT) - 1).any()


def test_a_holder_holds_touches_and_is_near_what_it_holds():
    state = scene(players=[(2.5, 4.5, 0.0)], objects=[(BLACK_CUBE, 3.4, 4.5)])
    state, _ = act(state, GRAB)
    assert is_related(state, HOLD, 0, 2)
    assert not is_related(state, HOLD, 2, 0)
    for predicate in (TOUCHING, NEAR):
        assert is_related(state, predicate, 0, 2)
        assert is_related(state, predicate, 2, 0)


@pytest.mark.parametrize(
    ("degrees", "seen"), [(0, True), (55, True), (65, False), (180, False)]
)
def test_a_player_sees_within_sixty_degrees_of_ahead(degrees, seen):
    heading = np.radians(degrees)
    state = scene(players=[(3.5, 5.5, heading)], objects=[(BLACK_CUBE, 5.5, 5.5)])
    assert is_related(state, SEE, 0, 2) is bool(seen)
    assert not is_related(state, SEE, 2, 0)


def test_a_wall_and_a_third_body_block_the_view():
    seen = {"players": [(2.5, 4.5, 0.0)], "objects": [(BLACK_CUBE, 6.5, 4.5)]}
    assert is_related(scene(**seen), SEE, 0, 2)
    assert not is_related(scene(WALL, **seen), SEE, 0, 2)
    between = {**seen, "objects": [(BLACK_CUBE, 6.5, 4.5), (PURPLE_CUBE, 4.5, 4.5)]}
    state = scene(**between)
    assert is_related(state, SEE, 0, 3)
    assert not is_related(state, SEE, 0, 2)


def test_what_a_player_holds_does_not_stand_in_its_own_way():
    state = scene(
        players=[(2.5, 4.5, 0.0)],
        objects=[(PURPLE_CUBE, 3.3, 4.5), (BLACK_CUBE, 6.5, 4.5)],
    )
    assert not is_related(state, SEE, 0, 3)
    state, _ = act(state, GRAB)
    assert is_related(state, SEE, 0, 3)


def test_objects_have_a_clear_line_whoever_looks():
    pair = [(BLACK_CUBE, 2.5, 4.5), (PURPLE_CUBE, 6.5, 4.5)]
    assert is_related(scene(objects=pair), SIGHT, 2, 3)
    assert is_related(scene(objects=pair), SIGHT, 3, 2)
    assert not is_related(scene(WALL, objects=pair), SIGHT, 2, 3)


def test_bodies_stand_on_the_colour_of_their_floor():
    rows = (*WALL[:5], "..b....", ".......")
    state = scene(rows, objects=[(BLACK_CUBE, 3.5, 2.5), (PURPLE_CUBE, 5.5, 2.5)])
    bits = np.diag(np.asarray(state.relations)) >> FLOOR_BIT
    assert bits[2] == 1 << 1
    assert bits[3] == 1 << 0
    carried = scene(rows, players=[(2.5, 2.5, 0.0)], objects=[(BLACK_CUBE, 3.5, 2.5)])
    carried, _ = act(carried, GRAB)
    assert np.diag(np.asarray(carried.relations))[2] >> FLOOR_BIT == 0
    assert ON == 4


def test_heights_part_bodies():
    rows = ("..11...", *("..11...",) * 6)
    state = scene(rows, objects=[(BLACK_CUBE, 3.2, 5.5), (PURPLE_CUBE, 2.8, 5.5)])
    assert state.bodies.height[2] == 1.0
    assert not is_related(state, NEAR, 2, 3)


def test_lines_between_the_middles_of_cells_pass_at_corners():
    rows = (".......",) * 3 + ("...#...",) + (".......",) * 3
    for first, second in (((3.5, 5.5), (5.5, 3.5)), ((3.5, 3.5), (5.5, 5.5))):
        through = [(BLACK_CUBE, *first), (PURPLE_CUBE, *second)]
        assert not is_related(scene(rows, objects=through), SIGHT, 2, 3)
    for first, second in (((3.5, 4.5), (4.5, 3.5)), ((1.5, 5.5), (6.5, 2.5))):
        past = [(BLACK_CUBE, *first), (PURPLE_CUBE, *second)]
        assert is_related(scene(rows, objects=past), SIGHT, 2, 3)


def test_no_corner_of_a_wall_is_seen_through():
    """Look along many lines among walls, and compare with ten thousand points."""
    chance = np.random.default_rng(0)
    rows = tuple(
        "".join("#" if chance.random() < 0.2 else "." for _ in range(7))
        for _ in range(7)
    )
    terrain = scene(rows).task.terrain
    height = np.asarray(terrain.height)
    count = 4000
    start, end = chance.uniform(1.01, 7.99, (2, 2, count))
    share = (np.arange(10_000) + 0.5) / 10_000
    x, y = (a + (b - a) * share[:, None] for a, b in zip(start, end, strict=True))
    walls = height[x.astype(int), y.astype(int)] > 1
    within = walls.mean(0) * np.hypot(*(end - start))
    land = jnp.broadcast_to(terrain.land(), (count, 9, 9))
    across = tuple(jnp.float32(side)[None] for side in start)
    way = tuple(jnp.float32(b - a)[None] for a, b in zip(start, end, strict=True))
    found = blocked(land, across, way, lambda share: 0.4 + 0.0 * share, 8)[0]
    open_ = height[tuple(start.astype(int))] < 1
    assert not (np.asarray(found) & (within == 0) & open_).any()
    assert np.asarray(found)[(within > 1e-3) & open_].all()
    assert (within[open_] == 0).sum() > 200
    assert (within[open_] > 0).sum() > 200
