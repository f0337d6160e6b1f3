"""Hills: plateaus on plateaus, and ramps up to each."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.tasks.chance import Chance
from allometry.environments.xland.terrain import EAST, FLAT, NORTH, SOUTH, WEST

#: Ramps by their code, and which way they rise.
WAYS = ((EAST, 1, 0), (WEST, -1, 0), (NORTH, 0, 1), (SOUTH, 0, -1))
#: An arena has a hill for so many cells of its side, at least one.
_PER_HILL = 8
#: A plateau takes at least this share of the room on the one below.
_LEAST = 0.5
#: Probability of every second ramp of a level.
_ANOTHER = 0.5
#: A higher number than any level's.
_BEYOND = 100


def hills(chance: Chance, n: int, levels: int) -> Int[Array, "n n"]:
    """Draw the heights of an arena of side `n`.

    On each plateau stands a smaller one that leaves two cells free on some side: one
    for a ramp and one before it.
    """
    count = max(1, n // _PER_HILL)
    side = max(2 * levels + 1, n // 2 if count > 1 else n)
    low = chance.whole(n - side + 1, count, 2)
    high = low + side
    height = jnp.zeros((n, n), jnp.int32)
    for level in range(1, levels + 1):
        low, high = _plateau(chance, low, high, levels - level)
        height = jnp.maximum(height, level * _inside(low, high, n).any(0))
    return height


def _plateau(
    chance: Chance, low: Int[Array, "H 2"], high: Int[Array, "H 2"], above: int
) -> tuple[Int[Array, "H 2"], Int[Array, "H 2"]]:
    """Draw boxes in boxes, large enough for the plateaus above."""
    shape = low.shape
    room = high - low - 2
    least = jnp.maximum(2 * above + 1, jnp.ceil(_LEAST * room).astype(jnp.int32))
    least = jnp.minimum(least, room)
    side = least + chance.whole(room - least + 1, *shape)
    spare = room + 2 - side
    shift = chance.whole(spare + 1, *shape)
    # One cell on either side is too little for a ramp on both.
    shift = jnp.where((spare == 2) & (shift == 1), 0, shift)
    return low + shift, low + shift + side


def _inside(
    low: Int[Array, "H 2"], high: Int[Array, "H 2"], n: int
) -> Bool[Array, "H n n"]:
    number = jnp.arange(n)
    within = (number >= low[..., None]) & (number < high[..., None])
    return within[:, 0, :, None] & within[:, 1, None, :]


def ramps(
    chance: Chance, height: Int[Array, "n n"], wall: Bool[Array, "n n"], levels: int
) -> Int[Array, "n n"]:
    """Draw ramps between levels: where the floor before it and the one after it are.

    No ramp stands on the cell before or after another.
    """
    n = len(height)
    each = 2 * max(1, n // _PER_HILL)
    level = jnp.repeat(jnp.arange(1, levels + 1), each)
    wanted = chance.coin(_ANOTHER, len(level)) | (jnp.arange(len(level)) % 2 == 0)
    score = chance.uniform(len(WAYS), n, n)
    floors = jnp.where(wall, _BEYOND, height)
    before = jnp.stack([_shifted(floors, -dx, -dy) for _, dx, dy in WAYS])
    after = jnp.stack([_shifted(floors, dx, dy) for _, dx, dy in WAYS])
    rises = (before == floors) & (after == floors + 1)

    def build(
        built: tuple[Array, Array], one: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        ramp, kept = built
        level, wanted = one
        bare = ramp == FLAT
        clear = jnp.stack(
            [
                _shifted(bare, dx, dy, True) & _shifted(bare, -dx, -dy, True)
                for _, dx, dy in WAYS
            ]
        )
        can = rises & (after == level) & clear & bare & ~kept
        best = jnp.where(can, score, -1.0).argmax()
        here = (jnp.arange(can.size) == best).reshape(can.shape) & can & wanted
        for way, (code, dx, dy) in enumerate(WAYS):
            ramp = jnp.where(here[way], code, ramp)
            beside = _shifted(here[way], dx, dy, False)
            kept |= here[way] | beside | _shifted(here[way], -dx, -dy, False)
        return (ramp, kept), None

    start = jnp.full((n, n), FLAT), jnp.zeros((n, n), bool)
    (ramp, _), _ = jax.lax.scan(build, start, (level, wanted))
    return ramp


def _shifted(field: Array, dx: int, dy: int, beyond: int | bool = _BEYOND) -> Array:
    """Give for each cell the field of the one that lies (dx, dy) from it."""
    n = len(field)
    padded = jnp.pad(field, 1, constant_values=beyond)
    return padded[1 + dx : 1 + dx + n, 1 + dy : 1 + dy + n]
