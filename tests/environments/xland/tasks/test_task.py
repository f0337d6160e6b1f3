"""Tasks as values, and where bodies begin."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.bodies import OBJECT_RADIUS
from allometry.environments.xland.complexity import preset
from allometry.environments.xland.tasks.meaning import side_of
from allometry.environments.xland.tasks.task import POOL, make, numbers, sample
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import FLAT
from allometry.environments.xland.xland import XLand
from allometry.refusal import Refusal

TASKS = 20_000
#: What runs once is to compile fast.
QUICK = {"xla_backend_optimization_level": 0}
DIALS = preset("default")


@functools.cache
def maker():
    return jax.jit(jax.vmap(lambda world, game: make(world, game, DIALS)))


@functools.cache
def drawn():
    """Draw tasks, first of training and then held-out ones, on the host."""
    keys = jax.random.split(jax.random.key(1), TASKS)
    found = [
        jax.vmap(lambda key, side=side: numbers(key, held_out=side))(keys)
        for side in (False, True)
    ]
    world, game = (jnp.concatenate(both) for both in zip(*found, strict=True))
    return jax.tree.map(np.asarray, maker()(world, game))


def values(tree):
    """Give each task's arrays as bytes."""
    leaves = [leaf.reshape(2 * TASKS, -1) for leaf in jax.tree.leaves(tree)]
    rows = np.concatenate([leaf.astype(np.float32) for leaf in leaves], axis=1)
    return [row.tobytes() for row in rows]


def test_no_training_game_or_world_is_held_out():
    tasks = drawn()
    for part in (tasks.game, (tasks.terrain, tasks.x, tasks.y)):
        found = values(part)
        train, held_out = set(found[:TASKS]), set(found[TASKS:])
        assert not train & held_out
        # Nor are they many times the same task.
        assert min(len(train), len(held_out)) > 0.99 * TASKS


def test_a_number_decides_the_side_of_its_world_and_of_its_game():
    tasks = drawn()
    sides = np.arange(2 * TASKS) >= TASKS
    said = jax.jit(jax.vmap(lambda game: side_of(game, DIALS)))(tasks.game)
    assert np.array_equal(np.asarray(said), sides)
    walls = (tasks.terrain.height >= wall_height(DIALS)).sum((1, 2))
    assert np.array_equal(walls % 2, sides)


def test_training_numbers_are_even_and_held_out_ones_odd():
    keys = jax.random.split(jax.random.key(0), 10_000)
    for side in (False, True):
        draw = jax.vmap(lambda key, side=side: numbers(key, held_out=side))
        for drawn_ in draw(keys):
            assert (drawn_ % 2 == side).all()
            assert 0 <= drawn_.min() < 2**20
            assert 2 * POOL - 2**20 < drawn_.max() < 2 * POOL


@pytest.mark.parametrize(("worlds", "games"), [(4_000, 50_000), (50_000, 500_000)])
def test_a_pool_has_as_many_worlds_and_games_as_asked(worlds, games):
    keys = jax.random.split(jax.random.key(2), 100_000)
    draw = jax.vmap(lambda key: numbers(key, worlds=worlds, games=games))
    for found, count in zip(draw(keys), (worlds, games), strict=True):
        assert 0 <= int(found.min()) <= int(found.max()) <= 2 * (count - 1)
        expected = count * (1 - np.exp(-len(keys) / count))
        assert abs(len(np.unique(found)) / expected - 1) < 0.02


@pytest.mark.slow
def test_sampling_makes_the_task_of_the_numbers_drawn():
    key = jax.random.key(5)
    draw = jax.jit(
        lambda key: sample(key, DIALS, held_out=True, worlds=7, games=9),
        compiler_options=QUICK,
    )
    world, game = numbers(key, held_out=True, worlds=7, games=9)
    expected = maker()(*(jnp.full(2 * TASKS, number) for number in (world, game)))
    for one, every in zip(
        jax.tree.leaves(draw(key)), jax.tree.leaves(expected), strict=True
    ):
        assert np.allclose(one, every[0])


@pytest.mark.parametrize("pool", [{"worlds": 0}, {"games": POOL + 1}])
def test_a_pool_that_cannot_be_is_refused(pool):
    with pytest.raises(
        Refusal, match=r"A pool of \d+ \w+ cannot be: .* 1 to 536,870,912"
    ):
        sample(jax.random.key(0), DIALS, **pool)


def test_a_task_is_a_value_of_its_two_numbers():
    world, game = np.full(2 * TASKS, 10), np.full(2 * TASKS, 33)
    world[:10], game[10:20] = 12, 34
    tasks = jax.tree.map(np.asarray, maker()(jnp.asarray(world), jnp.asarray(game)))
    other_world, other_game, first, again = (
        jax.tree.map(lambda field, n=n: field[n], tasks) for n in (0, 10, 20, 30)
    )
    jax.tree.map(np.testing.assert_array_equal, first, again)
    jax.tree.map(np.testing.assert_array_equal, first.terrain, other_game.terrain)
    assert not np.array_equal(first.game.hidden.kinds, other_game.game.hidden.kinds)
    jax.tree.map(np.testing.assert_array_equal, first.game, other_world.game)
    assert not np.array_equal(first.x, other_world.x)


def cells(task):
    """Give the cells that bodies begin in."""
    return np.floor(task.x).astype(int), np.floor(task.y).astype(int)


def joined(tasks):
    """Say which tasks begin with two objects beside each other."""
    return tasks.game.goal.negated[:, 0, 0]


def test_bodies_begin_on_open_flat_cells_of_their_own_far_from_each_other():
    tasks = drawn()
    i, j = cells(tasks)
    number = np.arange(len(i))[:, None]
    assert (tasks.terrain.height[number, i, j] <= DIALS.levels).all()
    assert (tasks.terrain.ramp[number, i, j] == FLAT).all()
    away = np.maximum(
        np.abs(i[:, :, None] - i[:, None]), np.abs(j[:, :, None] - j[:, None])
    )
    away += 9 * np.eye(i.shape[1], dtype=int)
    least = away[~joined(tasks)].min((1, 2))
    assert (least >= 1).all()
    assert (least >= 2).mean() > 0.98
    centred = (tasks.x % 1 == 0.5) & (tasks.y % 1 == 0.5)
    assert centred[~joined(tasks)].all()


def test_bodies_hardly_ever_begin_in_doors():
    tasks = drawn()
    i, j = cells(tasks)
    number = np.arange(len(i))[:, None]
    wall = tasks.terrain.height > DIALS.levels
    east, west = wall[number, i + 1, j], wall[number, i - 1, j]
    north, south = wall[number, i, j + 1], wall[number, i, j - 1]
    door = (east & west & ~north & ~south) | (north & south & ~east & ~west)
    # Of all open cells, four in a hundred are doors.
    assert door.mean() < 0.01


def test_places_are_all_over_the_arena():
    i, j = cells(drawn())
    seen = np.zeros((DIALS.arena + 2,) * 2, int)
    np.add.at(seen, (i, j), 1)
    inner = seen[1:-1, 1:-1] / seen.sum() * DIALS.arena**2
    assert inner.min() > 0.5
    assert inner.max() < 2


def test_two_objects_to_be_parted_begin_in_touch_within_one_cell():
    tasks = drawn()
    which = np.nonzero(joined(tasks))[0]
    assert 0.06 < len(which) / len(tasks.x) < 0.14
    for number in which[:500]:
        goal = tasks.game.goal
        kinds = tasks.game.kinds[number].tolist()
        a, b = (kinds.index(int(side[number, 0, 0])) + 1 for side in (goal.a, goal.b))
        x, y = tasks.x[number], tasks.y[number]
        assert y[a] == y[b]
        assert x[b] - x[a] == pytest.approx(2 * OBJECT_RADIUS, abs=1e-5)
        assert int(x[a]) == int(x[b])


def at_rest(dials, tasks):
    """Give the share of tasks whose goal holds, per player, after steps of no deed."""
    environment = XLand(dials)
    spec = environment.spec
    action = jnp.zeros((spec.players, *spec.action.shape), spec.action.dtype)

    def wait(key, task):
        state, _ = environment.reset(key, task)

        def step(state, _):
            state, answer = environment.step(key, state, action)
            return state, answer.reward

        return jax.lax.scan(step, state, None, length=2)[1]

    keys = jax.random.split(jax.random.key(4), len(tasks.x))
    wait = jax.jit(jax.vmap(wait), compiler_options=QUICK)
    return np.asarray(wait(keys, tasks)).mean((0, 1))


def test_hardly_a_goal_holds_before_anybody_acts():
    tasks = jax.tree.map(lambda field: jnp.asarray(field[:1024]), drawn())
    assert at_rest(DIALS, tasks).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reach", "small", "large", "two", "xland1"])
def test_hardly_a_goal_of_any_preset_holds_before_anybody_acts(name):
    # Trials have the tasks of the default preset, which is that of the test above.
    environment = XLand(preset(name))
    keys = jax.random.split(jax.random.key(6), 1024)
    draw = jax.jit(jax.vmap(environment.sample_task), compiler_options=QUICK)
    assert at_rest(environment.dials, draw(keys)).max() < 0.01
