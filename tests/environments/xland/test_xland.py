"""The environment: trials, flags, tasks that stay, the size of a state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.contract import check
from allometry.environments.xland import PRESETS, Complexity, XLand, preset
from allometry.refusal import Refusal

TRIALS = XLand(
    Complexity(
        arena=5, levels=0, terrain="empty", objects=4, shapes=2, colours=2, rules=1,
        chain=1, distractors=0, trials=3, duration=4,
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def episode():
    """Play a whole episode of three trials of four steps, walking forwards."""
    task_key, reset_key, key = jax.random.split(jax.random.key(0), 3)
    task = jax.jit(TRIALS.sample_task)(task_key)
    step = jax.jit(TRIALS.step)
    states, steps = [], []
    state, timestep = jax.jit(TRIALS.reset)(reset_key, task)
    for one in jax.random.split(key, TRIALS.dials.steps):
        states.append(state)
        steps.append(timestep)
        state, timestep = step(one, state, jnp.array([[1, 0, 0, 0, 0, 0]]))
    return [*states, state], [*steps, timestep]


def test_the_end_of_a_trial_and_of_an_episode_are_different_flags(episode):
    _, steps = episode
    ends = [bool(step.trial_end) for step in steps]
    assert [n for n, end in enumerate(ends) if end] == [4, 8, 12]
    assert [bool(step.truncated) for step in steps] == [False] * 12 + [True]
    assert not any(bool(step.terminated) for step in steps)
    assert [bool(step.first) for step in steps] == [True] + [False] * 12


def test_every_trial_begins_as_the_first_did_but_for_the_heading(episode):
    states, _ = episode
    first = states[0].bodies
    for number in (4, 8):
        again = states[number].bodies
        assert all(
            np.array_equal(old, new) for old, new in zip(first, again, strict=True)
        )
    headings = {float(states[n].players.heading[0]) for n in (0, 4, 8)}
    assert len(headings) == 3
    assert not np.array_equal(states[3].bodies.x, first.x)


def test_the_task_stays_through_all_trials(episode):
    states, _ = episode
    same = jax.tree.map(np.array_equal, states[0].task, states[-1].task)
    assert jax.tree.all(same)


def test_the_observation_says_how_many_trials_and_how_much_time_are_left(episode):
    _, steps = episode
    own = np.array([step.observation.self[0] for step in steps])
    assert own[:4, 4].tolist() == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert own[4, 4] == 1.0
    left = own[:, 6:].argmax(-1)
    assert left.tolist() == [2] * 4 + [1] * 4 + [0] * 5


def test_a_state_of_the_default_preset_is_under_four_kilobytes():
    env = XLand(preset("default"))
    key = jax.random.key(0)
    state, _ = jax.eval_shape(lambda k: env.reset(k, env.sample_task(k)), key)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    assert size < 4096


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_keeps_the_contract(name):
    check(XLand(preset(name)), steps=32)


@pytest.mark.parametrize("actions", ["simple", "discrete", "continuous"])
def test_other_action_spaces_keep_the_contract(actions):
    dials = preset("reach", actions=actions, duration=20)
    check(XLand(dials), steps=32)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"observation": "ray"}, "no observation 'ray'; choose one of: entities, ray"),
        ({"worlds": 0}, "A pool of 0 worlds cannot be: give a whole number of worlds"),
        ({"games": True}, "A pool of True games cannot be"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options, words) -> None:
    with pytest.raises(Refusal, match=words):
        XLand(**options)
