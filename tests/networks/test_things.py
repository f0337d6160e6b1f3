"""Things: rows in no order, those that are there, and what picks them out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from allometry.networks.things import Regard, Things, pooled, regard, things
from allometry.specs import ArraySpec

SPEC = ArraySpec((5, 4), layout="set")
CONTEXT = jax.random.normal(jax.random.key(7), (6,))


def rows(there: list[int]) -> jax.Array:
    fields = jax.random.normal(jax.random.key(1), (5, 3))
    return jnp.concatenate([jnp.array(there, jnp.float32)[:, None], fields], 1)


LOOK = regard(jax.random.key(0), SPEC, width=6)
SEEN = jax.jit(Regard.__call__)


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(x))


def by_hand(look: Things, row: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
    x = elu((look.row.weight @ row + look.row.bias) * weight)
    (block,) = look.blocks
    return x + elu(block.weight @ x + block.bias)


def test_things_are_their_formula() -> None:
    look = things(jax.random.key(0), SPEC, width=6)
    set_ = rows([1, 0, 1, 1, 0])
    each = np.stack([by_hand(look, set_[row], 1.0) for row in (0, 2, 3)])
    expected = np.concatenate([each.max(0), each.mean(0)])
    np.testing.assert_allclose(look(set_), expected, rtol=1e-4, atol=1e-6)


def test_a_regard_is_its_formula() -> None:
    set_ = rows([0, 0, 1, 1, 0])
    weight = np.asarray(1 + LOOK.context @ CONTEXT)
    each = np.stack([by_hand(LOOK.things, set_[row], weight) for row in (2, 3)])
    expected = np.concatenate([each.max(0), each.mean(0)])
    np.testing.assert_allclose(SEEN(LOOK, set_, CONTEXT), expected, rtol=1e-4)


def test_order_does_not_matter() -> None:
    set_ = rows([1, 1, 0, 1, 1])
    order = jnp.array([3, 0, 4, 2, 1])
    ordered, shown = (SEEN(LOOK, each, CONTEXT) for each in (set_[order], set_))
    np.testing.assert_allclose(ordered, shown, rtol=1e-5, atol=1e-6)


def test_what_is_not_there_does_not_matter() -> None:
    set_ = rows([1, 0, 1, 0, 0])
    other = set_.at[1, 1:].set(100.0).at[3, 1:].set(jnp.nan)
    expected = SEEN(LOOK, set_, CONTEXT)
    np.testing.assert_array_equal(SEEN(LOOK, other, CONTEXT), expected)
    there = set_.at[1, 0].set(1.0)
    assert float(jnp.abs(SEEN(LOOK, there, CONTEXT) - expected).max()) > 0.01


def test_an_empty_set_gives_zeros_and_finite_gradients() -> None:
    set_ = rows([0, 0, 0, 0, 0])

    def total(look: Regard, set_: jax.Array, context: jax.Array) -> jax.Array:
        return look(set_, context).sum()

    shown = SEEN(LOOK, set_, CONTEXT)
    np.testing.assert_array_equal(shown, np.zeros(6))
    slopes = jax.jit(jax.grad(total, (0, 1, 2)))(LOOK, set_, CONTEXT)
    for slope in jax.tree.leaves(slopes):
        np.testing.assert_array_equal(slope, np.zeros_like(slope))


def test_pooled_takes_maximum_and_mean_of_those_there() -> None:
    each = jnp.array([[-3.0, 1.0], [9.0, 9.0], [-1.0, -2.0]])
    shown = pooled(each, jnp.array([True, False, True]))
    np.testing.assert_allclose(shown, [-1.0, 1.0, -2.0, -0.5])


def test_all_of_a_regard_learns() -> None:
    def total(look: Regard) -> jax.Array:
        return (look(rows([1, 1, 1, 0, 0]), CONTEXT) ** 2).sum()

    slopes = eqx.filter_jit(jax.grad(total))(LOOK)
    assert all(float(jnp.abs(s).max()) > 1e-4 for s in jax.tree.leaves(slopes))
