import numpy as np
import pytest

from allometry.studies.schema import Training


@pytest.mark.parametrize("checkpoints", [1, 2, 7, 40])
@pytest.mark.parametrize("interactions", [1, 63, 64, 65, 1_048_576])
def test_curves_end_where_the_training_does_and_never_measure_twice(
    interactions, checkpoints
):
    training = Training(interactions=interactions, checkpoints=checkpoints)
    points = training.checkpoint_iterations(64)
    assert list(points) == sorted(set(points))
    assert points[0] >= 1
    assert points[-1] * 64 >= interactions > (points[-1] - 1) * 64
    assert len(points) <= checkpoints


def test_checkpoints_are_log_spaced_from_the_first_on():
    training = Training(interactions=2**24, checkpoints=25, first_checkpoint=2**18)
    points = np.array(training.checkpoint_iterations(64))
    assert len(points) == 25
    assert points[0] * 64 == 2**18
    np.testing.assert_allclose(np.diff(np.log(points)), np.log(64) / 24, rtol=2e-3)


def test_the_first_checkpoint_comes_after_a_128th_of_the_training():
    assert Training(interactions=2**20).checkpoint_iterations(64)[0] * 64 == 2**13
