"""Transformer-XL: blocks that look back at what earlier steps left in each of them.

As in AdA (2023, arXiv 2301.07608): pre-norm, relative positions, gated feed-forward
with GELU (Shazeer 2020, arXiv 2002.05202). A block of L that keeps M steps sees M of
the block below, so that L blocks see L · M steps.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from allometry.networks.attention import Attention, Kept, attention
from allometry.networks.layers import Dense, Norm, dense, norm
from allometry.networks.memory import Memory

#: Units of the feed-forward layer, per unit of width.
WIDER = 4


class Size(NamedTuple):
    """A published size: width, blocks, size of keys and values, heads."""

    width: int
    blocks: int
    key_size: int
    heads: int


#: Sizes of AdA's memories, by their published parameters.
PUBLISHED = {
    "6M": Size(288, 6, 48, 6),
    "23M": Size(576, 6, 48, 12),
    "42M": Size(768, 6, 32, 24),
    "57M": Size(896, 6, 32, 28),
    "75M": Size(1024, 6, 32, 32),
    "169M": Size(1536, 6, 48, 32),
    "265M": Size(1920, 6, 48, 40),
}


class Block(eqx.Module):
    """Attention, then a gated feed-forward layer, each added to its input."""

    before: Norm
    attention: Attention
    between: Norm
    gate: Dense
    up: Dense
    down: Dense

    def __call__(
        self, kept: Kept, x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[Kept, Float[Array, "T width"]]:
        """Look back, then think of each step."""
        kept, seen = self.attention(kept, jax.vmap(self.before)(x), first)
        x = x + seen
        return kept, x + jax.vmap(self._thought)(jax.vmap(self.between)(x))

    def _thought(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        return self.down(jax.nn.gelu(self.gate(x)) * self.up(x))


class TransformerXL(Memory):
    """Blocks, and a norm after the last."""

    blocks: tuple[Block, ...]
    after: Norm

    def initial(self) -> tuple[Kept, ...]:
        """Keep nothing yet."""
        return tuple(block.attention.initial() for block in self.blocks)

    def step(
        self, state: tuple[Kept, ...], x: Float[Array, " width"]
    ) -> tuple[tuple[Kept, ...], Float[Array, " width"]]:
        """Read one step's features."""
        state, y = self.window(state, x[None], jnp.zeros(1, bool))
        return state, y[0]

    def window(
        self,
        state: tuple[Kept, ...],
        x: Float[Array, "T width"],
        first: Bool[Array, " T"],
    ) -> tuple[tuple[Kept, ...], Float[Array, "T width"]]:
        """Read several steps' features at once."""
        later = []
        for block, kept in zip(self.blocks, state, strict=True):
            kept, x = block(kept, x, first)
            later.append(kept)
        return tuple(later), jax.vmap(self.after)(x)

    def cleared(
        self, state: tuple[Kept, ...], first: Bool[Array, ""]
    ) -> tuple[Kept, ...]:
        """Forget what is kept where an episode begins; nothing has to be moved."""
        return tuple(kept._replace(there=kept.there & ~first) for kept in state)

    def parts(self) -> dict[str, int]:
        """Count parameters: the ungated core as it is published, and what is apart.

        `core` is attention's four matrices and a feed-forward layer without its gate,
        12 width² a block.
        """
        counts = dict.fromkeys(("core", "gates", "positions", "rest"), 0)
        for block in self.blocks:
            look = block.attention
            core = look.queries, look.keys, look.values, look.out
            counts["core"] += sum(matrix.size for matrix in core)
            counts["core"] += block.up.weight.size + block.down.weight.size
            counts["gates"] += block.gate.weight.size
            counts["positions"] += look.positions.size
        total = sum(np.size(leaf) for leaf in jax.tree.leaves(self))
        counts["rest"] = total - sum(counts.values())
        return counts


def transformer_xl(
    key: Key[Array, ""],
    width: int,
    *,
    blocks: int,
    heads: int,
    key_size: int,
    length: int,
) -> TransformerXL:
    """Build a `TransformerXL` whose blocks keep `length` steps; the key is consumed.

    What blocks add starts at 1/√(2 · blocks) of its size, so that the sum does not grow
    with their number.
    """
    gain = (2 * blocks) ** -0.5

    def block(key: Key[Array, ""]) -> Block:
        look, gate, up, down = jax.random.split(key, 4)
        return Block(
            norm(width),
            attention(look, width, heads, key_size, length, gain),
            norm(width),
            dense(gate, width, WIDER * width),
            dense(up, width, WIDER * width),
            dense(down, WIDER * width, width, gain),
        )

    keys = jax.random.split(key, blocks)
    return TransformerXL(tuple(block(one) for one in keys), norm(width))
