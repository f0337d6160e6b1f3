"""What players do to bodies: walking, turning, grabbing, throwing, tagging."""

import numpy as np
import pytest

from allometry.environments.xland.bodies import FASTEST
from allometry.environments.xland.play import TAGGED, TURN
from tests.environments.xland.scene import (
    BACKWARDS,
    BLACK_CUBE,
    DROP,
    FORWARDS,
    FREE,
    GRAB,
    HARD,
    LEFT,
    RIGHT,
    SOFTLY,
    STAY,
    TAG,
    act,
    scene,
)

EAST = 0.0
WALLED = (
    ".......",
    ".......",
    "...#...",
    "...#...",
    "...#...",
    ".......",
    ".......",
)
#: A plateau in the east; a ramp leads up to it in the row y = 4.5, edges elsewhere.
PLATEAU = (
    "....111",
    "....111",
    "....111",
    "...>111",
    "....111",
    "....111",
    "....111",
)


def place(state, body=0):
    return np.array([state.bodies.x[body], state.bodies.y[body]])


def test_forwards_is_the_way_one_looks():
    state, _ = act(scene(players=[(2.5, 4.5, EAST)]), *[FORWARDS] * 8)
    assert state.bodies.x[0] > 4.0
    assert state.bodies.y[0] == pytest.approx(4.5, abs=1e-3)


def test_backwards_and_turned_are_other_ways():
    back, _ = act(scene(players=[(4.5, 4.5, EAST)]), *[BACKWARDS] * 6)
    assert back.bodies.x[0] < 3.7
    turned, _ = act(scene(players=[(4.5, 4.5, EAST)]), *[LEFT] * 3, *[FORWARDS] * 6)
    assert turned.bodies.y[0] > 5.3
    assert turned.players.heading[0] == pytest.approx(3 * TURN, abs=1e-4)
    right, _ = act(scene(players=[(4.5, 4.5, EAST)]), RIGHT)
    assert right.players.heading[0] == pytest.approx(2 * np.pi - TURN, abs=1e-4)


def test_nobody_is_faster_than_the_fastest_and_friction_stops():
    state = scene(players=[(1.5, 4.5, EAST)])
    for _ in range(10):
        state, _ = act(state, FORWARDS)
        assert np.hypot(state.bodies.u[0], state.bodies.v[0]) <= FASTEST + 1e-4
    state, _ = act(state, *[STAY] * 20)
    assert abs(float(state.bodies.u[0])) < 0.01


def test_a_wall_stops_and_keeps_a_radius_away():
    state, _ = act(scene(WALLED, players=[(2.5, 4.5, EAST)]), *[FORWARDS] * 20)
    assert state.bodies.x[0] == pytest.approx(4.0 - 0.3, abs=0.01)


def test_a_step_is_a_wall_from_below_and_a_fall_from_above():
    below, _ = act(scene(PLATEAU, players=[(3.5, 6.5, EAST)]), *[FORWARDS] * 20)
    assert below.bodies.x[0] < 5.0
    assert below.bodies.height[0] == 0.0
    above = scene(PLATEAU, players=[(6.5, 6.5, np.pi)])
    assert above.bodies.height[0] == 1.0
    fallen, _ = act(above, *[FORWARDS] * 20)
    assert fallen.bodies.x[0] < 4.5
    assert fallen.bodies.height[0] == 0.0


def test_a_ramp_leads_up():
    state, _ = act(scene(PLATEAU, players=[(2.5, 4.5, EAST)]), *[FORWARDS] * 20)
    assert state.bodies.x[0] > 6.0
    assert state.bodies.height[0] == pytest.approx(1.0, abs=1e-4)


def test_an_object_ahead_is_taken_carried_and_dropped():
    state = scene(players=[(2.5, 4.5, EAST)], objects=[(BLACK_CUBE, 3.5, 4.5)])
    state, _ = act(state, GRAB)
    assert state.bodies.holder[2] == 0
    state, _ = act(state, *[FORWARDS] * 6)
    assert np.linalg.norm(place(state, 2) - place(state)) < 0.6
    state, _ = act(state, DROP)
    assert state.bodies.holder[2] == -1


@pytest.mark.parametrize(
    ("spot", "why"),
    [((5.6, 4.5), "too far"), ((1.6, 4.5), "behind")],
)
def test_what_is_out_of_reach_is_not_taken(spot, why):
    state = scene(players=[(2.5, 4.5, EAST)], objects=[(BLACK_CUBE, *spot)])
    state, _ = act(state, GRAB)
    assert state.bodies.holder[2] == -1, why


def test_a_frozen_object_is_neither_taken_nor_pushed():
    state = scene(
        players=[(2.5, 4.5, EAST)], objects=[(BLACK_CUBE, 3.5, 4.5)], frozen=[0]
    )
    state, _ = act(state, GRAB, *[FORWARDS] * 12)
    assert state.bodies.holder[2] == -1
    assert place(state, 2) == pytest.approx([3.5, 4.5])
    assert state.bodies.x[0] <= 3.5 - 0.5 + 0.02


def test_a_body_pushes_a_loose_object_before_it():
    state = scene(players=[(2.5, 4.5, EAST)], objects=[(BLACK_CUBE, 3.5, 4.5)])
    state, _ = act(state, *[FORWARDS] * 12)
    assert state.bodies.x[2] > 4.5


def test_one_object_at_a_time_and_the_first_player_takes_first():
    state = scene(
        players=[(3.0, 4.5, EAST), (5.0, 4.5, np.pi)],
        objects=[(BLACK_CUBE, 4.0, 4.5), (BLACK_CUBE, 4.0, 5.2)],
    )
    state, _ = act(state, GRAB, GRAB, other=STAY)
    assert (np.asarray(state.bodies.holder[2:4]) == 0).sum() == 1
    both = scene(
        players=[(3.0, 4.5, EAST), (5.0, 4.5, np.pi)], objects=[(BLACK_CUBE, 4.0, 4.5)]
    )
    both, _ = act(both, GRAB, other=GRAB)
    assert both.bodies.holder[2] == 0


def test_a_hard_throw_clears_a_wall_and_a_soft_one_is_shorter():
    def thrown(deed):
        state = scene(players=[(1.5, 2.5, EAST)], objects=[(BLACK_CUBE, 2.3, 2.5)])
        state, _ = act(state, GRAB, deed, *[STAY] * 25)
        return float(state.bodies.x[2])

    assert thrown(HARD) > thrown(SOFTLY) + 0.5 > 2.5
    over = scene(
        PLATEAU[::-1], players=[(2.5, 6.5, EAST)], objects=[(BLACK_CUBE, 3.2, 6.5)]
    )
    over, _ = act(over, GRAB, HARD, *[STAY] * 25)
    assert over.bodies.x[2] > 5.0
    assert over.bodies.height[2] == pytest.approx(1.0, abs=1e-3)


def test_a_tagged_player_stands_frozen_until_time_or_a_friend_frees_it():
    state = scene(players=[(3.5, 4.5, EAST), (4.5, 4.5, np.pi / 2)])
    state, _ = act(state, TAG)
    assert state.players.tagged[1] == TAGGED
    before = place(state, 1)
    held, _ = act(state, *[STAY] * 5, other=FORWARDS)
    assert place(held, 1) == pytest.approx(before, abs=1e-3)
    freed, _ = act(state, FREE)
    assert freed.players.tagged[1] == 0
    waited, _ = act(state, *[STAY] * TAGGED)
    assert waited.players.tagged[1] == 0


#: A wall from south to north, and two walls that meet at a corner.
HALVED = ("...#...",) * 7
CORNERED = (".......",) * 3 + ("...#...", "....#..") + (".......",) * 2


def test_no_hand_reaches_through_a_wall():
    through = [(3.7, 4.5, 0.0), (5.3, 4.5, np.pi)]
    state = scene(HALVED, players=through, objects=[(BLACK_CUBE, 5.2, 3.7)])
    state, _ = act(state, GRAB, TAG, other=TAG)
    assert (np.asarray(state.bodies.holder) == -1).all()
    assert np.asarray(state.players.tagged).tolist() == [0, 0]
    nearer = [(3.7, 4.5, 0.0), (5.1, 4.5, np.pi)]
    open_ = scene(players=nearer, objects=[(BLACK_CUBE, 4.7, 3.9)])
    open_, _ = act(open_, GRAB, TAG)
    assert (np.asarray(open_.bodies.holder) == 0).any()
    assert int(open_.players.tagged[1]) > 0


def test_a_low_wall_between_two_on_the_ground_is_not_reached_over():
    low = tuple(row.replace("#", "1") for row in HALVED)
    state = scene(low, players=[(3.7, 4.5, 0.0)], objects=[(BLACK_CUBE, 5.2, 4.5)])
    state, _ = act(state, GRAB)
    assert (np.asarray(state.bodies.holder) == -1).all()


def test_nothing_is_carried_between_walls_that_meet_at_a_corner():
    # Cells (4, 4) and (5, 3) are walls; (4, 3) and (5, 4) meet at their corner.
    state = scene(
        CORNERED, players=[(4.65, 3.35, np.pi / 4)], objects=[(BLACK_CUBE, 4.75, 3.75)]
    )
    state, _ = act(state, GRAB, *[FORWARDS] * 6)
    held = np.flatnonzero(np.asarray(state.bodies.holder) == 0)
    x, y = (float(side[held[0]]) for side in state.bodies.place)
    assert (int(x), int(y)) == (4, 3)


def test_who_throws_does_not_catch_in_the_same_step():
    state = scene(players=[(2.5, 4.5, 0.0)], objects=[(BLACK_CUBE, 3.3, 4.5)])
    state, _ = act(state, GRAB, (0, 0, 0, 1, 2, 0))
    assert (np.asarray(state.bodies.holder) == -1).all()
    assert float(state.bodies.u[2]) > 3.0


def test_nobody_runs_down_a_ramp_faster_than_on_the_flat():
    rows = ("111>...",) * 7
    flat, _ = act(scene(players=[(2.0, 4.5, 0.0)]), *[FORWARDS] * 8)
    state = scene(tuple(row.replace(">", "<") for row in rows), players=[(2, 4.5, 0.0)])
    fastest = 0.0
    for _ in range(12):
        state, _ = act(state, FORWARDS)
        fastest = max(fastest, float(state.bodies.u[0]))
    assert fastest <= 1.05 * float(flat.bodies.u[0])
    state, _ = act(state, *[STAY] * 5)
    assert float(state.bodies.height[0]) == 0.0
