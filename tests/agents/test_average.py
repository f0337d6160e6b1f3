"""Average: the bias-corrected moving average against its explicit weighted mean."""

import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import average

CENTRE = 8.0


def folded(points: np.ndarray, decay: float) -> average.Average:
    """Begin at the first point and fold the others in."""
    running = average.start(jnp.asarray(points[0]))
    for point in points[1:]:
        running = average.update(running, jnp.asarray(point), jnp.float32(decay))
    return running


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.889, 1.0])
def test_is_the_weighted_mean_of_all_points(decay: float) -> None:
    points = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    weights = float(decay) ** np.arange(11, -1, -1)
    expected = (weights[:, None] * points).sum(0) / weights.sum()
    running = folded(points, decay)
    np.testing.assert_allclose(running.parameters, expected, rtol=1e-5, atol=1e-6)
    assert float(running.weight) == pytest.approx(weights.sum(), rel=1e-6)


def test_decay_0_resets() -> None:
    running = folded(np.arange(5, dtype=np.float32), decay=0.9)
    reset = average.update(running, jnp.float32(7.0), jnp.float32(0.0))
    assert float(reset.parameters) == 7.0
    assert float(reset.weight) == 1.0


def test_equal_points_are_a_fixed_point() -> None:
    running = folded(np.full((200, 4), 3.0, np.float32), decay=0.889)
    np.testing.assert_allclose(running.parameters, 3.0, rtol=1e-6)
    assert float(running.weight) == pytest.approx(1 / (1 - 0.889), rel=1e-4)


@pytest.mark.parametrize("centre", [0.0, 1.0, CENTRE, 30.0])
def test_centre_of_mass_lies_so_many_steps_back(centre: float) -> None:
    decay = float(average.decay_of_centre(jnp.float32(centre)))
    weights = decay ** np.arange(3000)
    back = (weights * np.arange(3000)).sum() / weights.sum()
    assert back == pytest.approx(centre, rel=1e-4)


def test_the_published_decay() -> None:
    # arXiv 2110.00641: .889 for a centre of mass of 8 gradient steps.
    decay = float(average.decay_of_centre(jnp.float32(CENTRE)))
    assert decay == pytest.approx(0.889, abs=5e-4)


def test_averages_a_tree_leaf_by_leaf() -> None:
    running = average.start({"a": jnp.zeros(2), "b": jnp.ones(())})
    new = {"a": jnp.full(2, 3.0), "b": jnp.float32(4.0)}
    running = average.update(running, new, jnp.float32(0.5))
    np.testing.assert_allclose(running.parameters["a"], 2.0)
    np.testing.assert_allclose(running.parameters["b"], 3.0)
