"""Ways over a terrain: walls are hard, ramps go up, edges down, objects are soft."""

import numpy as np
import pytest

from allometry.environments.xland.bodies import OBJECT_RADIUS, PLAYER_RADIUS
from allometry.environments.xland.probes import glyphs
from allometry.environments.xland.scripted.lattice import (
    FINE,
    Ground,
    stands_at,
    survey,
)
from allometry.environments.xland.scripted.route import (
    field,
    path,
    pushes,
    reach,
    shoves,
    straight,
)
from allometry.environments.xland.terrain import Terrain

OPEN = """
#######
#.....#
#.....#
#.....#
#.....#
#.....#
#######
"""
WALLED = """
#######
#.....#
#.....#
#####.#
#.....#
#.....#
#######
"""
HILL = """
########
#......#
#.111..#
#.111<.#
#.111..#
#......#
#......#
########
"""


def ground(drawn: str, radius: float = PLAYER_RADIUS) -> Ground:
    drawing = glyphs.draw(drawn, {})
    height = np.where(drawing.height == glyphs.WALLED, 2, drawing.height)
    return survey(Terrain(height, drawing.ramp, drawing.colour), radius)


def spot(on: Ground, *places: tuple[float, float]) -> np.ndarray:
    found = np.zeros(on.height.shape, bool)
    for place in places:
        found[on.nearest(place)] = True
    return found


def free(on: Ground) -> np.ndarray:
    return np.zeros(on.height.shape)


def way(on: Ground, start: tuple[float, float], end: tuple[float, float]) -> list:
    return path(on, field(on, spot(on, end), free(on)), start)


def length(points: list[tuple[float, float]]) -> float:
    return float(np.hypot(*np.diff(np.array(points), axis=0).T).sum())


def test_nobody_stands_within_a_radius_of_a_wall() -> None:
    on = ground(OPEN)
    inside = (np.minimum(on.x, on.y) > 1) & (np.maximum(on.x, on.y) < 6)
    edge = np.minimum.reduce([on.x - 1, on.y - 1, 6 - on.x, 6 - on.y])
    assert (on.stands == (inside & (edge > PLAYER_RADIUS - 0.02))).all()
    assert ground(OPEN, OBJECT_RADIUS).stands.sum() == on.stands.sum()
    x, y = np.array([1.25, 1.35, 3.5]), np.array([3.5, 3.5, 9.0])
    assert stands_at(on.floors, x, y).tolist() == [False, True, False]


def test_the_shortest_way_over_open_ground_is_straight() -> None:
    on = ground(OPEN)
    points = way(on, (1.5, 1.5), (5.5, 1.5))
    assert points[0] == pytest.approx((1.5, 1.5))
    assert points[-1] == pytest.approx((5.5, 1.5))
    assert length(points) == pytest.approx(4.0)
    assert straight(on, (1.5, 1.5), (5.5, 5.5))


def test_a_way_goes_round_a_wall_and_cuts_no_corner() -> None:
    on = ground(WALLED)
    points = way(on, (1.5, 1.5), (1.5, 5.5))
    assert length(points) > 9.0
    for x, y in points:
        near_x, near_y = np.clip(x, 1, 5), np.clip(y, 3, 4)
        assert np.hypot(x - near_x, y - near_y) >= PLAYER_RADIUS
    assert not straight(on, (1.5, 1.5), (1.5, 5.5))
    assert not straight(on, (4.5, 2.6), (5.5, 4.5))


def test_where_no_way_leads_there_is_none() -> None:
    on = ground(WALLED.replace("#####.#", "#######"))
    assert way(on, (1.5, 1.5), (1.5, 5.5)) == []
    assert np.isinf(reach(on, (1.5, 1.5), free(on))[on.nearest((1.5, 5.5))])
    nowhere = field(on, np.zeros(on.height.shape, bool), free(on))
    assert path(on, nowhere, (1.5, 1.5)) == []


def test_a_height_is_climbed_by_its_ramp_and_left_by_any_edge() -> None:
    on = ground(HILL)
    up = way(on, (1.5, 4.5), (2.5, 4.5))
    cells = {(int(x), int(y)) for x, y in up}
    assert {(5, 4), (4, 4)} <= cells
    assert length(up) > 7.0
    down = way(on, (2.5, 4.5), (1.5, 4.5))
    assert length(down) == pytest.approx(1.0)
    assert {(int(x), int(y)) for x, y in down} == {(2, 4), (1, 4)}


def test_a_fall_costs_more_than_its_length() -> None:
    on = ground(HILL)
    down = reach(on, (2.5, 4.5), free(on))[on.nearest((1.5, 4.5))]
    assert down == pytest.approx(2.0)


def test_a_ramp_is_not_entered_from_its_side_half_way_up() -> None:
    on = ground(HILL)
    i, j = on.nearest((5.5, 4.2))
    side = len(on.height)
    source = on.edges.source[on.edges.target == i * side + j]
    assert ((source % side + 0.5) / FINE > 4).all()
    assert len(source)


def test_straight_ways_may_fall_off_edges_only_if_told() -> None:
    on = ground(HILL)
    assert not straight(on, (2.5, 4.5), (1.5, 4.5))
    assert straight(on, (2.5, 4.5), (1.5, 4.5), falls=True)
    assert not straight(on, (1.5, 4.5), (2.5, 4.5), falls=True)
    assert straight(on, (6.5, 4.5), (4.5, 4.5))


def test_objects_are_soft_obstacles() -> None:
    on = ground(OPEN)
    cost = 6.0 * (np.hypot(on.x - 3.5, on.y - 3.5) < 0.6)
    points = path(on, field(on, spot(on, (5.5, 3.5)), cost), (1.5, 3.5))
    assert min(np.hypot(x - 3.5, y - 3.5) for x, y in points) >= 0.6
    assert straight(on, (1.5, 3.5), (5.5, 3.5))
    assert not straight(on, (1.5, 3.5), (5.5, 3.5), cost == 0)
    # In a passage there is no way round: it is taken all the same.
    narrow = ground("#######\n#.....#\n#######\n" + "#######\n" * 4)
    blocked = 6.0 * (np.hypot(narrow.x - 3.5, narrow.y - 5.5) < 0.6)
    goal = spot(narrow, (5.5, 5.5))
    points = path(narrow, field(narrow, goal, blocked), (1.5, 5.5))
    assert length(points) == pytest.approx(4.0)


def test_of_several_goals_the_cheapest_to_reach_is_chosen() -> None:
    on = ground(WALLED)
    both = spot(on, (1.5, 5.5), (5.5, 1.5))
    points = path(on, field(on, both, free(on)), (1.5, 2.5))
    assert points[-1] == pytest.approx((5.5, 1.5))


def test_what_is_pushed_needs_room_behind_it() -> None:
    low = ground(OPEN, OBJECT_RADIUS)
    ways = pushes(low, PLAYER_RADIUS + OBJECT_RADIUS)

    def pushed(start: tuple[float, float], end: tuple[float, float]) -> list:
        return path(low, shoves(low, ways, spot(low, end)), start)

    assert pushed((3.5, 3.5), (5.5, 3.5))
    # From a wall only aslant, from a corner not at all.
    assert length(pushed((1.5, 3.5), (3.5, 3.5))) > 2.0
    assert pushed((1.5, 1.5), (3.5, 3.5)) == []


def test_a_thing_can_be_pushed_off_an_edge_and_up_again_by_the_ramp_only() -> None:
    low = ground(HILL, OBJECT_RADIUS)
    ways = pushes(low, PLAYER_RADIUS + OBJECT_RADIUS)
    off = path(low, shoves(low, ways, spot(low, (1.5, 4.5))), (3.5, 4.5))
    assert off[-1] == pytest.approx((1.5, 4.5))
    up = path(low, shoves(low, ways, spot(low, (2.5, 4.5))), (1.5, 4.5))
    assert {(5, 4), (4, 4)} <= {(int(x), int(y)) for x, y in up}


def test_three_points_make_a_cell() -> None:
    on = ground(OPEN)
    assert on.height.shape == (7 * FINE, 7 * FINE)
    assert on.middles(on.x)[3, 4] == pytest.approx(3.5)
    assert on.middles(on.y)[3, 4] == pytest.approx(4.5)
