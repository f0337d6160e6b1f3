"""Copies: how functions of one world run over a batch of them at full speed.

A world is small: nine bodies, eighty-one pairs. A processor computes many numbers at
once along an array's last axis, and `vmap` would leave there one of nine. Functions
marked `copies_last` are written for any number of trailing axes of copies, and `vmap`
gives them its axis there.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

#: Where a land's axes of copies end.
_BEFORE = -3


def copies_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give `vmap`'s axis to `function` as the last of each array, and take it back.

    Its arguments are pytrees of arrays without static values; every array that it
    returns has the trailing axes. The first argument alone, a land `[A, A]`, has the
    axes of copies before its own: what is only looked up in need not be turned round.
    """

    @jax.custom_batching.custom_vmap
    def alone(*arguments: Any) -> Any:
        return function(*arguments)

    @alone.def_vmap
    def together(size: int, batched: Any, *arguments: Any) -> tuple[Any, Any]:
        def moved(end: int) -> Callable[[bool, Array], Array]:
            # Under `jit` JAX may hand constants over as NumPy's scalars.
            def move(is_batched: bool, array: Any) -> Array:
                if is_batched:
                    return _turned(array) if end == -1 else jnp.moveaxis(array, 0, end)
                array = jnp.expand_dims(array, end)
                shape = list(array.shape)
                shape[end] = size
                return jnp.broadcast_to(array, shape)

            return move

        head, *rest = arguments
        head = jax.tree.map(moved(_BEFORE), batched[0], head)
        rest = jax.tree.map(moved(-1), tuple(batched[1:]), tuple(rest))
        # Else XLA would turn them round anew at every use.
        found = alone(head, *settled(rest))
        found = jax.tree.map(_returned, found)
        return found, jax.tree.map(lambda _: True, found)

    return functools.wraps(function)(alone)


def _turned(array: Array) -> Array:
    """Move the first axis last, as one transposition of a matrix."""
    size, *rest = array.shape
    return array.reshape(size, -1).T.reshape(*rest, size)


def _returned(array: Array) -> Array:
    """Move the last axis first, as one transposition of a matrix."""
    *rest, size = array.shape
    return array.reshape(-1, size).T.reshape(size, *rest)


def along(numbers: Any, like: Array, axis: int = 0) -> Array:
    """Lay constants along one axis of `like`, to broadcast against it."""
    array = jnp.asarray(numbers)
    shape = [1] * like.ndim
    shape[axis] = array.shape[0]
    return array.reshape(shape)


def folded(
    operation: Callable[[Array, Array], Array], array: Array, axis: int = 0
) -> Array:
    """Reduce an axis of bodies by an operation such as `jnp.add`.

    XLA's own reductions go one number after the other on a CPU; slices that are
    combined are whole rows of copies, and cost a tenth to a third.
    """
    slices = (
        jax.lax.index_in_dim(array, number, axis, keepdims=False)
        for number in range(array.shape[axis])
    )
    return functools.reduce(operation, slices)


def others(pairs: Array) -> Array:
    """Say which pairs `[N, N]`, with any axes of copies, are of two bodies."""
    count = pairs.shape[0]
    return ~jnp.eye(count, dtype=bool).reshape(count, count, *[1] * (pairs.ndim - 2))


def anywhere(matrix: Array) -> Array:
    """Say whether any pair of a matrix `[N, N]` is true."""
    return folded(jnp.logical_or, folded(jnp.logical_or, matrix))


def settled(numbers: Any) -> Any:
    """Have XLA compute arrays once, here, and not anew wherever they are used.

    On a CPU it copies a computation into each of its uses, and a chain of stages grows
    without bound; `optimization_barrier` is taken away before that. What leaves a
    conditional is kept. The condition holds always, which XLA does not know.
    """
    leaves = [leaf for leaf in jax.tree.leaves(numbers) if leaf.size]
    smallest = min(leaves, key=lambda leaf: leaf.size)
    return jax.lax.cond(
        smallest.ravel()[0].astype(jnp.float32) < jnp.float32(1e30),
        lambda kept: kept,
        lambda kept: jax.tree.map(jnp.zeros_like, kept),
        numbers,
    )
