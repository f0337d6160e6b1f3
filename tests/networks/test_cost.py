"""Cost: XLA's counts against counts by hand."""

import jax
import jax.numpy as jnp
import pytest

from allometry.networks.cost import flops, parameters
from allometry.networks.layers import convolution, dense
from allometry.networks.scale import scale
from allometry.specs import ArraySpec

IMAGE = ArraySpec((28, 28, 1))
KEY = jax.random.key(0)


def shaped(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def squares(layer, batch):
    return (jax.vmap(layer)(batch) ** 2).sum()


def test_parameters_of_an_mlp_by_part() -> None:
    network = jax.eval_shape(scale(IMAGE, 10, width=20, depth=3), KEY)
    assert parameters(network) == {
        "embedding": 784 * 20 + 20,
        "torso": 3 * (20 * 20 + 20),
        "memory": 0,
        "heads": 20 * 10 + 10,
    }


def test_parameters_of_a_cnn_by_part() -> None:
    network = jax.eval_shape(scale(IMAGE, 1, torso="cnn", width=1000), KEY)
    assert parameters(network) == {
        "embedding": 25 * 16 + 16,
        "torso": 9 * 16 * 32 + 32 + 800 * 1000 + 1000,
        "memory": 0,
        "heads": 1001,
    }


def test_dense_takes_two_flops_per_weight_and_one_per_bias() -> None:
    layer = dense(KEY, 30, 20)
    counted = flops(lambda layer, x: layer(x), layer, shaped(30))
    assert counted == 2 * 30 * 20 + 20


def test_dense_backward_takes_twice_forward() -> None:
    layer, batch = dense(KEY, 300, 200), shaped(7, 300)
    forward = 7 * 2 * 300 * 200
    assert flops(squares, layer, batch) == pytest.approx(forward, rel=0.01)
    gradients = jax.value_and_grad(squares, argnums=(0, 1))
    assert flops(gradients, layer, batch) == pytest.approx(3 * forward, rel=0.02)
    of_weights_only = jax.value_and_grad(squares)
    assert flops(of_weights_only, layer, batch) == pytest.approx(2 * forward, rel=0.02)


def test_convolution_takes_two_flops_per_weight_and_place() -> None:
    layer = convolution(KEY, 5, 3, 16)
    counted = flops(lambda layer, x: layer(x), layer, shaped(28, 28, 3))
    assert counted == 24 * 24 * 16 * (2 * 5 * 5 * 3 + 1)


def test_convolution_backward_takes_twice_forward() -> None:
    layer, batch = convolution(KEY, 3, 8, 16), shaped(4, 20, 20, 8)
    forward = 4 * 18 * 18 * 16 * (2 * 3 * 3 * 8)
    assert flops(squares, layer, batch) == pytest.approx(forward, rel=0.03)
    gradients = jax.value_and_grad(squares, argnums=(0, 1))
    assert flops(gradients, layer, batch) == pytest.approx(3 * forward, rel=0.06)


def test_a_batch_takes_its_size_times_one_example() -> None:
    network = jax.eval_shape(scale(IMAGE, 10, width=20, depth=3), KEY)
    one = flops(lambda n, x: n(x), network, shaped(28, 28, 1))
    many = flops(lambda n, x: jax.vmap(n)(x), network, shaped(32, 28, 28, 1))
    assert many == pytest.approx(32 * one, rel=0.001)


def test_counts_what_was_never_built() -> None:
    build = scale(IMAGE, 10, width=20)
    network = jax.eval_shape(build, KEY)
    assert parameters(network) == parameters(build(KEY))
    assert flops(lambda n, x: n(x), network, shaped(28, 28, 1)) > 2 * 784 * 20


@pytest.mark.parametrize(
    "looped",
    [
        lambda x: jax.lax.scan(lambda c, _: (c @ c, None), x, None, 64)[0],
        lambda x: jax.lax.fori_loop(0, x.shape[0], lambda _, c: c @ c, x),
        lambda x: jax.lax.map(jnp.sin, x),
    ],
    ids=["scan", "fori_loop", "map"],
)
def test_refuses_a_loop(looped) -> None:
    with pytest.raises(ValueError, match=r"contains a loop .* multiply by its number"):
        flops(looped, shaped(8, 8))


def test_random_draws_are_no_loop_and_are_counted() -> None:
    def draw(key: jax.Array) -> jax.Array:
        return jax.random.bits(key, (100,))

    # Threefry: 20 rounds of an addition, a rotation (3) and an exclusive or, on
    # pairs of words, and five injections of the key.
    assert flops(draw, KEY) / 100 == pytest.approx(20 * 5 + 5 * 3, rel=0.1)
