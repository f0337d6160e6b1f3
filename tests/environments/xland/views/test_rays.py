"""Rays, field by field as their module documents them, and against a slow walk."""

import dataclasses

import numpy as np
import pytest

from allometry.environments.xland.relation import EYE, HALF_VIEW
from allometry.environments.xland.views import rays
from allometry.environments.xland.views.fan import spread
from allometry.environments.xland.views.rays import RAYS
from tests.environments.xland.views.sight import (
    DIALS,
    LEFT,
    RIGHT,
    UP,
    WALL,
    copies_seen,
    drawn,
    height,
    kind,
    observed,
    row,
    sight,
)

BLACK_CUBE, PURPLE_SPHERE = kind(0, 0), kind(1, 1)
#: The ray next to straight ahead, to the left.
AHEAD = RAYS // 2 - 1
SLANT = np.cos(spread(HALF_VIEW, RAYS)[AHEAD])
REACH = 1.5 * DIALS.arena
#: Steps of a slow walk, m.
STEP = 0.002
CHANGE, END, PAINT, BODY = slice(5), slice(5, 8), slice(8, 12), slice(12, 28)


def table(seen) -> np.ndarray:
    return observed(rays, seen)[0]


def met(seen) -> np.ndarray:
    """Give what the first player's ray ahead meets."""
    return table(seen)[0, AHEAD]


def test_a_wall_ends_sight_and_cannot_be_climbed():
    fields = met(sight(row("...#..."), players=[(2.5, 4.5, RIGHT)]))
    distance, height = 1.5 / SLANT / REACH, min(1.0, (WALL - EYE) / 3)
    assert fields[CHANGE] == pytest.approx([distance, height, 1, 0, 0], abs=1e-5)
    assert fields[END] == pytest.approx([distance, height, 1], abs=1e-5)


def test_a_ledge_ends_sight_too_but_is_no_wall():
    fields = met(sight(row("...1..."), players=[(2.5, 4.5, RIGHT)]))
    distance, height = 1.5 / SLANT / REACH, (1 - EYE) / 3
    assert fields[CHANGE] == pytest.approx([distance, height, 1, 0, 0], abs=1e-5)
    assert fields[END] == pytest.approx([distance, height, 0], abs=1e-5)


def test_an_edge_is_a_drop_and_sight_goes_on_over_it():
    fields = met(sight(row("11....."), players=[(2.5, 4.5, RIGHT)]))
    distance, height = 0.5 / SLANT / REACH, (-1 - EYE) / 3
    assert fields[CHANGE] == pytest.approx([distance, height, 0, 1, 0], abs=1e-5)
    wall = 5.5 / SLANT / REACH, min(1.0, (WALL - 1 - EYE) / 3)
    assert fields[END] == pytest.approx([*wall, 1], abs=1e-5)


def test_a_ramp_is_told_from_a_step_and_from_its_own_side():
    climbed = row(".>11...")
    fields = met(sight(climbed, players=[(1.5, 4.5, RIGHT)]))
    distance = 0.5 / SLANT / REACH
    assert fields[CHANGE] == pytest.approx([distance, -EYE / 3, 0, 0, 1], abs=1e-5)
    # Its floor is over the eye before it ends.
    end = 1.5 / SLANT / REACH, (1 - EYE) / 3
    assert fields[END] == pytest.approx([*end, 0], abs=1e-5)
    beside = met(sight(climbed, players=[(2.9, 2.5, UP)]))
    assert beside[CHANGE][2:].tolist() == [1, 0, 0]


def test_the_first_painted_floor_in_sight_is_told():
    blue = row("....b..")
    fields = met(sight(blue, players=[(2.5, 4.5, RIGHT)]))
    assert fields[PAINT] == pytest.approx([2.5 / SLANT / REACH, 1, 0, 0], abs=1e-5)
    on_it = met(sight(blue, players=[(5.5, 4.5, RIGHT)]))
    assert on_it[PAINT].tolist() == [0, 1, 0, 0]
    behind = met(sight(row("..#.b.."), players=[(1.5, 4.5, RIGHT)]))
    assert behind[PAINT].tolist() == [1, 0, 0, 0]
    # From a ledge the floor at its foot is not seen, what is further off is.
    below = met(sight(row("11bb..."), players=[(2.4, 4.5, RIGHT)]))
    assert below[PAINT] == pytest.approx([1.6 / SLANT / REACH, 1, 0, 0], abs=1e-5)


def test_a_body_is_met_at_its_disc_with_its_looks():
    state = sight(players=[(2.5, 4.5, RIGHT)], objects=[(PURPLE_SPHERE, 4.5, 4.5)])
    fields = met(state)[BODY]
    half = np.arccos(SLANT)
    distance = 2 * SLANT - np.sqrt(0.2**2 - (2 * np.sin(half)) ** 2)
    assert fields[:3] == pytest.approx([1, distance / REACH, -EYE / 3], abs=1e-5)
    assert fields[3:8].tolist() == [0, 0, 0, 0, 0]
    assert fields[8:].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
    # It is 11.5° wide from here, and rays lie at ± 2.5° and ± 7.5°.
    assert np.flatnonzero(table(state)[0, :, BODY][:, 0]).tolist() == [11, 12]


def test_rays_run_from_left_to_right():
    state = sight(
        players=[(2.5, 4.5, RIGHT)],
        objects=[(BLACK_CUBE, 3.5, 5.2), (PURPLE_SPHERE, 3.5, 3.8)],
    )
    bodies = table(state)[0, :, BODY]
    spheres, cubes = np.flatnonzero(bodies[:, 9]), np.flatnonzero(bodies[:, 8])
    assert len(cubes) == len(spheres) > 0
    assert cubes.max() < AHEAD < spheres.min()
    assert (RAYS - 1 - cubes[::-1]).tolist() == spheres.tolist()


def test_what_stands_before_hides_what_is_behind():
    objects = [(BLACK_CUBE, 5.5, 4.5), (PURPLE_SPHERE, 4.0, 4.5)]
    state = sight(players=[(2.5, 4.5, RIGHT)], objects=objects)
    assert met(state)[BODY][8:10].tolist() == [0, 1]
    walled = sight(row("..#...."), players=[(2.0, 4.5, RIGHT)], objects=objects)
    assert not met(walled)[BODY][[0, *range(2, 16)]].any()
    assert met(walled)[BODY][1] == 1


def test_what_is_up_on_a_ledge_is_seen_over_its_edge_from_afar_only():
    ledge = row("...1...")
    cube = [(BLACK_CUBE, 4.5, 4.5)]
    afar = met(sight(ledge, players=[(1.5, 4.5, RIGHT)], objects=cube))[BODY]
    assert afar[0] == 1
    assert afar[2] == pytest.approx((1 - EYE) / 3, abs=1e-5)
    # The middle rises (1 − EYE + 0.4) / 1.2, the edge (1 − EYE) / 0.7: more.
    below = met(sight(ledge, players=[(3.3, 4.5, RIGHT)], objects=cube))[BODY]
    assert below[0] == 0


def test_what_i_hold_is_in_my_hand_and_stands_in_no_ray():
    both = [(2.5, 4.5, RIGHT), (5.5, 4.5, LEFT)]
    cube = [(BLACK_CUBE, 3.0, 4.5)]
    assert met(sight(players=both, objects=cube))[BODY][8] == 1
    told, hand, _ = observed(rays, sight(players=both, objects=cube, held={0: 0}))
    assert hand[0].tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0]
    assert not hand[1].any()
    # I see the other player, the next after me, and it sees what I hold.
    mine, other = told[:, AHEAD, BODY]
    assert mine[[0, 3, 4, 5, 6, 7]].tolist() == [1, 0, 0, 1, 0, 0]
    assert other[[0, 3, 4, 5, 8]].tolist() == [1, 1, 0, 0, 1]


def test_what_cannot_move_is_told():
    both = [(2.5, 4.5, RIGHT), (5.5, 4.5, UP)]
    assert met(sight(players=both, tagged=(0, 3)))[BODY][4] == 1
    assert met(sight(players=both, tagged=(3, 0)))[BODY][4] == 0
    cube = [(BLACK_CUBE, 4.0, 4.5)]
    assert met(sight(players=both, objects=cube, frozen=[0]))[BODY][4] == 1


def test_a_full_view_goes_all_around():
    behind = sight(players=[(4.5, 4.5, RIGHT)], objects=[(BLACK_CUBE, 3.5, 4.5)])
    dials = dataclasses.replace(DIALS, view="full")
    found = observed(rays, behind, dials)[0][0, :, BODY][:, 8]
    assert np.flatnonzero(found).tolist() == [0, RAYS - 1]
    assert not table(behind)[0, :, BODY][:, 0].any()


def test_sight_ends_where_a_slow_walk_ends():
    far = np.arange(STEP, REACH, STEP)
    exact = 0
    for seed in range(30):
        seen = drawn(seed)
        told = table(seen)[0, :, 5] * REACH
        eye = seen.bodies.height[0] + EYE
        angles = seen.players.heading[0] + spread(HALF_VIEW, RAYS)
        for ray, angle in enumerate(angles):
            x = seen.bodies.x[0] + far * np.cos(angle)
            y = seen.bodies.y[0] + far * np.sin(angle)
            over = height(seen.terrain, x, y) > eye
            ends = far[over.argmax()] if over.any() else REACH
            # A ramp's end is told, and the walk ends where it rises over the eye.
            assert ends - 2 * STEP <= told[ray] <= ends + 1.5
            exact += told[ray] <= ends + 2 * STEP
    assert exact > 0.9 * 30 * RAYS


def test_numbers_are_bounded_and_as_the_spec_says():
    seen = np.stack([table(drawn(seed)) for seed in range(30)])
    assert seen.shape[2:] == rays.spec(DIALS).rays.shape == (24, 28)
    assert np.abs(seen).max() <= 1
    # Each kind of change, wall, colour and body is met somewhere.
    flags = [2, 3, 4, 7, *range(9, 13), 16, *range(20, 28)]
    assert (seen.reshape(-1, 28)[:, flags].sum(0) > 0).all()


def test_a_batch_is_what_each_copy_sees_alone():
    seen = [drawn(seed) for seed in range(3)]
    together = copies_seen(rays, seen)
    for number, one in enumerate(seen):
        for whole, alone in zip(together, observed(rays, one), strict=True):
            assert np.allclose(whole[number], alone, atol=1e-6)
