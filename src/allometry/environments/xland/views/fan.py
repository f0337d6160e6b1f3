"""Fan: rays from players' eyes, and the borders of cells that they cross.

The floor is one height over each place, so that along a ray it hides all that is lower
than its steepest rise so far. A rise is a height over the eye per metre of distance.
Axes of copies come first here, as one, and that of the rays last: there are enough of
these to fill a processor's registers.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt16

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.copies import settled
from allometry.environments.xland.play import Players
from allometry.environments.xland.relation import EYE
from allometry.environments.xland.terrain import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Land,
    terrain_of,
)

#: A cell in 16 bits: its plane at the origin, over −64 m, its ramp, its floor's colour,
#: its level, and whether it is even on a chessboard.
_PLANE, _RAMP, _COLOUR, _LEVEL, _EVEN = (0, 7), (7, 3), (10, 2), (12, 3), (15, 1)
_LOWEST = 64
#: No border is nearer than this, m.
_NEAREST = 1e-3
_TINY = 1e-6


class Eyes(NamedTuple):
    """Eyes of players `[B, P]`: place and height, m, and heading, radians."""

    x: Float[Array, "B P"]
    y: Float[Array, "B P"]
    height: Float[Array, "B P"]
    heading: Float[Array, "B P"]


class Cells(NamedTuple):
    """What the codes of cells say, of the codes' shape.

    A floor is a plane: `plane` + `east` x + `north` y is its height at a place, m.
    """

    plane: Float[Array, "*K"]
    east: Float[Array, "*K"]
    north: Float[Array, "*K"]
    ramp: Int[Array, "*K"]
    colour: Int[Array, "*K"]
    level: Int[Array, "*K"]
    even: Bool[Array, "*K"]


class Fan(NamedTuple):
    """Rays `[B, P, C]` from left to right, and the K borders that each crosses.

    `x` and `y` are a ray's direction. Of the borders, from the nearest on: `distance`,
    m; `before` and `beyond`, the codes of the cells on both sides; `sideways`, whether
    the border is crossed along x.
    """

    x: Float[Array, "B P C"]
    y: Float[Array, "B P C"]
    distance: Float[Array, "B P K C"]
    before: UInt16[Array, "B P K C"]
    beyond: UInt16[Array, "B P K C"]
    sideways: Bool[Array, "B P K C"]


def turned(array: Array) -> Array:
    """Turn `[N, *B]` into `[B, N]`, all axes of copies made one."""
    return array.reshape(array.shape[0], -1).T


def returned(array: Array, copies: tuple[int, ...]) -> Array:
    """Turn `[B, ...]` into `[..., *B]`, with copies along the axes that they had."""
    return array.reshape(array.shape[0], -1).T.reshape(*array.shape[1:], *copies)


def eyes_of(bodies: Bodies, players: Players) -> Eyes:
    """Find the eyes of all players; arrays have trailing axes of copies."""
    count = players.heading.shape[0]
    x, y, foot = (
        turned(field[:count]) for field in (bodies.x, bodies.y, bodies.height)
    )
    return Eyes(x, y, foot + EYE, turned(players.heading))


def spread(half: float, rays: int) -> np.ndarray:
    """Give the angles to the left of ahead of rays over ± `half`, from the left on."""
    return half * (1.0 - (2.0 * np.arange(rays) + 1.0) / rays)


def fan(land: Land, eyes: Eyes, angles: np.ndarray) -> Fan:
    """Send rays from eyes at some angles to the left of ahead, through all the land."""
    side = land.shape[-1]
    # From one corner of the arena into the ring at the other.
    borders = 2 * (side - 2) - 1
    across, up = np.cos(angles), np.sin(angles)
    cosine, sine = jnp.cos(eyes.heading)[..., None], jnp.sin(eyes.heading)[..., None]
    x, y = cosine * across - sine * up, sine * across + cosine * up
    at = eyes.x[..., None, None], eyes.y[..., None, None]
    distance, i, j, sideways = _crossed(at, (x[:, :, None], y[:, :, None]), borders)
    codes = _looked(_codes(land), i, j)
    distance, codes, sideways = settled((distance, codes, sideways))
    return Fan(
        x=x,
        y=y,
        distance=distance[:, :, 1:],
        before=codes[:, :, :-1],
        beyond=codes[:, :, 1:],
        sideways=sideways[:, :, 1:],
    )


def cells(codes: UInt16[Array, "*K"]) -> Cells:
    """Read the codes of cells."""

    def field(bits: tuple[int, int]) -> Array:
        first, count = bits
        return (codes.astype(jnp.int32) >> first) & ((1 << count) - 1)

    ramp = field(_RAMP)
    return Cells(
        plane=(field(_PLANE) - _LOWEST).astype(jnp.float32),
        east=(ramp == EAST).astype(jnp.float32) - (ramp == WEST),
        north=(ramp == NORTH).astype(jnp.float32) - (ramp == SOUTH),
        ramp=ramp,
        colour=field(_COLOUR),
        level=field(_LEVEL),
        even=field(_EVEN) > 0,
    )


def rises(
    sent: Fan, eyes: Eyes
) -> tuple[Float[Array, "B P K C"], Float[Array, "B P K C"]]:
    """Give the rises of the floors before and beyond all borders."""
    x = eyes.x[..., None, None] + sent.x[:, :, None] * sent.distance
    y = eyes.y[..., None, None] + sent.y[:, :, None] * sent.distance

    def rise(codes: Array) -> Array:
        floor = cells(codes)
        height = floor.plane + floor.east * x + floor.north * y
        return (height - eyes.height[..., None, None]) / sent.distance

    return rise(sent.before), rise(sent.beyond)


def toward(
    sent: Fan, eyes: Eyes, x: Float[Array, "B #P N"], y: Float[Array, "B #P N"]
) -> tuple[Float[Array, "B P N C"], Float[Array, "B P N C"]]:
    """Say how far ahead and to the left places lie, m, as seen along each ray."""
    right, up = (x - eyes.x[..., None])[..., None], (y - eyes.y[..., None])[..., None]
    ray_x, ray_y = sent.x[:, :, None], sent.y[:, :, None]
    return ray_x * right + ray_y * up, ray_x * up - ray_y * right


def highest(
    sent: Fan, heights: Shaped[Array, "B P K C"], far: Float[Array, "B P N"], none: Any
) -> Shaped[Array, "B P N C"]:
    """Give the greatest height among borders nearer than a distance, m, or `none`."""
    found = jnp.full((*far.shape, heights.shape[-1]), none, heights.dtype)
    for border in range(heights.shape[2]):
        nearer = sent.distance[:, :, None, border] < far[..., None]
        here = jnp.where(nearer, heights[:, :, None, border], none)
        found = jnp.maximum(found, here)
    return found


def _crossed(
    at: tuple[Array, Array], way: tuple[Array, Array], borders: int
) -> tuple[Array, Array, Array, Array]:
    """Find the borders that rays cross: distance, the cell beyond, whether along x.

    The first is the one behind the eye: the cell beyond it is the eye's own. Counted
    along a ray in cells, a point of it has coordinates a and b, and ⌊a⌋ + ⌊b⌋ borders
    lie behind it. Where a + b = k these are k or k − 1, so that border k is the last
    behind that point or the next one: none has to be found from the one before.
    """
    k = np.arange(borders + 1, dtype=np.float32)[:, None]
    per_cell = tuple(1.0 / jnp.maximum(jnp.abs(part), _TINY) for part in way)
    begin = tuple(jnp.floor(part) for part in at)
    inside = tuple(
        jnp.where(part > 0, place - cell, 1.0 - (place - cell))
        for part, place, cell in zip(way, at, begin, strict=True)
    )
    step = jnp.abs(way[0]) / (jnp.abs(way[0]) + jnp.abs(way[1]))
    a = inside[0] + (k - inside[0] - inside[1]) * step
    i, j = jnp.floor(a), jnp.floor(k - a)
    behind = i + j >= k
    next_x = (i + 1.0 - inside[0]) * per_cell[0]
    next_y = (j + 1.0 - inside[1]) * per_cell[1]
    last_x, last_y = next_x - per_cell[0], next_y - per_cell[1]
    distance = jnp.where(
        behind, jnp.maximum(last_x, last_y), jnp.minimum(next_x, next_y)
    )
    sideways = jnp.where(behind, last_x > last_y, next_x < next_y)
    i += ~behind & sideways
    j += ~behind & ~sideways
    i = begin[0] + jnp.where(way[0] > 0, i, -i)
    j = begin[1] + jnp.where(way[1] > 0, j, -j)
    return jnp.maximum(distance, _NEAREST), i, j, sideways


def _codes(land: Land) -> UInt16[Array, "*B A A"]:
    """Give the codes of all cells."""
    terrain = terrain_of(land)
    side = land.shape[-1]
    i, j = np.arange(side)[:, None], np.arange(side)
    ramp, level = terrain.ramp.astype(jnp.int32), terrain.height.astype(jnp.int32)
    plane = level + jnp.where(ramp == EAST, -i, 0) + jnp.where(ramp == NORTH, -j, 0)
    plane += jnp.where(ramp == WEST, 1 + i, 0) + jnp.where(ramp == SOUTH, 1 + j, 0)
    fields = {
        _PLANE: plane + _LOWEST,
        _RAMP: ramp,
        _COLOUR: terrain.colour,
        _LEVEL: level,
        _EVEN: (i + j) % 2 == 0,
    }
    found = sum(jnp.asarray(f, jnp.int32) << bits[0] for bits, f in fields.items())
    return jnp.asarray(found).astype(jnp.uint16)


def _looked(codes: Array, i: Array, j: Array) -> UInt16[Array, "B P K C"]:
    """Look up the codes of cells; of those beyond the ring, the ring's."""
    side = codes.shape[-1]
    copy = np.arange(i.shape[0])[:, None, None, None]
    i, j = (jnp.clip(part, 0, side - 1).astype(jnp.int32) for part in (i, j))
    # What looks up in a loop is not vectorised: it is to do nothing else.
    index = settled((copy * side + i) * side + j)
    return codes.reshape(-1).at[index].get(mode="promise_in_bounds")
