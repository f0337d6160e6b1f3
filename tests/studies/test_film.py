"""The episode that is kept is neither the luckiest nor the unluckiest."""

import numpy as np

from allometry.environments.xland.pictures.episode import Episode
from allometry.studies.film import median


def episode(*by_trial: float) -> Episode:
    """Give an episode of two steps a trial, rewarded so in the first of them."""
    reward = [[0.0]] + [[each] for sum_ in by_trial for each in (sum_, 0.0)]
    return Episode((), np.array(reward, np.float32))


def test_that_of_the_median_gain_is_chosen() -> None:
    # Gains of later trials' mean over the first: 1, −2, .5, 0 and 3.
    played = [
        episode(1, 2, 2),
        episode(2, 0, 0),
        episode(0, 0, 1),
        episode(1, 2, 0),
        episode(0, 5, 1),
    ]
    assert median(played, trials=3) is played[2]
    assert median(played[:1], trials=3) is played[0]
