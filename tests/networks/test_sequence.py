"""Sequence: the windows that a convolution sees."""

import jax
import numpy as np
import pytest

from allometry.networks.sequence import sequence, windows
from allometry.specs import ArraySpec


@pytest.mark.parametrize("places", [1, 2, 5, 24])
def test_windows_and_a_dense_layer_are_a_convolution(places: int) -> None:
    x = jax.random.normal(jax.random.key(0), (places, 3))
    weight = jax.random.normal(jax.random.key(1), (3, 3, 4))
    after = (places + 1) // 2
    expected = jax.lax.conv_general_dilated(
        x[None],
        weight,
        window_strides=(2,),
        padding=[(1, 2 * after - places)],
        dimension_numbers=("NWC", "WIO", "NWC"),
    )[0]
    assert expected.shape[0] == after
    shown = windows(x) @ weight.reshape(9, 4)
    np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


def test_knows_where_along_the_sequence_something_is() -> None:
    spec = ArraySpec((24, 28), layout="sequence")
    rays = np.zeros((24, 24, 28), np.float32)
    rays[np.arange(24), np.arange(24), 0] = 1

    @jax.jit
    def features(key: jax.Array) -> jax.Array:
        reader = sequence(key, spec, width=8)
        assert reader.dense.weight.shape == (8, 6 * 4)
        return jax.vmap(reader)(rays)

    shown = np.asarray(features(jax.random.key(0)))
    assert shown.shape == (24, 8)
    distances = np.abs(shown[:, None] - shown).max(-1) + np.eye(24)
    assert distances.min() > 1e-3
