import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete
from allometry.studies.evaluation.fitting import misfit
from allometry.studies.evaluation.play import STAGE, Episodes, RandomPolicy, play
from tests.studies.evaluation.levers import (
    ALONE,
    DURATION,
    TASKS,
    TRIALS,
    Chancy,
    Constant,
    Levers,
    Searcher,
    Weighted,
)

KEY = jax.random.key(0)
STEPS = TRIALS * DURATION


def rewards(player, learner=(), environment=Levers(), **options):  # noqa: B008
    episodes = Episodes(**{"trials": TRIALS, "steps": STEPS} | options)
    return np.asarray(STAGE.played(player, environment, episodes, learner, TASKS, KEY))


def test_memory_carries_across_trials_and_is_cleared_at_episodes():
    found = rewards(Searcher(), repetitions=2)
    assert found.shape == (3, 2, TRIALS, 1)
    for repetition in range(2):
        np.testing.assert_array_equal(found[:, repetition, 0, 0], ALONE)
        np.testing.assert_array_equal(found[:, repetition, 1, 0], 1.0)


def test_forgetting_takes_adaptation_away():
    found = rewards(Searcher(), forget=True)
    for trial in range(TRIALS):
        np.testing.assert_array_equal(found[:, 0, trial, 0], ALONE)


def test_each_player_has_a_memory_of_its_own():
    class Second(Searcher):
        """The first player pulls the last lever; only the second one searches."""

        def act(self, learner, timestep, memory, key, *, explore=True):
            action, memory, _ = super().act(learner, timestep, memory, key)
            return action.at[0].set(2), memory, {}

    found = rewards(Second(), environment=Levers(players=2))[:, 0]
    np.testing.assert_array_equal(found[:, :, 0], [[0, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(found[:, 0, 1], ALONE)


def test_not_to_explore_is_passed_on():
    lever = jnp.int32(2)
    np.testing.assert_array_equal(
        rewards(Constant(), lever)[:, 0, 0, 0], [0.0, 0.0, 1.0]
    )
    np.testing.assert_array_equal(
        rewards(Constant(), lever, explore=False)[:, 0, 0, 0], [1.0, 0.0, 0.0]
    )


def test_steps_after_the_end_do_not_count():
    found = rewards(Searcher(), steps=3 * STEPS)
    np.testing.assert_array_equal(found, rewards(Searcher()))


def test_a_trial_that_was_not_played_is_not_a_number():
    found = rewards(Constant(), jnp.int32(0), environment=Levers(dies=True))[:, 0, :, 0]
    np.testing.assert_array_equal(found[:, 0], [1.0, 0.0, 0.0])
    assert np.isnan(found[:, 1]).all()


def test_neither_chunks_nor_more_repetitions_change_a_number():
    whole = rewards(Chancy(), repetitions=5)
    assert len(np.unique(whole)) > 2
    chunked = rewards(Chancy(), repetitions=5, at_once=4)  # 15: a place is filled up
    np.testing.assert_array_equal(chunked, whole)
    fewer = rewards(Chancy(), repetitions=2, at_once=1)
    np.testing.assert_array_equal(fewer, whole[:, :2])


def test_members_of_a_bundle_play_as_each_alone():
    learners = jnp.arange(3, dtype=jnp.int32)
    one = functools.partial(play, Constant(), Levers(), Episodes(TRIALS, STEPS))
    together = jax.jit(jax.vmap(one, (0, None, None)))(learners, TASKS, KEY)
    np.testing.assert_array_equal(together[:, :, 0, 1, 0], np.eye(3))
    for member in range(3):
        np.testing.assert_allclose(
            together[member], rewards(Constant(), learners[member])
        )


@pytest.mark.parametrize(
    ("action", "values"),
    [
        (discrete(3), {0, 1, 2}),
        (ArraySpec((6,), "int32", num_values=3), {0, 1, 2}),
        (ArraySpec((2,), "float32", -0.5, 1.0), None),
    ],
)
def test_the_random_policy_is_uniform(action, values):
    spec = EnvironmentSpec(ArraySpec((1,)), action, players=2)
    policy = RandomPolicy(spec)
    _, begun = Levers(players=2).reset(KEY, TASKS[0])
    keys = jax.random.split(KEY, 2000)
    acts = jax.vmap(lambda key: policy.act((), begun, (), key)[0])
    drawn = np.asarray(acts(keys))
    assert drawn.shape == (2000, 2, *action.shape)
    low, high = (0, 2) if values else (-0.5, 1.0)
    assert drawn.min() >= low
    assert drawn.max() <= high
    np.testing.assert_allclose(drawn.mean(0), (low + high) / 2, atol=0.08)
    if values:
        assert set(np.unique(drawn)) == values


@pytest.mark.parametrize("name", ["trials", "steps", "repetitions", "at_once"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_episodes_refuse_less_than_one(name, value):
    with pytest.raises(Refusal, match=f"{name} is {value}"):
        Episodes(**{"trials": 1, "steps": 1} | {name: value})


def test_an_agent_fits_what_it_can_read():
    weights = jnp.ones(1)
    assert misfit(Weighted(), weights, Levers(), Levers()) == ""
    assert "other shapes" in misfit(Weighted(), weights, Levers(), Levers(rows=2))
    assert misfit(Searcher(), (), Levers(), Levers(rows=2)) == ""
    assert "players" in misfit(Searcher(), (), Levers(), Levers(players=2))
