"""A frame shows the state, the time, the trial, the reward, and what players see."""

import itertools

import numpy as np
import pytest

from allometry.environments.xland.pictures.frame import AHEAD, HOLDS, PAST, Frames
from tests.environments.xland.pictures.stage import TWO, acted


def pictures(reward, views=None, **given):
    played, dials = acted(reward, **given)
    drawn = Frames(played, dials, "A task", views)
    return [np.asarray(each).astype(int) for each in drawn]


def count(picture, paint):
    return int((picture == np.array(paint)).all(-1).sum())


@pytest.fixture(scope="module")
def frames():
    return pictures([[0], [0], [1], [1]])


def test_there_is_a_frame_for_each_state_and_sides_are_even(frames) -> None:
    assert len(frames) == 5
    assert {frame.shape for frame in frames} == {frames[0].shape}
    high, wide, _ = frames[0].shape
    assert (high % 2, wide % 2) == (0, 0)
    for before, after in itertools.pairwise(frames):
        assert (before != after).any()


def test_frames_are_a_sequence() -> None:
    played, dials = acted([[0], [1], [1]])
    found = Frames(played, dials, "A task")
    assert len(found) == len(list(found)) == 4
    assert found[-1] == found[3]
    assert found[::2] == [found[0], found[2]]
    with pytest.raises(IndexError):
        found[4]


def test_the_band_fills_with_time_and_is_bright_where_the_goal_holds(frames) -> None:
    past, ahead = (
        np.array([count(frame, paint) for frame in frames]) for paint in (PAST, AHEAD)
    )
    assert (np.diff(ahead) < 0).all()
    assert ahead[-1] == 0
    assert past[0] == 0 < past[1] < past[2]
    np.testing.assert_allclose(past[3] / past[2], 1.0, atol=0.05)
    # Where the goal holds it is said in words too.
    bright = [count(frame, HOLDS) for frame in frames]
    assert bright[:3] == [0, 0, 0]
    assert bright[3] > 0.9 * past[1]
    assert bright[4] > 1.6 * bright[3] - 400


def test_each_player_has_a_row() -> None:
    one, other, both = (
        pictures([[a, b], [a, b]], players=TWO)[-1] for a, b in ((1, 0), (0, 1), (1, 1))
    )
    rows = [
        np.nonzero((each == HOLDS).all(-1).sum(1) > 300)[0] for each in (one, other)
    ]
    assert rows[0].max() < rows[1].min()
    assert len(np.nonzero((both == HOLDS).all(-1).sum(1) > 300)[0]) == sum(
        map(len, rows)
    )


def test_trials_are_counted_and_divided() -> None:
    once = pictures([[0]] * 4)
    twice = pictures([[0]] * 4, trials=2)
    # The words differ, and there is a line between the trials.
    for a, b in zip(once, twice, strict=True):
        assert (a != b).any()
    band = (once[-1] == np.array(PAST)).all(-1).sum(1) > 300
    line = (once[-1] != twice[-1]).any(-1)[band]
    assert 1 <= line.any(0).sum() <= 4
    assert abs(np.nonzero(line.any(0))[0].mean() - once[-1].shape[1] / 2) < 3


def test_a_trial_begins_without_the_reward_of_the_last() -> None:
    shown = pictures([[0], [1], [0], [0]], trials=2)
    # Frame 2 is the second trial's first; its band holds the last trial's reward.
    words = [(frame == HOLDS).all(-1).sum(1) for frame in shown]
    assert shown[2].shape == shown[3].shape
    assert (np.nonzero(words[2])[0] == np.nonzero(words[3])[0]).all()


def test_what_players_see_stands_beside_the_card() -> None:
    views = np.zeros((3, 2, 6, 8, 3), np.uint8)
    views[..., 0] = np.arange(200, 206).reshape(3, 2)[..., None, None]
    plain, seen = (pictures([[0, 0]] * 2, each, players=TWO) for each in (None, views))
    assert seen[0].shape[1] > plain[0].shape[1] + 8 * 3
    for step, picture in enumerate(seen):
        tops = []
        for player in range(2):
            red = 200 + 2 * step + player
            here = (picture == np.array([red, 0, 0])).all(-1)
            assert here.sum() == 6 * 3 * 8 * 3
            tops.append(np.nonzero(here)[0].min())
            assert np.nonzero(here)[1].min() > plain[0].shape[1] - 40
        assert tops[0] + 18 < tops[1]


def test_words_never_meet_however_narrow_the_card() -> None:
    four = [(1.5 + n, 1.5 + n, 0.0) for n in range(4)]
    given = {"players": four, "trials": 4, "arena": 6}
    held, alone = (pictures([[each] * 4] * 8, **given)[-1] for each in (1, 0))
    green = (np.abs(held - np.array(HOLDS)).max(-1) < 20).sum(1)
    band = (alone == np.array(PAST)).all(-1).sum(1) > 300
    above = slice(0, np.nonzero(band)[0].min() - 6)
    dark = (alone < 90).all(-1).sum(1)
    words = np.nonzero(green[above])[0]
    assert len(words) > 5
    # What is said of the goals has rows of its own, below what is said of the time.
    assert dark[words.min() : words.max() + 1].sum() == 0
    assert dark[words.min() - 25 : words.min()].sum() > 100
