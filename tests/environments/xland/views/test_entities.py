"""Entities and what is told, field by field as their modules document them."""

import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import told
from allometry.environments.xland.bodies import FASTEST
from allometry.environments.xland.game import Hidden
from allometry.environments.xland.told import shown, tell
from tests.environments.xland.scene import (
    BLACK_CUBE,
    DIALS,
    FORWARDS,
    GRAB,
    HOLD,
    ME,
    PURPLE_CUBE,
    PURPLE_SPHERE,
    STAY,
    TAG,
    TOUCHING,
    YOU,
    act,
    scene,
)

WALL = (".......",) * 3 + ("...#...",) + (".......",) * 3
NORTH = np.pi / 2


def observed(state, *deeds):
    _, timestep = act(state, *(deeds or [STAY]))
    return timestep.observation


def test_a_body_ahead_is_told_in_my_own_directions():
    state = scene(players=[(4.5, 2.5, NORTH)], objects=[(PURPLE_SPHERE, 3.5, 4.5)])
    row = np.asarray(observed(state).bodies)[0, 2]
    scale = 1.5 * DIALS.arena
    assert row[:3].tolist() == [1, 0, 0]
    assert row[3:5] == pytest.approx([2 / scale, 1 / scale], abs=1e-5)
    assert row[6] == pytest.approx(5**0.5 / scale, abs=1e-4)
    # Sphere is the second shape, purple the second colour.
    assert row[12:].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]


def test_what_is_out_of_sight_is_all_zeros():
    behind = scene(players=[(4.5, 4.5, NORTH)], objects=[(BLACK_CUBE, 4.5, 2.5)])
    assert not np.asarray(observed(behind).bodies)[0, 2].any()
    hidden = scene(WALL, players=[(2.5, 4.5, 0.0)], objects=[(BLACK_CUBE, 6.5, 4.5)])
    assert not np.asarray(observed(hidden).bodies)[0, 2].any()
    assert not np.asarray(observed(behind).bodies)[0, 3:].any()


def test_i_am_in_my_table_and_what_i_hold_is_too():
    state = scene(players=[(2.5, 4.5, 0.0)], objects=[(BLACK_CUBE, 3.4, 4.5)])
    table = np.asarray(observed(state, GRAB).bodies)[0]
    assert table[0, :3].tolist() == [1, 1, 1]
    assert table[0, 3:7].tolist() == [0, 0, 0, pytest.approx(0, abs=1e-4)]
    assert table[2, 9:11].tolist() == [1, 1]
    assert np.asarray(observed(state, GRAB).self)[0, 1] == 1.0


def test_speed_is_told_in_my_directions():
    state = scene(players=[(4.5, 2.5, NORTH)])
    after, timestep = act(state, FORWARDS, FORWARDS)
    row = np.asarray(timestep.observation.bodies)[0, 0]
    assert row[7] == pytest.approx(float(after.bodies.v[0]) / FASTEST, abs=1e-5)
    assert row[8] == pytest.approx(0.0, abs=1e-5)


def test_the_floor_around_is_turned_with_me():
    rows = (
        (".......",) * 2 + ("...#...",) + (".......",) + ("..b....",) + (".......",) * 2
    )
    # The wall is two cells north of me, blue floor one west and none ahead.
    state = scene(rows, players=[(4.5, 3.5, NORTH)])
    patch = np.asarray(observed(state).floor)[0]
    middle = patch.shape[0] // 2
    assert patch[middle - 2, middle, 1] == 1.0
    assert patch[middle, middle + 0, 1] == 0.0
    assert patch[middle, middle + 1, 2:].sum() == 0.0
    assert patch[middle, middle - 0, 2:].sum() == 0.0
    west = scene(rows, players=[(4.5, 3.5, np.pi)])
    ahead = np.asarray(observed(west).floor)[0]
    assert ahead[middle - 1, middle, 2] == 1.0
    assert ahead[middle, middle + 2, 1] == 1.0


GOAL = [(HOLD, True, ME, BLACK_CUBE, 0)]
RULES = [
    (TOUCHING, BLACK_CUBE, PURPLE_SPHERE, [PURPLE_CUBE]),
    (HOLD, YOU, PURPLE_CUBE, []),
]


def tables(hidden=None):
    state = scene(goals=[GOAL], rules=RULES, hidden=hidden)
    return [np.asarray(table) for table in shown(state.task.told)]


def hide(rules=(), kinds=(), predicates=()):
    def mask(size, which):
        return jnp.array([[n in which for n in range(size)]] * DIALS.players)

    return Hidden(
        mask(DIALS.rules, rules),
        mask(DIALS.types, kinds),
        mask(DIALS.rules, predicates),
    )


def test_a_goal_is_told_whole():
    goal, _ = tables()
    row = goal[0, 0]
    assert row[:2].tolist() == [1, 1]
    assert row[2:8].tolist() == [0, 0, 1, 0, 0, 0]
    # I am the first thing, a black cube the second.
    assert row[8:20].tolist() == [0] * 8 + [1, 0, 0, 0]
    assert row[20:32].tolist() == [1, 0, 0, 0, 1, 0, 0, 0] + [0] * 4
    assert not goal[0, 1].any()
    assert not goal[1].any()


def test_a_rule_is_told_by_condition_and_spawns():
    _, rules = tables()
    row = rules[0, 0]
    assert row[:2].tolist() == [1, 0]
    assert row[2:8].tolist() == [1, 0, 0, 0, 0, 0]
    assert row[8] == 0
    first, second, spawn = row[9:22], row[22:35], row[35:44]
    assert first.tolist() == [1, 0, 0, 0, 1, 0, 0, 0] + [0] * 5
    assert second.tolist() == [0, 1, 0, 0, 0, 1, 0, 0] + [0] * 5
    assert spawn.tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0]
    assert not row[44:].any()


def test_players_are_counted_from_me():
    _, rules = tables()
    mine, theirs = rules[0, 1, 9:22], rules[1, 1, 9:22]
    assert mine[8:12].tolist() == [0, 1, 0, 0]
    assert theirs[8:12].tolist() == [1, 0, 0, 0]


def test_of_a_hidden_rule_only_its_being_there_is_told():
    _, rules = tables(hide(rules=[0]))
    assert rules[0, 0, :2].tolist() == [1, 1]
    assert not rules[0, 0, 2:].any()
    assert rules[0, 1, 1] == 0


def test_a_hidden_object_has_its_number_in_every_rule():
    _, rules = tables(hide(kinds=[BLACK_CUBE, PURPLE_CUBE]))
    # Numbered in the order of kinds: the black cube 1, the purple cube 2.
    assert rules[0, 0, 9:22].tolist() == [0] * 12 + [1 / 16]
    assert rules[0, 0, 35:44].tolist() == [0] * 8 + [2 / 16]
    assert rules[0, 1, 22:35].tolist() == [0] * 12 + [2 / 16]
    assert rules[0, 0, 22:35].tolist() == [0, 1, 0, 0, 0, 1, 0, 0] + [0] * 5


def test_a_hidden_predicate_has_a_number():
    _, rules = tables(hide(predicates=[1]))
    assert rules[0, 1, 2:9].tolist() == [0] * 6 + [1 / 16]
    assert rules[0, 0, 2:9].tolist() == [1] + [0] * 6


def test_the_tables_fill_their_specs():
    spec = told.spec(DIALS)
    state = scene(goals=[GOAL], rules=RULES)
    goal, rules = shown(tell(state.task.game, DIALS))
    assert goal.shape[1:] == spec.goal.shape
    assert rules.shape[1:] == spec.rules.shape


def test_a_tagged_player_is_seen_to_be_frozen():
    state = scene(players=[(2.5, 4.5, 0.0), (3.5, 4.5, np.pi)])
    _, before = act(state, STAY)
    _, after = act(state, TAG)
    assert before.observation.bodies[0, 1, 11] == 0.0
    assert after.observation.bodies[0, 1, 11] == 1.0
    assert after.observation.bodies[0, 0, 11] == 0.0
