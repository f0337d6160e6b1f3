"""Layers: the maps they name, and first weights that treat every width alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.layers import convolution, dense, max_pool


def test_dense_is_affine() -> None:
    layer = dense(jax.random.key(0), 3, 2)
    x = jnp.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(layer(x), layer.weight @ x + layer.bias, rtol=1e-6)


@pytest.mark.parametrize("outputs", [4, 64, 4096])
def test_units_start_with_the_same_variance_at_every_width(outputs: int) -> None:
    keys = jax.random.split(jax.random.key(1), 16384 // outputs)
    x = jax.random.normal(jax.random.key(2), (64,))
    x = x / jnp.sqrt((x**2).mean())
    units = jax.jit(jax.vmap(lambda key: dense(key, 64, outputs, gain=0.5)(x)))(keys)
    assert float(units.std()) == pytest.approx(0.5, rel=0.03)


def test_convolution_is_a_sum_over_its_window() -> None:
    layer = convolution(jax.random.key(0), 3, 2, 5)
    image = jax.random.normal(jax.random.key(1), (6, 7, 2))
    maps = layer(image)
    assert maps.shape == (4, 5, 5)
    window = image[1:4, 2:5]
    expected = np.einsum("hwi,hwio->o", window, layer.weight)
    np.testing.assert_allclose(maps[1, 2], expected, rtol=1e-4, atol=1e-5)


def test_convolution_starts_with_its_gain() -> None:
    layer = convolution(jax.random.key(0), 5, 16, 32, gain=2.0)
    assert float(layer.weight.std()) == pytest.approx(2 / np.sqrt(400), rel=0.03)


def test_max_pool_leaves_an_odd_edge_out() -> None:
    maps = jnp.arange(15.0).reshape(3, 5, 1)
    assert max_pool(maps)[..., 0].tolist() == [[6.0, 8.0]]
