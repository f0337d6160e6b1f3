"""Which split a game belongs to, against what it says written out."""

import functools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland.complexity import preset
from allometry.environments.xland.game import Goal, Rules
from allometry.environments.xland.tasks.meaning import side_of, sided
from allometry.environments.xland.tasks.sampling import sample_game

#: What runs once is to compile fast.
QUICK = {"xla_backend_optimization_level": 0}
SETTINGS = {
    "reach": preset("reach"),
    "default": preset("default"),
    "xland1": preset("xland1"),
    "one colour": preset("reach", colours=1, shapes=3),
    "twelve kinds": preset("reach", colours=4, shapes=3),
}


@functools.cache
def drawn(name, count=4000):
    """Draw games of the two splits by turns, and say their sides."""
    dials = SETTINGS[name]
    keys, sides = jax.random.split(jax.random.key(3), count), jnp.arange(count) % 2

    def draw(key, side):
        game = sample_game(key, dials, None, side)
        return game, side_of(game, dials), sample_game(key, dials)

    draw = jax.jit(jax.vmap(draw), compiler_options=QUICK)
    return jax.tree.map(np.asarray, draw(keys, sides))


def says(game):
    """Write down what a game's goals and rules say, in no order."""
    goals = []
    for player in range(len(game.goal.a)):
        clauses = {}
        for predicate, negated, a, b, clause in zip(
            *(field[player].tolist() for field in game.goal), strict=True
        ):
            things = (a, b) if predicate == 4 else tuple(sorted((a, b)))
            clauses.setdefault(clause, []).append((predicate, negated, things))
        clauses.pop(-1, None)
        listed = sorted(tuple(sorted(atoms)) for atoms in clauses.values())
        goals.append(tuple(listed))
    rules = Counter(
        (predicate, tuple(sorted((a, b))), tuple(sorted(spawns)))
        for predicate, a, b, spawns, active in zip(
            *(field.tolist() for field in game.rules), strict=True
        )
        if active
    )
    return tuple(goals), tuple(sorted(rules.items()))


def one(games, number):
    return jax.tree.map(lambda field: field[number], games)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_game_says_in_one_split_what_one_says_in_the_other(name):
    games, sides, _ = drawn(name)
    assert np.array_equal(sides, np.arange(len(sides)) % 2)
    said = [says(one(games, number)) for number in range(len(sides))]
    train, held_out = set(said[::2]), set(said[1::2])
    assert not train & held_out
    assert min(len(train), len(held_out)) > 5


def test_tiny_settings_have_many_games_alike_within_a_split():
    # Else the test above would have nothing to find.
    games, _, _ = drawn("reach")
    said = [says(one(games, number)) for number in range(2000)]
    assert len(set(said)) < 64


def test_sides_do_not_depend_on_orders_or_on_what_is_hidden():
    dials = SETTINGS["default"]
    games, sides, _ = drawn("default")

    def turned(game):
        goal, rules = game.goal, game.rules
        order = jnp.array([2, 0, 3, 1])
        rules = Rules(*(field[order] for field in rules))
        both = rules.a < dials.types
        rules = rules._replace(
            a=jnp.where(both, rules.b, rules.a),
            b=jnp.where(both, rules.a, rules.b),
            spawns=rules.spawns[:, ::-1],
        )
        over_two = goal.a < dials.types
        goal = goal._replace(
            a=jnp.where(over_two, goal.b, goal.a), b=jnp.where(over_two, goal.a, goal.b)
        )
        hidden = jax.tree.map(jnp.logical_not, game.hidden)
        game = game._replace(
            goal=goal, rules=rules, hidden=hidden, kinds=game.kinds[::-1]
        )
        return side_of(game, dials)

    games = jax.tree.map(jnp.asarray, games)
    assert np.array_equal(jax.jit(jax.vmap(turned))(games), sides)


def test_sides_do_not_depend_on_the_order_of_atoms_and_clauses():
    dials = SETTINGS["xland1"]
    games, sides, _ = drawn("xland1")

    def turned(game):
        goal = Goal(*(field[:, ::-1] for field in game.goal))
        clause = jnp.where(goal.clause >= 0, 5 - goal.clause, -1)
        return side_of(game._replace(goal=goal._replace(clause=clause)), dials)

    games = jax.tree.map(jnp.asarray, games)
    assert np.array_equal(jax.jit(jax.vmap(turned))(games), sides)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_game_is_moved_by_counting_its_kinds_on_or_back_by_one(name):
    dials = SETTINGS[name]
    games, _, free = drawn(name)
    shifts = np.zeros(3, int)
    for number in range(500):
        now, before = one(games, number), one(free, number)
        things, old = (
            np.concatenate([game.kinds, game.rules.a, game.rules.b])
            for game in (now, before)
        )
        things = np.append(things, now.rules.spawns)
        old = np.append(old, before.rules.spawns)
        objects = (old >= 0) & (old < dials.types)
        assert np.array_equal(things[~objects], old[~objects])
        (shift,) = set(((things - old)[objects] % dials.types).tolist())
        shifts[[0, 1, dials.types - 1].index(shift)] += 1
        for same in ("predicate", "negated", "clause"):
            assert np.array_equal(getattr(now.goal, same), getattr(before.goal, same))
        assert np.array_equal(now.rules.predicate, before.rules.predicate)
        assert np.array_equal(now.frozen, before.frozen)
    # Half of them are on their side as they are drawn.
    assert 180 < shifts[0] < 320
    assert shifts[1:].min() > 10


def test_a_floors_colour_is_not_moved():
    games, _, free = drawn("xland1")
    on = free.goal.predicate == 4
    assert on.sum() > 500
    assert np.array_equal(games.goal.b[on], free.goal.b[on])


def test_a_game_on_its_side_stays_as_it_is():
    dials = SETTINGS["default"]
    games, sides, _ = drawn("default")
    move = jax.jit(jax.vmap(lambda game, side: sided(game, side, dials)))
    again = move(jax.tree.map(jnp.asarray, games), jnp.asarray(sides))
    for now, before in zip(jax.tree.leaves(again), jax.tree.leaves(games), strict=True):
        assert np.array_equal(now, before)


def test_shapes_and_colours_are_all_in_both_splits():
    dials = SETTINGS["reach"]
    games, _, _ = drawn("reach")
    for side in (0, 1):
        things = games.goal.b[side::2].ravel()
        kinds = np.unique(things[things < dials.types])
        assert set(kinds // dials.colours) == {0, 1}
        assert set(kinds % dials.colours) == {0, 1}
