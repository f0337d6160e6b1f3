"""Splits outside of training: what is new is new in every task."""

import functools

import jax
import numpy as np
import pytest

from allometry.environments.xland import XLand
from allometry.environments.xland.complexity import PREDICATES, PRESETS, preset
from allometry.environments.xland.tasks.sampling import sample_game
from allometry.environments.xland.tasks.shift import SPLITS, split, splits
from allometry.environments.xland.tasks.task import numbers
from allometry.environments.xland.views import entities
from allometry.refusal import Refusal

GAMES = 1000
QUICK = {"xla_backend_optimization_level": 0}
TRAINING = preset("default")


@functools.cache
def drawn(name, base="default"):
    """Draw games of a split, or of training, on the host."""
    if name == "training":
        dials, novelty = preset(base), None
    else:
        found = split(name, preset(base))
        dials, novelty = found.dials, found.novelty
    keys = jax.random.split(jax.random.key(8), GAMES)
    draw = jax.vmap(lambda key: sample_game(key, dials, novelty))
    games = jax.jit(draw, compiler_options=QUICK)(keys)
    return dials, jax.tree.map(np.asarray, games)


def goal_kinds(dials, games):
    """Give the objects of the first atoms, −1 for what is none: `[games, 2]`."""
    first = jax.tree.map(lambda field: field[:, 0, 0], games.goal)
    things = np.stack([first.a, np.where(first.predicate == 4, -1, first.b)], 1)
    return np.where(things < dials.types, things, -1)


def test_an_unseen_colour_is_in_every_goal():
    dials, games = drawn("unseen_colour")
    assert dials.colours == TRAINING.colours + 1
    kinds = goal_kinds(dials, games)
    new = (kinds >= 0) & (kinds % dials.colours == TRAINING.colours)
    assert new.any(1).all()
    # All shapes have it, and other objects the colours that are known.
    assert set(kinds[new] // dials.colours) == set(range(dials.shapes))
    assert (games.kinds[games.kinds >= 0] % dials.colours < TRAINING.colours).any()


def test_an_unseen_shape_is_in_every_goal():
    dials, games = drawn("unseen_shape")
    kinds = goal_kinds(dials, games)
    new = (kinds >= 0) & (kinds // dials.colours == TRAINING.shapes)
    assert new.any(1).all()
    assert set(kinds[new] % dials.colours) == set(range(dials.colours))


@pytest.mark.parametrize("base", ["default", "reach"])
def test_an_unseen_predicate_is_in_every_goal(base):
    dials, games = drawn("unseen_predicate", base)
    (new,) = set(dials.predicates) - set(preset(base).predicates)
    assert (games.goal.predicate[:, 0, 0] == PREDICATES.index(new)).all()


def test_there_are_more_distractors_than_in_any_training_task():
    dials, games = drawn("more_objects")
    assert (dials.objects, dials.distractors) == (12, 6)
    _, before = drawn("training")

    def distractors(games):
        """Count objects that neither the chain nor the goal is about."""
        counts = []
        for number in range(GAMES):
            game = jax.tree.map(lambda field, n=number: field[n], games)
            needed = set(goal_kinds(dials, one(games, number)).ravel().tolist())
            for _ in range(dials.chain):
                for a, b, spawns in zip(
                    game.rules.a, game.rules.b, game.rules.spawns, strict=True
                ):
                    if spawns[0] in needed - {-1}:
                        needed |= {int(a), int(b)}
            start = game.kinds[game.kinds >= 0]
            counts.append((~np.isin(start, list(needed))).sum())
        return np.array(counts)

    def one(games, number):
        return jax.tree.map(lambda field: field[number : number + 1], games)

    assert distractors(before).max() == TRAINING.distractors
    found = distractors(games)
    assert found.min() == TRAINING.distractors + 1
    assert found.max() == dials.distractors


@pytest.mark.parametrize("base", ["default", "small", "reach"])
def test_there_are_more_rules_than_in_any_training_task(base):
    dials, games = drawn("more_rules", base)
    count = games.rules.active.sum(1)
    assert count.min() == preset(base).rules + 1
    assert count.max() == dials.rules > preset(base).rules + 1


def test_a_larger_arena_is_half_as_large_again():
    found = XLand(TRAINING).shifted("larger_arena")
    assert found.dials.arena == 14
    task = jax.eval_shape(found.sample_task, jax.random.key(0))
    assert task.terrain.height.shape == (16, 16)


@pytest.mark.parametrize("name", SPLITS)
def test_only_more_objects_and_more_rules_change_the_observation(name):
    reshaped = {"more_objects": "bodies", "more_rules": "rules"}.get(name)
    before = entities.spec(TRAINING)._asdict()
    after = entities.spec(split(name, TRAINING).dials)._asdict()
    changed = [field for field in before if before[field].shape != after[field].shape]
    assert changed == ([reshaped] if reshaped else [])


def test_tasks_of_a_split_are_held_out_and_of_a_pool(monkeypatch):
    asked = {}

    def spy(key, **options):
        asked.update(options)
        return numbers(key, **options)

    monkeypatch.setattr("allometry.environments.xland.tasks.task.numbers", spy)
    found = XLand(TRAINING, worlds=3, games=5).shifted("more_rules")
    task = jax.eval_shape(found.sample_task, jax.random.key(0))
    assert asked == {"held_out": True, "worlds": 3, "games": 5}
    assert task.game.rules.active.shape == (8,)


def test_what_is_new_in_a_split_is_in_the_tasks_of_its_environment():
    environment = XLand(preset("reach")).shifted("unseen_colour")
    keys = jax.random.split(jax.random.key(3), 50)
    sample = jax.vmap(environment.sample_task)
    tasks = jax.jit(sample, compiler_options=QUICK)(keys)
    kinds = goal_kinds(environment.dials, tasks.game)
    assert ((kinds >= 0) & (kinds % environment.dials.colours == 2)).any(1).all()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_splits_that_its_dials_leave_room_for(name):
    dials = PRESETS[name]
    missing = set(SPLITS) - set(splits(dials))
    assert missing == {
        "large": {"unseen_colour", "unseen_shape"},
        "xland1": {"unseen_predicate"},
    }.get(name, set())


@pytest.mark.parametrize(
    ("name", "dials", "words"),
    [
        ("unseen_colour", {"colours": 4}, r"turns colours from 4 to 5, which"),
        ("unseen_shape", {"shapes": 4}, r"turns shapes from 4 to 5, which cannot be"),
        ("unseen_predicate", {"predicates": PREDICATES}, r"holds all: leave one out"),
        ("larger_arena", {"arena": 32}, r"turns arena from 32 to 33"),
        ("more_objects", {"objects": 19}, r"turns objects from 19 to 20 and"),
        ("more_objects", {"colours": 2}, r"needs a kind of object to spare"),
        ("more_rules", {"rules": 16}, r"turns rules from 16 to 17"),
        ("more_rules", {"colours": 2, "rules": 12}, r"needs 16 different rules"),
        ("unseen", {}, r"no split 'unseen'; choose one of: unseen_colour"),
    ],
)  # fmt: skip
def test_a_split_is_refused_where_a_dial_is_at_its_limit(name, dials, words):
    with pytest.raises(Refusal, match=words):
        split(name, preset("default", **dials))
