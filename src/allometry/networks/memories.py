"""Memories: kinds of memory by key, and one number into a memory.

| kind | what is kept of the past |
|---|---|
| `none` | nothing |
| `gru` | one vector |
| `lstm` | two vectors |
| `gru-attention` | one vector, and the last M of it |
| `transformer-xl` | keys and values of the last M steps in each block |
"""

from collections.abc import Callable

from jaxtyping import Array, Bool, Float, Key

from allometry.networks.gru_attention import gru_attention
from allometry.networks.memory import Memory
from allometry.networks.recurrent import gru, lstm
from allometry.networks.transformer_xl import transformer_xl
from allometry.refusal import Refusal

#: Keys and values are of about this size; wider memories have more heads.
KEY_SIZE = 32
#: Blocks of a Transformer-XL: few enough for two cores. AdA has 6.
BLOCKS = 2


class NoMemory(Memory):
    """Features pass through."""

    def initial(self) -> tuple[()]:
        """Give an empty state."""
        return ()

    def step(
        self, state: tuple[()], x: Float[Array, " width"]
    ) -> tuple[tuple[()], Float[Array, " width"]]:
        """Give the features back."""
        return state, x

    def window(
        self, state: tuple[()], x: Float[Array, "T width"], first: Bool[Array, " T"]
    ) -> tuple[tuple[()], Float[Array, "T width"]]:
        """Give the features back."""
        return state, x


#: Builders by kind, of a key, the width, and how many steps are kept.
MEMORIES: dict[str, Callable[[Key[Array, ""], int, int], Memory]] = {
    "none": lambda key, width, length: NoMemory(),
    "gru": lambda key, width, length: gru(key, width),
    "lstm": lambda key, width, length: lstm(key, width),
    "gru-attention": lambda key, width, length: gru_attention(
        key, width, heads=heads(width), key_size=width // heads(width), length=length
    ),
    "transformer-xl": lambda key, width, length: transformer_xl(
        key,
        width,
        blocks=BLOCKS,
        heads=heads(width),
        key_size=width // heads(width),
        length=length,
    ),
}


def memory(kind: str, width: int, length: int) -> Callable[[Key[Array, ""]], Memory]:
    """Return the builder of a memory, a function of the key.

    `length` is M, the number of steps that are kept where any are. Raises `Refusal` for
    an unknown kind or an impossible size.
    """
    if kind not in MEMORIES:
        known = ", ".join(MEMORIES)
        raise Refusal(f'There is no memory "{kind}". Choose one of: {known}.')
    if width < 1 or length < 1:
        raise Refusal(
            f"A memory of width {width} that keeps {length} steps is impossible: give "
            "at least 1 of each."
        )
    return lambda key: MEMORIES[kind](key, width, length)


def heads(width: int) -> int:
    """Choose as many heads as divide the width into keys of about `KEY_SIZE`."""
    most = max(1, width // KEY_SIZE)
    return next(count for count in range(most, 0, -1) if width % count == 0)
