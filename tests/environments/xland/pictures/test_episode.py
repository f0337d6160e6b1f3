"""An episode has every state and reward; policies draw actions within their bounds."""

import jax
import numpy as np
import pytest

from allometry.environments.xland import XLand, preset
from allometry.environments.xland.pictures.episode import at_random, play, views
from allometry.environments.xland.pictures.exhibit import Numbers, choose, sampled
from allometry.environments.xland.tasks.task import POOL
from allometry.refusal import Refusal

DIALS = preset("reach", trials=2, duration=4)
NUMBERS = (Numbers(12, 34), Numbers(13, 35), Numbers(12, 35))


@pytest.fixture(scope="module")
def scenes():
    return sampled(NUMBERS, DIALS, seed=3)


@pytest.fixture(scope="module")
def episode(scenes):
    return play(XLand(DIALS), scenes[0].state.task, at_random(DIALS), seed=1)


def test_an_episode_has_all_states_and_rewards(episode) -> None:
    assert len(episode.states) == 9
    assert episode.reward.shape == (9, 1)
    assert episode.reward[0] == 0
    assert np.isin(episode.reward, (0, 1)).all()


def test_trials_begin_where_they_must(episode) -> None:
    clock = [(int(state.trial), int(state.time)) for state in episode.states]
    first = [(0, time) for time in range(4)]
    assert clock == [*first, *((1, time) for time in range(5))]
    begun, again = episode.states[0], episode.states[4]
    np.testing.assert_array_equal(begun.bodies.x, again.bodies.x)
    moved = episode.states[3].bodies
    assert not np.array_equal(moved.x, begun.bodies.x)


def test_each_state_is_seen_by_its_player(episode) -> None:
    seen = views(episode, DIALS)
    assert (seen.shape, seen.dtype) == ((9, 1, 72, 96, 3), np.uint8)
    for number in range(1, 9):
        before, after = episode.states[number - 1 : number + 1]
        turned = before.players.heading != after.players.heading
        if turned:
            assert (seen[number - 1] != seen[number]).any()
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize(
    ("space", "shape", "values"),
    [
        ("factored", (200, 2, 6), 3),
        ("discrete", (200, 2), 12),
        ("simple", (200, 2), 6),
    ],
)
def test_every_action_is_drawn(space, shape, values) -> None:
    act = at_random(preset("two", actions=space))
    actions = np.array([act(jax.random.key(n)) for n in range(200)])
    assert actions.shape == shape
    assert set(actions.ravel().tolist()) == set(range(values))


def test_continuous_actions_fill_their_bounds() -> None:
    act = at_random(preset("two", actions="continuous"))
    actions = np.array([act(jax.random.key(n)) for n in range(200)])
    assert actions.shape == (200, 2, 6)
    assert -1 <= actions.min() < -0.95
    assert 0.95 < actions.max() <= 1
    assert abs(actions.mean()) < 0.05


def test_tasks_are_made_of_their_numbers(scenes) -> None:
    one, other, mixed = (scene.state.task for scene in scenes)
    np.testing.assert_array_equal(mixed.terrain.colour, one.terrain.colour)
    np.testing.assert_array_equal(mixed.game.kinds, other.game.kinds)
    assert not np.array_equal(mixed.terrain.colour, other.terrain.colour)
    assert not np.array_equal(mixed.game.kinds, one.game.kinds)
    for scene, numbers in zip(scenes, NUMBERS, strict=True):
        assert (scene.dials, scene.title) == (DIALS, numbers.title)
        assert all(type(x) is np.ndarray for x in jax.tree.leaves(scene.state.bodies))


def test_titles_name_numbers_and_the_split() -> None:
    titles = [one.title for one in NUMBERS]
    assert titles == [
        "World 12 · game 34 · training",
        "World 13 · game 35 · held out",
        "World 12 · game 35",
    ]


@pytest.mark.parametrize("held_out", [False, True])
def test_tasks_are_chosen_from_one_split(held_out) -> None:
    chosen = choose(50, 0, held_out=held_out)
    assert all(n % 2 == held_out for one in chosen for n in one)
    assert len(set(chosen)) == 50
    assert chosen == choose(50, 0, held_out=held_out)
    assert not set(chosen) & set(choose(50, 1, held_out=held_out))


def test_a_world_or_a_game_may_be_kept() -> None:
    assert {one.world for one in choose(5, 0, world=7)} == {7}
    assert len({one.game for one in choose(5, 0, world=7)}) == 5
    assert choose(1, 0, world=0, game=2 * POOL - 1) == (Numbers(0, 2 * POOL - 1),)


@pytest.mark.parametrize("number", [-1, 2 * POOL])
def test_a_number_that_no_task_has_is_refused(number) -> None:
    with pytest.raises(Refusal, match=rf"no world {number}: .* 0 to {2 * POOL - 1}\."):
        choose(1, 0, world=number)
    with pytest.raises(Refusal, match=f"no game {number}"):
        choose(1, 0, game=number)
