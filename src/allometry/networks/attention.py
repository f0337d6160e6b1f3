"""Attention: a window of steps looks back over those that are kept, and over itself.

Positions are relative, as in Transformer-XL (Dai et al. 2019, arXiv 1901.02860,
section 3.3): the score of step i for step j is

    (q_i + u) · k_j + (q_i + v) · W_r s(i − j),

s a table of sines and cosines. A step sees itself and the M before it, of its own
episode, however the steps are cut into windows. What is kept of a step are its keys
and values: a window that follows sees them as they were, and gives them no gradient.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from allometry.networks.layers import dense

#: The longest wavelength of positions, in steps, over 2π.
LONGEST = 10_000.0


class Kept(NamedTuple):
    """Keys and values of the last M steps, newest last, and which there are."""

    keys: Float[Array, "M heads size"]
    values: Float[Array, "M heads size"]
    there: Bool[Array, " M"]


class Attention(eqx.Module):
    """Attention of several heads; `length` is M."""

    queries: Float[Array, "heads size width"]
    keys: Float[Array, "heads size width"]
    values: Float[Array, "heads size width"]
    positions: Float[Array, "heads size width"]
    content_bias: Float[Array, "heads size"]
    position_bias: Float[Array, "heads size"]
    out: Float[Array, "width heads size"]
    length: int = eqx.field(static=True)

    def initial(self) -> Kept:
        """Keep nothing yet."""
        heads, size, _ = self.keys.shape
        nothing = jnp.zeros((self.length, heads, size))
        return Kept(nothing, nothing, jnp.zeros(self.length, bool))

    def __call__(
        self, kept: Kept, x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[Kept, Float[Array, "T width"]]:
        """Look back from each step; `first` marks those that begin an episode."""
        steps = x.shape[0]
        query, key, value = (
            jnp.einsum("hsw,tw->ths", weight, x)
            for weight in (self.queries, self.keys, self.values)
        )
        key = jnp.concatenate([jax.lax.stop_gradient(kept.keys), key])
        value = jnp.concatenate([jax.lax.stop_gradient(kept.values), value])
        episode = jnp.cumsum(first)
        before = jnp.where(kept.there, 0, -1)
        visible = self._visible(jnp.concatenate([before, episode]), episode)
        content = jnp.einsum("ths,jhs->htj", query + self.content_bias, key)
        score = (content + self._position(query)) * self.keys.shape[1] ** -0.5
        weight = jax.nn.softmax(jnp.where(visible, score, -jnp.inf), -1)
        seen = jnp.einsum("whs,htj,jhs->tw", self.out, weight, value)
        there = jnp.concatenate([before, episode])[steps:] == episode[-1]
        return Kept(key[steps:], value[steps:], there), seen

    def _visible(
        self, of: Int[Array, " M_and_T"], episode: Int[Array, " T"]
    ) -> Bool[Array, "T M_and_T"]:
        """Say which steps each sees: itself, and M before it of its episode."""
        ago = self._ago(len(episode))
        return (of == episode[:, None]) & (ago >= 0) & (ago <= self.length)

    def _ago(self, steps: int) -> Int[np.ndarray, "T M_and_T"]:
        """Count how many steps before each another was."""
        now = np.arange(steps)[:, None] + self.length
        return now - np.arange(self.length + steps)

    def _position(
        self, query: Float[Array, "T heads size"]
    ) -> Float[Array, "heads T M_and_T"]:
        """Score the distances of all that may be seen."""
        steps, heads, _ = query.shape
        width = self.positions.shape[2]
        relative = jnp.einsum("hsw,mw->mhs", self.positions, sines(self.length, width))
        # From M steps ago to now.
        score = jnp.einsum(
            "ths,mhs->htm", query + self.position_bias, jnp.flip(relative, 0)
        )
        # Row t begins t places to the right: pad, and read rows that are one shorter.
        score = jnp.pad(score, ((0, 0), (0, 0), (0, steps)))
        total = self.length + steps
        flat = score.reshape(heads, -1)[:, : steps * total]
        return flat.reshape(heads, steps, total)


def attention(
    key: Key[Array, ""],
    width: int,
    heads: int,
    size: int,
    length: int,
    gain: float = 1.0,
) -> Attention:
    """Build `Attention`; `gain` is that of what it gives; the key is consumed."""
    keys = jax.random.split(key, 5)

    def inward(key: Key[Array, ""]) -> Float[Array, "heads size width"]:
        return dense(key, width, heads * size).weight.reshape(heads, size, width)

    out = dense(keys[4], heads * size, width, gain).weight.reshape(width, heads, size)
    none = jnp.zeros((heads, size))
    queries, looked_at, values, positions = (inward(one) for one in keys[:4])
    return Attention(queries, looked_at, values, positions, none, none, out, length)


def sines(length: int, width: int) -> Float[np.ndarray, "M_and_1 width"]:
    """Give sines and cosines of the distances 0 … `length`."""
    half = math.ceil(width / 2)
    rate = LONGEST ** (-np.arange(half) / half)
    angle = np.arange(length + 1)[:, None] * rate
    table = np.concatenate([np.sin(angle), np.cos(angle)], 1)[:, :width]
    return table.astype(np.float32)
