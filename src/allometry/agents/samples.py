"""Samples: a batch laid out for gradient steps, one row to shuffle on the first axis.

A row is one step of one player; if the agent remembers it is a window, all steps that
the player took in the rollout, with the memory before them.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from allometry.agents.rollout import Batch


class Samples(NamedTuple):
    """Rows `[M]`, or windows `[M, T]`; `memory` is `[M]`.

    `weight` is 1 for what counts, and 0 for the rest: the ends of episodes, players who
    are not there, and co-players. Where all counts it is `None`. What nobody will ask
    for is `()`.
    """

    read: Any
    first: Any
    memory: Any
    action: Any
    log_behaviour: Any
    outputs: Any
    advantage: Any
    value_target: Any
    weight: Any

    def mean(self, x: Float[Array, "M *T"]) -> Float[Array, ""]:
        """Average over what counts."""
        return mean(x, self.weight)

    def each(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """Map a function of one step over rows, or over windows of steps."""
        for _ in range(self.first.ndim):
            function = jax.vmap(function)
        return function


def mean(x: Float[Array, "*M"], weight: Float[Array, "*M"] | None) -> Float[Array, ""]:
    """Average over what counts; 0 if nothing does."""
    if weight is None:
        return x.mean()
    return (x * weight).sum() / jnp.maximum(weight.sum(), 1.0)


def weights(batch: Batch) -> Float[Array, "T B P"] | None:
    """Say what of a batch counts, if not all of it."""
    there = batch.timestep.player_mask
    if batch.mine is not None:
        there = there & batch.mine
    if batch.taken is not None:
        there = there & batch.taken[..., None]
    elif there.shape[-1] == 1:
        return None  # one player is always there
    return there.astype(jnp.float32)


def lay_out(batch: Batch, read: PyTree, learned: PyTree, *, windows: bool) -> Samples:
    """Lay out a batch; `learned` are the last of the fields of `Samples`, in order.

    `read` and `learned` have leading axes `[T, B, P]`.
    """
    first = jnp.broadcast_to(batch.timestep.first[..., None], batch.reward.shape)
    given = batch.extras["log_behaviour"], batch.extras["outputs"]
    # What co-players did may be anything to this policy, and overflow its ratios.
    action = batch.action if batch.chosen is None else batch.chosen
    rows = (read, first, action, given, learned)
    memory: PyTree = ()
    if windows:
        rows = jax.tree.map(lambda x: flat(jnp.moveaxis(x, 0, 2), 2), rows)
        memory = jax.tree.map(lambda x: flat(x, 2), batch.memory)
    else:
        rows = jax.tree.map(lambda x: flat(x, 3), rows)
        memory = ((), ())
    read, first, action, given, learned = rows
    return Samples(read, first, memory, action, *given, *learned)


def flat(x: Array, axes: int) -> Array:
    """Join the first `axes` axes to one; `x` may have no elements."""
    rows = math.prod(x.shape[:axes])
    return x.reshape(rows, *x.shape[axes:])
