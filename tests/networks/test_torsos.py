"""Torsos: their formulas, their sizes, and the same scale at every depth."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.torsos import digits_cnn, mlp
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, discrete

SMALL = ArraySpec((8, 8, 1))
LARGE = ArraySpec((28, 28, 1))


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(x))


def test_mlp_is_its_formula() -> None:
    torso = mlp(jax.random.key(0), SMALL, width=5, depth=2)
    image = jax.random.normal(jax.random.key(1), SMALL.shape)
    x = elu(torso.embedding.weight @ image.ravel() + torso.embedding.bias)
    for block in torso.blocks:
        x = x + elu(block.weight @ x + block.bias) / np.sqrt(2)
    np.testing.assert_allclose(torso(image), x, rtol=1e-4, atol=1e-6)


def features(depth: int) -> jax.Array:
    """Give first features `[networks, width]` of one image at a depth."""
    image = jax.random.uniform(jax.random.key(1), SMALL.shape)

    def of_one(key: jax.Array) -> jax.Array:
        return mlp(key, SMALL, width=32, depth=depth)(image)

    return jax.jit(jax.vmap(of_one))(jax.random.split(jax.random.key(2), 32))


def test_features_start_at_the_same_scale_at_every_depth() -> None:
    shallow, deep = (float((features(d) ** 2).mean()) for d in (1, 12))
    assert 0.5 < deep / shallow < 2


def test_cnn_has_the_layers_of_the_paper() -> None:
    torso = digits_cnn(jax.random.key(0), LARGE, width=1000, depth=0)
    assert torso.embedding.weight.shape == (5, 5, 1, 16)
    assert torso.convolution.weight.shape == (3, 3, 16, 32)
    assert torso.hidden.weight.shape == (1000, 5 * 5 * 32)
    assert torso.blocks == ()
    shown = torso(jnp.ones(LARGE.shape))
    assert shown.shape == (1000,)
    assert float(shown.min()) == 0.0


def test_cnn_scales_its_channels_with_its_width() -> None:
    torso = jax.eval_shape(
        lambda key: digits_cnn(key, LARGE, width=250, depth=2), jax.random.key(0)
    )
    assert torso.embedding.weight.shape[-1] == 4
    assert torso.convolution.weight.shape[-1] == 8
    assert [block.weight.shape for block in torso.blocks] == [(250, 250)] * 2
    shown = jax.eval_shape(lambda torso: torso(jnp.ones(LARGE.shape)), torso)
    assert shown.shape == (250,)


@pytest.mark.parametrize("spec", [SMALL, ArraySpec((64,))])
def test_cnn_refuses_what_is_too_small_or_no_image(spec: ArraySpec) -> None:
    with pytest.raises(Refusal, match=r'at least 12×12 pixels.*Choose the torso "mlp"'):
        digits_cnn(jax.random.key(0), spec, width=100, depth=0)


def test_cnn_reads_the_smallest_image_that_it_claims() -> None:
    def features(key: jax.Array) -> jax.Array:
        torso = digits_cnn(key, ArraySpec((12, 12, 1)), width=10, depth=0)
        return torso(jnp.ones((12, 12, 1)))

    assert jax.eval_shape(features, jax.random.key(0)).shape == (10,)


class Shown(NamedTuple):
    rays: Any
    deed: Any
    keys: Any


def test_mlp_reads_several_arrays_end_to_end() -> None:
    spec = Shown(ArraySpec((2, 2)), discrete(3), ArraySpec((2,), "int32", num_values=2))
    shown = Shown(jnp.array([[1.5, 2.5], [3.5, 4.5]]), jnp.array(2), jnp.array([1, 0]))
    plain = jnp.array([1.5, 2.5, 3.5, 4.5, 0, 0, 1, 0, 1, 1, 0])
    key = jax.random.key(0)
    alone = mlp(key, ArraySpec((11,)), width=5, depth=1)
    np.testing.assert_array_equal(mlp(key, spec, width=5, depth=1)(shown), alone(plain))
