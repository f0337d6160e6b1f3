"""Words: tokens that look at each other, then their mean.

A table of words and sines for their places; blocks of attention that see all words, in
front and behind (Vaswani et al. 2017, arXiv 1706.03762; pre-norm). Token 0 is no word:
nothing looks at it, and the mean is over the others.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from allometry.networks.attention import sines
from allometry.networks.layers import Dense, Norm, dense, norm
from allometry.networks.memories import heads
from allometry.networks.reader import Reader, half
from allometry.networks.things import mean_of
from allometry.specs import ArraySpec

#: Two: the first may join a colour to its shape, the second both to a verb.
BLOCKS = 2
#: The score of what is not there; finite, so that no words at all give no NaN.
UNSEEN = -1e9


class Exchange(eqx.Module):
    """Words look at all words, then a layer for each; both are added."""

    before: Norm
    queries: Dense
    keys: Dense
    values: Dense
    out: Dense
    between: Norm
    hidden: Dense

    def __call__(
        self, x: Float[Array, "L units"], there: Bool[Array, " L"]
    ) -> Float[Array, "L units"]:
        """Return the words after the exchange; `there` says which are words."""
        places, units = x.shape
        seen = jax.vmap(self.before)(x)
        query, key, value = (
            jax.vmap(layer)(seen).reshape(places, heads(units), -1)
            for layer in (self.queries, self.keys, self.values)
        )
        score = jnp.einsum("ihs,jhs->hij", query, key) * query.shape[-1] ** -0.5
        weight = jax.nn.softmax(jnp.where(there, score, UNSEEN), -1)
        heard = jnp.einsum("hij,jhs->ihs", weight, value).reshape(places, units)
        x = x + jax.vmap(self.out)(heard)
        return x + jax.nn.elu(jax.vmap(self.hidden)(jax.vmap(self.between)(x)))


class Words(Reader):
    """A table, blocks of attention, and the mean over words."""

    table: Float[Array, "vocabulary units"]
    blocks: tuple[Exchange, ...]
    after: Norm

    def __call__(self, array: Int[Array, " L"]) -> Float[Array, " units"]:
        """Return the features of a text."""
        there = array > 0
        x = self.table[array]
        places, units = x.shape
        x = x + sines(places - 1, units)
        for block in self.blocks:
            x = block(x, there)
        return self.after(mean_of(x, there))


def words(key: Key[Array, ""], spec: ArraySpec, width: int) -> Words:
    """Build `Words` of half of `width` units; the key is consumed."""
    first, *rest = jax.random.split(key, 1 + BLOCKS)
    units = half(width)
    # `ArraySpec` has seen to it that tokens have a vocabulary.
    table = jax.random.normal(first, (spec.num_values or 0, units))
    blocks = tuple(_exchange(one, units) for one in rest)
    return Words(spec, table, blocks, norm(units))


def _exchange(key: Key[Array, ""], units: int) -> Exchange:
    """Build a block whose two branches do not grow with the number of blocks."""
    keys = jax.random.split(key, 5)
    query, look, value = (dense(one, units, units) for one in keys[:3])
    out, hidden = (dense(one, units, units, (2 * BLOCKS) ** -0.5) for one in keys[3:])
    return Exchange(norm(units), query, look, value, out, norm(units), hidden)
