"""Screen: the rows, columns and paints of a first-person picture.

Columns are directions at equal angles over the field of view, rows are rises (heights
over the eye per metre): the picture lies on a cylinder, on which a thing has one width
wherever it stands. A *strip* is one number: how many rows of a column it fills, from
the picture's foot, in the highest 8 bits, and its paint, 8 bits each of blue, green and
red. Of two strips the greater is the higher one.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt32

from allometry.environments.xland.relation import HALF_VIEW
from allometry.environments.xland.views.fan import spread

ROWS, COLUMNS = 72, 96
#: Directions of columns, radians to the left of ahead.
LEFTWARDS = spread(HALF_VIEW, COLUMNS)
#: Pixels per radian, and as many rows per unit of rise; rows above what is level.
_SCALE, HORIZON = COLUMNS / (2 * HALF_VIEW), 30
_REACH, _BYTE, _FULL = 24, 8, 255
_RED_BLUE, _GREEN, _WHITE = 0xFF00FF, 0x00FF00, 0x010101
#: By row, the least strip that fills it.
_FILLING = np.array([(ROWS - row) << _REACH for row in range(ROWS)], np.uint32)[:, None]


def paint(red: int, green: int, blue: int) -> int:
    """Mix a paint of parts from 0 to 255."""
    return red | green << _BYTE | blue << 2 * _BYTE


def lit(
    paint: UInt32[Array, "*#K"],
    share: Float[Array, "*#K"],
    gleam: Float[Array, "*#K"] | float = 0.0,
) -> UInt32[Array, "*K"]:
    """Take a share of a paint, and add a share of white; together at most 1."""
    part = (share * _FULL).astype(jnp.uint32)
    red_blue = ((paint & _RED_BLUE) * part >> _BYTE) & _RED_BLUE
    green = ((paint & _GREEN) * part >> _BYTE) & _GREEN
    white = jnp.asarray(gleam * _FULL, jnp.float32).astype(jnp.uint32) * _WHITE
    return (red_blue | green) + white


def strip(
    rise: Float[Array, "*#K"], paint: UInt32[Array, "*#K"] | int
) -> UInt32[Array, "*K"]:
    """Make strips that reach up to a rise."""
    reach = jnp.floor(_SCALE * rise + (ROWS - HORIZON + 0.5))
    return (jnp.clip(reach, 0.0, ROWS).astype(jnp.uint32) << _REACH) | paint


def fills(strips: UInt32[Array, "*K C"]) -> Bool[Array, "*K R C"]:
    """Say which rows strips fill."""
    return strips[..., None, :] >= _FILLING


def chosen(
    number: Int[Array, "*K"], values: Shaped[np.ndarray, " V"]
) -> Shaped[Array, "*K"]:
    """Pick from a few values by number."""
    found = jnp.full(number.shape, values[0])
    for index, value in enumerate(values[1:], 1):
        found = jnp.where(number == index, value, found)
    return found
