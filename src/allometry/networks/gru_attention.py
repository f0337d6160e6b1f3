"""GRU with attention: a GRU that looks back at what it gave.

AdA's baseline between a GRU and Transformer-XL (2023, arXiv 2301.07608, which does
not say how theirs attends: ours looks back at the last M vectors as Transformer-XL
does, and adds what it sees).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from allometry.networks.attention import Attention, Kept, attention
from allometry.networks.layers import Norm, norm
from allometry.networks.memory import Memory
from allometry.networks.recurrent import GRU, gru


class State(NamedTuple):
    """The GRU's vector, and what is kept of earlier ones."""

    hidden: Float[Array, " width"]
    kept: Kept


class GRUAttention(Memory):
    """A `GRU`, a norm, and `Attention` over what it gave."""

    gru: GRU
    before: Norm
    attention: Attention

    def initial(self) -> State:
        """Give zeros, and keep nothing."""
        return State(self.gru.initial(), self.attention.initial())

    def step(
        self, state: State, x: Float[Array, " width"]
    ) -> tuple[State, Float[Array, " width"]]:
        """Read one step's features."""
        state, y = self.window(state, x[None], jnp.zeros(1, bool))
        return state, y[0]

    def window(
        self, state: State, x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[State, Float[Array, "T width"]]:
        """Read several steps' features; the GRU one after the other."""
        hidden, given = self.gru.window(state.hidden, x, first)
        kept, seen = self.attention(state.kept, jax.vmap(self.before)(given), first)
        return State(hidden, kept), given + seen


def gru_attention(
    key: Key[Array, ""], width: int, *, heads: int, key_size: int, length: int
) -> GRUAttention:
    """Build a `GRUAttention` that keeps `length` vectors; the key is consumed."""
    within, look = jax.random.split(key)
    return GRUAttention(
        gru(within, width), norm(width), attention(look, width, heads, key_size, length)
    )
