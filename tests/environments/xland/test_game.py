"""Goals in disjunctive normal form, and production rules, on scenes by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.environments.xland.scene import (
    BLACK_CUBE,
    BLACK_SPHERE,
    FORWARDS,
    GRAB,
    HOLD,
    ME,
    NEAR,
    ON,
    PURPLE_CUBE,
    PURPLE_SPHERE,
    SEE,
    SIGHT,
    STAY,
    TOUCHING,
    YOU,
    act,
    scene,
)

PAIR = [(BLACK_CUBE, 3.5, 5.5), (PURPLE_CUBE, 3.9, 5.5)]
APART = [(BLACK_CUBE, 3.5, 5.5), (PURPLE_CUBE, 6.5, 5.5)]
NEVER = (NEAR, False, BLACK_CUBE, BLACK_SPHERE, 0)


def kinds(state):
    """Give the sorted kinds of the objects that there are."""
    bodies = state.bodies
    return sorted(int(k) for k in bodies.kind[bodies.exists] if k >= 0)


def rewards(**written):
    _, timestep = act(scene(**written), STAY)
    return [float(reward) for reward in timestep.reward]


def test_a_goal_pays_on_every_step_on_which_it_holds():
    touch = (TOUCHING, False, BLACK_CUBE, PURPLE_CUBE, 0)
    state = scene(objects=PAIR, goals=[[touch]])
    for _ in range(3):
        state, timestep = act(state, STAY)
        assert timestep.reward.tolist() == [1.0, 0.0]
    assert rewards(objects=APART, goals=[[touch]]) == [0.0, 0.0]


def test_a_goal_is_a_disjunction_of_conjunctions():
    touch = (TOUCHING, False, BLACK_CUBE, PURPLE_CUBE, 0)
    assert rewards(objects=PAIR, goals=[[touch, NEVER]]) == [0.0, 0.0]
    assert rewards(objects=PAIR, goals=[[touch, (*NEVER[:4], 1)]]) == [1.0, 0.0]


def test_not_turns_an_atom_round_and_each_player_has_its_goal():
    apart = (TOUCHING, True, BLACK_CUBE, PURPLE_CUBE, 0)
    together = (TOUCHING, False, BLACK_CUBE, PURPLE_CUBE, 0)
    assert rewards(objects=APART, goals=[[apart], [together]]) == [1.0, 0.0]
    assert rewards(objects=PAIR, goals=[[apart], [together]]) == [0.0, 1.0]


def test_on_is_of_a_thing_and_a_floor():
    rows = (".......",) * 4 + ("..b....",) + (".......",) * 2
    on = (ON, False, BLACK_CUBE, 1, 0)
    spot = {"rows": rows, "goals": [[on]]}
    assert rewards(objects=[(BLACK_CUBE, 3.5, 3.5)], **spot) == [1.0, 0.0]
    assert rewards(objects=[(BLACK_CUBE, 5.5, 3.5)], **spot) == [0.0, 0.0]
    assert rewards(objects=[(PURPLE_CUBE, 3.5, 3.5)], **spot) == [0.0, 0.0]


def test_sight_between_players_is_judged_too():
    clear = (SIGHT, False, ME, YOU, 0)
    assert rewards(goals=[[clear]]) == [1.0, 0.0]


def test_a_rule_takes_its_objects_and_gives_its_spawns_where_the_first_was():
    state = scene(
        objects=PAIR, rules=[(TOUCHING, BLACK_CUBE, PURPLE_CUBE, [PURPLE_SPHERE])]
    )
    state, _ = act(state, STAY)
    assert kinds(state) == [PURPLE_SPHERE]
    slot = int(np.flatnonzero(np.asarray(state.bodies.exists)[2:])[0]) + 2
    assert float(state.bodies.x[slot]) == pytest.approx(3.5, abs=0.05)
    assert float(state.bodies.y[slot]) == pytest.approx(5.5, abs=0.05)


def test_things_are_in_the_order_that_the_rule_says_or_not_at_all():
    # Who stands with its back to the other does not see it.
    places = {"players": [(2.5, 4.5, 0.0), (4.5, 4.5, 0.0)]}
    sees = scene(objects=PAIR, rules=[(SEE, ME, YOU, [BLACK_SPHERE])], **places)
    sees, _ = act(sees, STAY)
    assert BLACK_SPHERE in kinds(sees)
    seen = scene(objects=PAIR, rules=[(SEE, YOU, ME, [BLACK_SPHERE])], **places)
    seen, _ = act(seen, STAY)
    assert kinds(seen) == [BLACK_CUBE, PURPLE_CUBE]
    near = scene(objects=PAIR, rules=[(NEAR, BLACK_CUBE, BLACK_CUBE, [])])
    near, _ = act(near, STAY)
    assert kinds(near) == [BLACK_CUBE, PURPLE_CUBE]


def test_a_player_in_a_condition_stays():
    state = scene(
        players=[(2.5, 4.5, 0.0)],
        objects=[(BLACK_CUBE, 3.3, 4.5)],
        rules=[(HOLD, ME, BLACK_CUBE, [PURPLE_CUBE])],
    )
    state, _ = act(state, GRAB)
    assert kinds(state) == [BLACK_CUBE]
    state, _ = act(state, STAY)
    assert kinds(state) == [PURPLE_CUBE]
    assert bool(state.bodies.exists[0])
    assert (np.asarray(state.bodies.holder) == -1).all()


def test_rules_fire_in_their_order_and_none_takes_what_an_earlier_took():
    first = (TOUCHING, BLACK_CUBE, PURPLE_CUBE, [BLACK_SPHERE])
    second = (NEAR, BLACK_CUBE, PURPLE_CUBE, [PURPLE_SPHERE])
    there, _ = act(scene(objects=PAIR, rules=[first, second]), STAY)
    assert kinds(there) == [BLACK_SPHERE]
    turned, _ = act(scene(objects=PAIR, rules=[second, first]), STAY)
    assert kinds(turned) == [PURPLE_SPHERE]


def test_a_rule_fires_once_a_step_on_the_first_pair():
    two = [(BLACK_CUBE, 3.5, 5.5), (BLACK_CUBE, 3.5, 6.5),
           (PURPLE_CUBE, 3.9, 5.5), (PURPLE_CUBE, 3.9, 6.5)]  # fmt: skip
    state = scene(objects=two, rules=[(TOUCHING, BLACK_CUBE, PURPLE_CUBE, [])])
    state, _ = act(state, STAY)
    assert kinds(state) == [BLACK_CUBE, PURPLE_CUBE]
    state, _ = act(state, STAY)
    assert kinds(state) == []


def test_what_appears_takes_part_from_the_next_step_on():
    state = scene(
        objects=PAIR,
        rules=[
            (TOUCHING, BLACK_CUBE, PURPLE_CUBE, [BLACK_SPHERE, PURPLE_SPHERE]),
            (NEAR, BLACK_SPHERE, PURPLE_SPHERE, [BLACK_CUBE]),
        ],
    )
    state, _ = act(state, STAY)
    assert kinds(state) == [BLACK_SPHERE, PURPLE_SPHERE]
    state, _ = act(state, STAY)
    assert kinds(state) == [BLACK_CUBE]


def test_spawns_without_a_free_slot_are_lost():
    full = [*PAIR, (BLACK_SPHERE, 6.5, 6.5), (BLACK_SPHERE, 6.5, 3.5)]
    spawns = [PURPLE_SPHERE] * 3
    rule = (TOUCHING, BLACK_CUBE, PURPLE_CUBE, spawns)
    state, _ = act(scene(objects=full, rules=[rule]), STAY)
    assert kinds(state) == [BLACK_SPHERE] * 2 + [PURPLE_SPHERE] * 2


def test_spawns_of_one_place_part():
    rule = (TOUCHING, BLACK_CUBE, PURPLE_CUBE, [BLACK_SPHERE] * 3)
    state, _ = act(scene(objects=PAIR, rules=[rule]), *[STAY] * 40)
    there = np.asarray(state.bodies.exists)[2:]
    x, y = np.asarray(state.bodies.x)[2:][there], np.asarray(state.bodies.y)[2:][there]
    gaps = np.hypot(x[:, None] - x, y[:, None] - y) + 9 * np.eye(3)
    assert gaps.min() > 0.35


def test_a_frozen_spawn_slot_is_free_again():
    state = scene(
        objects=PAIR,
        frozen=[0],
        rules=[(TOUCHING, BLACK_CUBE, PURPLE_CUBE, [BLACK_SPHERE])],
    )
    state, _ = act(state, STAY)
    assert not bool(jnp.any(state.bodies.frozen & state.bodies.exists))


def test_a_rule_over_players_only_spawns_where_the_first_is():
    state = scene(
        players=[(2.5, 4.5, 0.0), (3.2, 4.5, np.pi)],
        rules=[(NEAR, YOU, ME, [BLACK_CUBE])],
    )
    state, _ = act(state, STAY)
    slot = int(np.flatnonzero(np.asarray(state.bodies.exists)[2:])[0]) + 2
    assert float(state.bodies.x[slot]) == pytest.approx(3.2, abs=0.6)
    assert float(state.bodies.y[slot]) == pytest.approx(4.5, abs=0.6)


def test_no_rule_that_uses_an_object_up_loses_its_first_spawn():
    state = scene(
        players=[(2.5, 4.5, 0.0)],
        objects=[
            (BLACK_CUBE, 3.3, 4.5), (PURPLE_CUBE, 5.5, 5.5), (PURPLE_CUBE, 5.9, 5.5),
            (PURPLE_SPHERE, 7.5, 7.5),
        ],
        rules=[
            (HOLD, ME, BLACK_CUBE, [PURPLE_SPHERE] * 3),
            (NEAR, PURPLE_CUBE, PURPLE_CUBE, [BLACK_SPHERE]),
        ],
    )  # fmt: skip
    state = state._replace(relations=state.relations & ~jnp.uint16(2))
    state, _ = act(state, GRAB)
    assert kinds(state).count(PURPLE_CUBE) == 2
    state, _ = act(state, STAY)
    assert kinds(state).count(BLACK_SPHERE) == 1
    assert kinds(state).count(PURPLE_SPHERE) == 3


def test_spawns_of_what_was_held_at_a_wall_stay_on_the_floor():
    state = scene(
        players=[(6.9, 2.5, 0.0)],
        objects=[(BLACK_CUBE, 7.6, 2.5)],
        rules=[(HOLD, ME, BLACK_CUBE, [PURPLE_SPHERE] * 3)],
    )
    state, _ = act(state, GRAB, *[FORWARDS] * 3, *[STAY] * 10)
    there = np.asarray(state.bodies.exists)[2:]
    assert there.sum() == 3
    x, y = (np.asarray(side)[2:][there] for side in state.bodies.place)
    assert x.max() <= 7.8 + 1e-4
    assert np.asarray(state.bodies.height)[2:][there].max() < 0.01
    apart = np.hypot(x[:, None] - x, y[:, None] - y)[np.triu_indices(3, 1)]
    assert apart.min() > 0.3
