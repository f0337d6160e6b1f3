"""Recurrent memories: GRU and LSTM.

What the features add is the same for a window as for its steps, one after the other:
it is computed for all of them at once, and only the rest goes step by step.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from allometry.networks.layers import Dense, dense
from allometry.networks.memory import Memory

#: Shorter windows than this have no loop, so that what they cost can be counted.
UNROLLED = 4


class Recurrent(Memory):
    """A memory whose state follows from the last one and what the features add."""

    inputs: eqx.AbstractVar[Dense]

    @abc.abstractmethod
    def follow(
        self, state: Any, added: Float[Array, " gates"]
    ) -> tuple[Any, Float[Array, " width"]]:
        """Give the next state and what it says."""

    def step(
        self, state: Any, x: Float[Array, " width"]
    ) -> tuple[Any, Float[Array, " width"]]:
        """Read one step's features."""
        return self.follow(state, self.inputs(x))

    def window(
        self, state: Any, x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[Any, Float[Array, "T width"]]:
        """Read several steps' features."""

        def advance(
            state: Any, seen: tuple[Array, Array]
        ) -> tuple[Any, Float[Array, " width"]]:
            added, begins = seen
            return self.follow(self.cleared(state, begins), added)

        added = jax.vmap(self.inputs)(x)
        unroll = UNROLLED if len(first) < UNROLLED else 1
        return jax.lax.scan(advance, state, (added, first), unroll=unroll)


class GRU(Recurrent):
    """A gated recurrent unit; its state is what it gives.

    z = σ(W_z [x, h]), r = σ(W_r [x, h]), c = tanh(W_c [x, r ⊙ h]),
    h′ = (1 − z) ⊙ h + z ⊙ c (Cho et al. 2014, arXiv 1406.1078).
    """

    inputs: Dense
    gates: Float[Array, "two_widths width"]
    candidate: Float[Array, "width width"]

    def initial(self) -> Float[Array, " width"]:
        """Give zeros."""
        return jnp.zeros(self.candidate.shape[0])

    def follow(
        self, state: Float[Array, " width"], added: Float[Array, " three_widths"]
    ) -> tuple[Float[Array, " width"], Float[Array, " width"]]:
        """Give the next state, twice."""
        gates, candidate = jnp.split(added, [2 * state.shape[0]])
        update, reset = jnp.split(jax.nn.sigmoid(gates + self.gates @ state), 2)
        candidate = jnp.tanh(candidate + self.candidate @ (reset * state))
        state = (1 - update) * state + update * candidate
        return state, state


def gru(key: Key[Array, ""], width: int) -> GRU:
    """Build a `GRU`; the key is consumed."""
    inputs, gates, candidate = jax.random.split(key, 3)
    return GRU(
        dense(inputs, width, 3 * width, HALF),
        dense(gates, width, 2 * width, HALF).weight,
        dense(candidate, width, width, HALF).weight,
    )


class LSTMState(NamedTuple):
    """What an LSTM keeps: its cells, and what it gave."""

    cell: Float[Array, " width"]
    hidden: Float[Array, " width"]


class LSTM(Recurrent):
    """Long short-term memory with a forget gate (Gers et al. 2000).

    [i, f, g, o] = W [x, h]; c′ = σ(f) ⊙ c + σ(i) ⊙ tanh(g), h′ = σ(o) ⊙ tanh(c′).
    """

    inputs: Dense
    gates: Float[Array, "four_widths width"]

    def initial(self) -> LSTMState:
        """Give zeros."""
        zeros = jnp.zeros(self.gates.shape[1])
        return LSTMState(zeros, zeros)

    def follow(
        self, state: LSTMState, added: Float[Array, " four_widths"]
    ) -> tuple[LSTMState, Float[Array, " width"]]:
        """Give the next state, and what of its cells is let out."""
        gates = added + self.gates @ state.hidden
        into, forget, candidate, out = jnp.split(gates, 4)
        cell = jax.nn.sigmoid(forget) * state.cell
        cell = cell + jax.nn.sigmoid(into) * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(out) * jnp.tanh(cell)
        return LSTMState(cell, hidden), hidden


#: Gain of the two halves of a gate's weights: features and state add up.
HALF = 0.5**0.5
#: Bias of the forget gate at the start: memories are kept until training says
#: otherwise (Jozefowicz et al. 2015).
FORGET = 1.0


def lstm(key: Key[Array, ""], width: int) -> LSTM:
    """Build an `LSTM`; the key is consumed."""
    inputs, gates = jax.random.split(key)
    layer = dense(inputs, width, 4 * width, HALF)
    bias = layer.bias.at[width : 2 * width].set(FORGET)
    hidden = dense(gates, width, 4 * width, HALF).weight
    return LSTM(Dense(layer.weight, bias), hidden)
