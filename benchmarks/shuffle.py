"""Shuffle: our order of a pass against `jax.random.permutation`, in milliseconds.

python benchmarks/shuffle.py
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from allometry.agents.shuffle import shuffled

COUNTS, TURNS, ORDERS = (128, 2048, 16384), 9, 256


def timed(draw: Callable[[Any], jax.Array]) -> Callable[[], float]:
    """Give what times `ORDERS` draws in one program and says a draw's milliseconds."""

    def drawn(number: Any, total: jax.Array) -> jax.Array:
        return total + draw(jax.random.fold_in(jax.random.key(0), number))[0]

    program = jax.jit(lambda: jax.lax.fori_loop(0, ORDERS, drawn, jnp.int32(0)))
    program().block_until_ready()

    def turn() -> float:
        start = time.perf_counter()
        program().block_until_ready()
        return (time.perf_counter() - start) / ORDERS * 1e3

    return turn


def main() -> None:
    """Let both take turns, so that they see the same machine."""
    for count in COUNTS:
        ours = timed(lambda key, count=count: shuffled(key, count))
        theirs = timed(lambda key, count=count: jax.random.permutation(key, count))
        pairs = [(ours(), theirs()) for _ in range(TURNS)]
        mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        print(f"{count:6,} rows  {mine:.3f} against {other:.3f} ms: {ratio:.1f} ×")


if __name__ == "__main__":
    main()
