"""Terrain: floors at several heights, ramps between them, walls, floor colours.

Cells are squares of 1 m. A cell is a plane: flat, or a ramp that rises by 1 m along one
axis. Cell (i, j) covers x ∈ [i, i+1), y ∈ [j, j+1); a ring of wall surrounds the arena,
so that an arena of side n has cells 1 … n. Places have trailing axes of copies (see
`copies`), a `Land` has them first: its cells are looked up, never computed with.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from allometry.environments.xland.copies import settled

#: Codes of a cell: flat, or a ramp that rises towards +x, −x, +y, −y.
FLAT, EAST, WEST, NORTH, SOUTH = range(5)
#: A body climbs a step of this height, in m: a ramp's side near its foot, no more. It
#: is more than a player's radius, by which a body on a ramp is short of the ramp's top.
STEP = 0.35
#: A cell in one byte: its floor's colour in the 2 lowest bits, its ramp in 3, and its
#: height in 3.
_RAMP, _HEIGHT, _COLOUR_MASK, _MASK = 2, 5, 3, 7


#: A terrain, each cell one byte, with leading axes of copies.
Land = UInt8[Array, "*B A A"]
Place = tuple[Float[Array, "*K"], Float[Array, "*K"]]


class Terrain(NamedTuple):
    """A topology: `[A, A]`, of side A = n + 2 with its ring of wall.

    `height` is that of the floor at a cell's lowest edge, in levels of 1 m (0 … 7);
    `ramp` its code; `colour` the floor's. A wall is a floor above all levels.
    """

    height: Int[Array, "*B A A"]
    ramp: Int[Array, "*B A A"]
    colour: Int[Array, "*B A A"]

    def land(self) -> Land:
        """Give all of a cell in one byte, to be looked up at once."""
        height, ramp, paint = (field.astype(jnp.uint8) for field in self)
        return (height << _HEIGHT) | (ramp << _RAMP) | paint


def terrain_of(land: Land) -> Terrain:
    """Take a land apart."""
    ramp = (land >> _RAMP) & _MASK
    parts = (land >> _HEIGHT, ramp, land & _COLOUR_MASK)
    return Terrain(*(part.astype(jnp.int8) for part in parts))


def look(land: Land, x: Int[Array, "*K"], y: Int[Array, "*K"]) -> Int[Array, "*K"]:
    """Look up the cells (x, y), whose last axes are those of the copies."""
    side, copies = land.shape[-1], land.shape[:-2]
    number = np.arange(int(np.prod(copies))).reshape(copies)
    # What looks up in a loop is not vectorised: it is to do nothing else.
    index = settled((number * side + x) * side + y)
    return land.reshape(-1).at[index].get(mode="promise_in_bounds").astype(jnp.int32)


def height_in(
    code: Int[Array, "*K"], x: Int[Array, "*K"], y: Int[Array, "*K"], place: Place
) -> Float[Array, "*K"]:
    """Give the floor at a place of the cell (x, y) that `code` describes, in m."""
    ramp = (code >> _RAMP) & _MASK
    across = jnp.clip(place[0] - x, 0.0, 1.0)
    up = jnp.clip(place[1] - y, 0.0, 1.0)
    way = jnp.where(ramp <= WEST, across, up)
    way = jnp.where((ramp == WEST) | (ramp == SOUTH), 1.0 - way, way)
    return (code >> _HEIGHT) + jnp.where(ramp == FLAT, 0.0, way)


def floor_in(land: Land, place: Place) -> tuple[Int[Array, "*K"], Float[Array, "*K"]]:
    """Give the code of the cell at a place, and the height of its floor there, in m."""
    x, y = cell(land, place)
    code = look(land, x, y)
    return code, height_in(code, x, y, place)


def floor(land: Land, place: Place) -> Float[Array, "*K"]:
    """Give the height of the floor under a place, in m."""
    return floor_in(land, place)[1]


def colour_in(code: Int[Array, "*K"]) -> Int[Array, "*K"]:
    """Give the floor's colour of a cell that `code` describes."""
    return code & _COLOUR_MASK


def level_in(code: Int[Array, "*K"]) -> Int[Array, "*K"]:
    """Give the height of a cell's lowest edge that `code` describes, in levels."""
    return code >> _HEIGHT


def cell(land: Land, place: Place) -> tuple[Int[Array, "*K"], Int[Array, "*K"]]:
    """Give the cell of a place; of one outside the arena, one of the ring."""
    last = land.shape[-1] - 1
    x, y = (jnp.clip(jnp.floor(side).astype(jnp.int32), 0, last) for side in place)
    return x, y
