"""Actions: what a player may do, in four spaces that mean the same.

| group | 0 | 1 | 2 |
|---|---|---|---|
| move | stand | forwards | backwards |
| strafe | – | left | right |
| turn | – | left | right |
| hand | – | grab | drop |
| throw | – | softly | hard |
| tag | – | tag | free |

`factored` gives one of three values in each group; `discrete` one of twelve single
deeds; `simple` one of the six of them that suffice to go and carry things (stand,
forwards, left, right, grab, drop); `continuous` six numbers in [−1, 1]: the first three
as far as they say, the others by their sign beyond a third.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from allometry.specs import ArraySpec

GROUPS = ("move", "strafe", "turn", "hand", "throw", "tag")
#: The deeds of the spaces that give one at a time, each one value in one group.
DEEDS = {
    "discrete": (
        (0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0), (2, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0),
        (0, 2, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0, 2, 0, 0, 0), (0, 0, 0, 1, 0, 0),
        (0, 0, 0, 2, 0, 0), (0, 0, 0, 0, 1, 0), (0, 0, 0, 0, 2, 0), (0, 0, 0, 0, 0, 1),
    ),
    "simple": (
        (0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0, 2, 0, 0, 0),
        (0, 0, 0, 1, 0, 0), (0, 0, 0, 2, 0, 0),
    ),
}  # fmt: skip
#: How far a number of the continuous space must go to be a deed.
_BEYOND = 1 / 3


class Intent(NamedTuple):
    """What players want to do: moves in [−1, 1], deeds yes or no; `[P]` each."""

    move: Float[Array, " P"]
    strafe: Float[Array, " P"]
    turn: Float[Array, " P"]
    grab: Bool[Array, " P"]
    drop: Bool[Array, " P"]
    throw: Float[Array, " P"]
    tag: Bool[Array, " P"]
    free: Bool[Array, " P"]


def spec(space: str) -> ArraySpec:
    """Describe one player's action."""
    if space == "factored":
        return ArraySpec((len(GROUPS),), "int32", num_values=3)
    if space in DEEDS:
        return ArraySpec((), "int32", num_values=len(DEEDS[space]))
    return ArraySpec((len(GROUPS),), "float32", -1.0, 1.0)


def intend(space: str, action: Array) -> Intent:
    """Read players' actions `[P, …]`."""
    if space == "continuous":
        signs = jnp.where(jnp.abs(action) > _BEYOND, jnp.sign(action), 0.0)
        deeds = jnp.where(signs > 0, 1, jnp.where(signs < 0, 2, 0))
        moves = jnp.clip(action[:, :3], -1.0, 1.0)
    else:
        deeds = jnp.array(DEEDS[space])[action] if space in DEEDS else action
        moves = jnp.array([0.0, 1.0, -1.0])[deeds[:, :3]]
    hand, throw, tag = deeds[:, 3], deeds[:, 4], deeds[:, 5]
    return Intent(
        move=moves[:, 0],
        strafe=moves[:, 1],
        turn=moves[:, 2],
        grab=hand == 1,
        drop=hand == 2,
        throw=jnp.array([0.0, 0.5, 1.0])[throw],
        tag=tag == 1,
        free=tag == 2,
    )
