"""A strip has a row for each trial, framed where rewarded, and a band of its time."""

import numpy as np
import pytest

from allometry.environments.xland.pictures.frame import AHEAD, HOLDS
from allometry.environments.xland.pictures.strip import strip
from tests.environments.xland.pictures.stage import acted


def drawn(reward, trials, columns=3):
    played, dials = acted(reward, trials=trials)
    return np.asarray(strip(played, dials, "A task", columns)).astype(int)


def share(picture, paint):
    return (picture == np.array(paint)).all(-1)


def test_what_was_rewarded_is_bright_in_its_trial_alone() -> None:
    dull = share(drawn([[0]] * 8, 2), HOLDS)
    assert not dull.any()
    bright = share(drawn([[0]] * 6 + [[1]] * 2, 2), HOLDS)
    rows = np.flatnonzero(bright.any(1))
    # Steps 3 and 4 of the second trial: half of its band, and none of the first's.
    band = bright[rows[0]]
    whole = share(drawn([[0]] * 8, 2), AHEAD)[rows[0]]
    assert band.sum() / whole.sum() == pytest.approx(0.5, abs=0.02)
    assert np.flatnonzero(band).min() > np.flatnonzero(whole).mean() - 1


def test_states_at_which_a_goal_holds_are_framed() -> None:
    # Three states of four steps: 0, 2 and 3. Only the last was rewarded.
    once = share(drawn([[0], [0], [1], [0]], 1), HOLDS)
    # A row through the middle of the arenas meets the sides of one frame.
    rows = np.flatnonzero(once.any(1))
    middle = once[(rows.min() + rows.max()) // 2 + 10]
    edges = np.flatnonzero(np.diff(middle.astype(int)))
    assert len(edges) == 4
    assert edges.min() > once.shape[1] / 2


def test_there_is_a_row_for_every_trial() -> None:
    one, two, three = (len(drawn([[0]] * 4 * k, k)) for k in (1, 2, 3))
    assert three - two == two - one > 150
