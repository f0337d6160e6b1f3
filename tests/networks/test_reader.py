"""Reader: arrays as numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.networks.reader import flat, numbers, numbers_in
from allometry.specs import ArraySpec, discrete


def test_what_has_a_number_of_values_is_one_hot() -> None:
    np.testing.assert_array_equal(numbers(discrete(3), jnp.array(2)), [0, 0, 1])
    pair = ArraySpec((2,), "int32", 0.0, 2.0, 3)
    shown = numbers(pair, jnp.array([1, 0]))
    np.testing.assert_array_equal(shown, [0, 1, 0, 1, 0, 0])
    assert numbers_in(pair) == 6
    cells = ArraySpec((2, 1, 2), "uint8", num_values=3, layout="image")
    shown = numbers(cells, jnp.array([[[1, 0]], [[2, 2]]], jnp.uint8))
    np.testing.assert_array_equal(shown[0, 0], [0, 1, 0, 1, 0, 0])
    np.testing.assert_array_equal(shown[1, 0], [0, 0, 1, 0, 0, 1])


def test_integers_are_scaled_from_their_bounds() -> None:
    spec = ArraySpec((3,), "uint8", 0.0, 255.0)
    shown = numbers(spec, jnp.array([0, 51, 255], jnp.uint8))
    np.testing.assert_allclose(shown, [-1, -0.6, 1], rtol=1e-5)
    shown = numbers(spec, jnp.array([0, 51, 255], jnp.uint8), low=0.0)
    np.testing.assert_allclose(shown, [0, 0.2, 1], rtol=1e-5)


@pytest.mark.parametrize(
    "spec",
    [
        ArraySpec((2,)),
        ArraySpec((2,), "float32", 0.0, 10.0),
        ArraySpec((2,), "int32"),
        ArraySpec((2,), "int32", 0.0),
        ArraySpec((2,), "int32", 3.0, 3.0),
        ArraySpec((2,), "int32", 0.0, float("inf")),
        ArraySpec((2,), "bool", 0.0, 1.0),
    ],
)
def test_all_else_is_as_it_is(spec: ArraySpec) -> None:
    array = jnp.array([0, 1]).astype(spec.dtype)
    shown = numbers(spec, array)
    assert shown.dtype == jnp.float32
    np.testing.assert_array_equal(shown, [0, 1])


def test_flat_is_its_formula() -> None:
    spec = ArraySpec((2, 2), "int32", 0.0, 4.0)
    reader = flat(jax.random.key(0), spec, width=5)
    x = reader.dense.weight @ np.array([-1, -0.5, 0.5, 1], np.float32)
    expected = np.where(x > 0, x, np.expm1(x))
    shown = reader(jnp.array([[0, 1], [3, 4]]))
    assert shown.shape == (3,)
    np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-6)
