"""Terrain: floors at several heights, ramps between them, walls, floor colours.

Cells are squares of 1 m. A cell is a plane: flat, or a ramp that rises by 1 m along one
axis. Cell (i, j) covers x ∈ [i, i+1), y ∈ [j, j+1); a ring of wall surrounds the arena,
so that an arena of side n has cells 1 … n. Places have trailing axes of copies (see
`copies`), a `Land` has them first: its cells are looked up, never computed with.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from allometry.environments.xland.copies import along, folded, settled

#: Codes of a cell: flat, or a ramp that rises towards +x, −x, +y, −y.
FLAT, EAST, WEST, NORTH, SOUTH = range(5)
#: A body climbs a step of this height, in m: a ramp's side near its foot, no more. It
#: is more than a player's radius, by which a body on a ramp is short of the ramp's top.
STEP = 0.35
#: A cell in one byte: its floor's colour in the 2 lowest bits, its ramp in 3, and its
#: height in 3.
_RAMP, _HEIGHT, _COLOUR_MASK, _MASK = 2, 5, 3, 7
#: A line that goes less far along an axis crosses no edge on it, m.
_LEAST = 1e-6
#: A corner that is cut by no more is not met, m.
_GRAZE = 1e-4


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


def blocked(
    land: Land,
    start: Place,
    way: Place,
    line: Callable[[Float[Array, "L *K"]], Float[Array, "L *K"]],
    edges: int,
) -> Bool[Array, "*K"]:
    """Say where a floor stands above lines from `start` over `way`.

    `line` gives the height of the lines, m, at shares of their way. They are followed
    over the cell that they begin in and those that they enter over one of the first
    `edges` between cells along either axis; in each, where they come in and where they
    go out is compared with the floor, which is flat or even between.
    """
    (x, y), (dx, dy) = start, way
    begin = jnp.zeros_like(x)[None], jnp.floor(x)[None], jnp.floor(y)[None]
    along_x = _entered(x, dx, y, dy, edges)
    share, j, i = _entered(y, dy, x, dx, edges)
    entries = zip(begin, along_x, (share, i, j), strict=True)
    share, i, j = settled(tuple(jnp.concatenate([*each]) for each in entries))
    left = jnp.minimum(_left(x + share * dx, dx, i), _left(y + share * dy, dy, j))
    out = jnp.minimum(share + left, 1.0)
    last = land.shape[-1] - 1
    column, row = (jnp.clip(each.astype(jnp.int32), 0, last) for each in (i, j))
    code = look(land, column, row)
    high = [
        height_in(code, column, row, (x + at * dx, y + at * dy)) > line(at)
        for at in (share, out)
    ]
    return folded(jnp.logical_or, (high[0] | high[1]) & (share < 1.0))


def _entered(
    here: Float[Array, "*K"],
    step: Float[Array, "*K"],
    other: Float[Array, "*K"],
    aside: Float[Array, "*K"],
    edges: int,
) -> tuple[Float[Array, "L *K"], Float[Array, "L *K"], Float[Array, "L *K"]]:
    """Give where lines enter cells along one axis: share of the way, and the cell.

    Its number along this axis comes first. The share is 1 for edges that are not met.
    """
    ahead = jnp.where(step > 0, 1.0, -1.0)
    count = along(np.arange(edges, dtype=np.float32), here[None])
    edge = jnp.floor(here) + (step > 0) + ahead * count
    goes = jnp.abs(step) > _LEAST
    share = (edge - here) / jnp.where(goes, step, 1.0)
    share = jnp.where(goes & (share > 0), jnp.minimum(share, 1.0), 1.0)
    # A line that meets a corner goes on into the cell across it.
    met = other + share * aside + jnp.where(aside < 0, -_GRAZE, _GRAZE)
    return share, edge - (step < 0), jnp.floor(met)


def _left(
    there: Float[Array, "L *K"], step: Float[Array, "*K"], cell: Float[Array, "L *K"]
) -> Float[Array, "L *K"]:
    """Give the share of the way that is left in a cell, along one axis."""
    goes = jnp.abs(step) > _LEAST
    left = (cell + (step > 0) - there) / jnp.where(goes, step, 1.0)
    return jnp.where(goes, jnp.maximum(left, 0.0), 1.0)
