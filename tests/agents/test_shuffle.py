"""Shuffle: an order holds every row once, and any order is as likely as another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import shuffle
from allometry.agents.shuffle import shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 640, 2048, 2**16, 2**16 + 1])
def test_every_row_is_taken_once(count: int) -> None:
    order = shuffled(jax.random.key(0), count)
    assert order.dtype == jnp.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_every_order_is_as_likely() -> None:
    """Of 12,000 draws each of the 24 orders of four comes 500 times, σ = 22."""
    keys = jax.random.split(jax.random.key(0), 12_000)
    orders = np.asarray(jax.vmap(lambda key: shuffled(key, 4))(keys))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert abs(counts - 500).max() < 5 * 22


@pytest.mark.parametrize("count", [shuffle.SMALL, shuffle.SMALL + 1])
def test_rows_are_not_left_where_they_were(count: int) -> None:
    """Of a random order one row stays on average."""
    order = shuffled(jax.random.key(1), count)
    assert int((order == jnp.arange(count)).sum()) < 8
