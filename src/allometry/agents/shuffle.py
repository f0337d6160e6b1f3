"""Shuffle: the order in which a pass takes its samples."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

#: Up to so many rows, a 32-bit number has half its bits left for chance.
SMALL = 2**16


def shuffled(key: Key[Array, ""], count: int) -> Int[Array, " count"]:
    """Give the numbers below `count` in a random order; the key is consumed.

    Up to `SMALL` it is one sort of numbers whose high bits are random and whose low
    bits are the row; `jax.random.permutation` sorts keys beside values, many rows
    twice, and takes 3.5 times as long at 128 rows, 8.2 times at 16,384
    (`benchmarks/shuffle.py`). Rows whose random bits are equal, one pair in 2¹⁶ or
    fewer, keep their order.
    """
    if count > SMALL:
        return jax.random.permutation(key, count)
    low = jnp.uint32(2 ** (count - 1).bit_length() - 1)
    rows = jnp.arange(count, dtype=jnp.uint32)
    drawn = jax.random.bits(key, (count,), jnp.uint32)
    return (jnp.sort((drawn & ~low) | rows) & low).astype(jnp.int32)
