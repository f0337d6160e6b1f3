"""Relations: which bodies touch, are near, hold, or see each other.

All are the bits of one matrix `[N, N]` over bodies with trailing axes of copies: row a,
column b reads "a … b". None holds where one of the two does not exist, or for a body
with itself; but a body stands on a floor's colour by itself, on the diagonal.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt16

from allometry.environments.xland.bodies import TALL, Bodies
from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.copies import along, folded, others, settled
from allometry.environments.xland.terrain import Land, blocked, colour_in, floor_in

#: Touching: surfaces this close, m; near: this close.
CONTACT, NEAR = 0.02, 1.0
#: Half the angle that a player sees.
HALF_VIEW = math.radians(60.0)
#: Eyes and centres are this high above a body's foot, m.
EYE = 0.4
#: Bits of the matrix: a predicate's is its index, a floor's colour follows them.
TOUCHING, NEAR_BIT, HOLD, SEE, ON, SIGHT = range(len(PREDICATES))
FLOOR_BIT = len(PREDICATES)
#: A body stands on the floor when its foot is this close to it, m.
_GROUNDED = 1e-3
_TINY = 1e-6

Relations = UInt16[Array, "N N *B"]


def relate(
    bodies: Bodies,
    heading: Float[Array, "P *B"],
    land: Land,
    *,
    sights: bool,
    floors: bool,
) -> Relations:
    """Find all relations; `heading` of each player in radians.

    `sights` says whether lines of sight between objects are looked along, `floors`
    whether it matters who stands where: without, these bits are 0.
    """
    count, players = bodies.kind.shape[0], heading.shape[0]
    see = settled(seen(bodies, heading, land))
    x = bodies.x[None] - bodies.x[:, None]
    y = bodies.y[None] - bodies.y[:, None]
    reach = bodies.radius[:, None] + bodies.radius[None]
    square = x * x + y * y
    level = jnp.abs(bodies.height[:, None] - bodies.height[None]) < TALL
    both = bodies.exists[:, None] & bodies.exists[None] & others(square)
    rows = along(np.arange(count), square)
    hold = (bodies.holder[None] == rows) & both
    held = hold | (bodies.holder[:, None] == along(np.arange(count), square, 1)) & both
    bits = {
        TOUCHING: both & level & (square <= (reach + CONTACT) ** 2) | held,
        NEAR_BIT: both & level & (square <= (reach + NEAR) ** 2) | held,
        HOLD: hold,
    }
    found = jnp.zeros(square.shape, jnp.uint16)
    for bit, matrix in bits.items():
        found |= jnp.where(matrix, jnp.uint16(1 << bit), jnp.uint16(0))
    if sights:
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        clear = _matrix(count, pairs, _clear(bodies, pairs, land))
        clear = both & (clear | jnp.swapaxes(clear, 0, 1))
        found |= jnp.where(clear, jnp.uint16(1 << SIGHT), jnp.uint16(0))
    if floors:
        found |= _standing(bodies, land)
    sees = jnp.where(see & both[:players], jnp.uint16(1 << SEE), jnp.uint16(0))
    rest = jnp.zeros((count - players, *see.shape[1:]), jnp.uint16)
    return found | jnp.concatenate([sees, rest])


def _standing(bodies: Bodies, land: Land) -> Relations:
    """Say, on the diagonal, on which floor's colour each body stands."""
    code, height = floor_in(land, bodies.place)
    stands = (bodies.height <= height + _GROUNDED) & (bodies.holder < 0)
    bit = jnp.left_shift(jnp.uint16(1 << FLOOR_BIT), colour_in(code).astype(jnp.uint16))
    mine = jnp.where(stands & bodies.exists, bit, jnp.uint16(0))
    return jnp.where(others(mine[:, None] | mine[None]), jnp.uint16(0), mine[:, None])


def seen(
    bodies: Bodies, heading: Float[Array, "P *B"], land: Land
) -> Bool[Array, "P N *B"]:
    """Say which bodies each player sees."""
    players, count = heading.shape[0], bodies.kind.shape[0]
    pairs = [(p, n) for p in range(players) for n in range(count)]
    clear = _clear(bodies, pairs, land)
    clear = clear.reshape(players, count, *clear.shape[1:])
    return clear & _ahead(bodies, heading) & bodies.exists


def _ahead(bodies: Bodies, heading: Array) -> Bool[Array, "P N *B"]:
    """Say which bodies lie in the angle that a player sees."""
    players = heading.shape[0]
    x = bodies.x[None] - bodies.x[:players, None]
    y = bodies.y[None] - bodies.y[:players, None]
    ahead = jnp.cos(heading)[:, None] * x + jnp.sin(heading)[:, None] * y
    return ahead >= math.cos(HALF_VIEW) * jnp.sqrt(x * x + y * y + _TINY)


def _matrix(
    count: int, pairs: list[tuple[int, int]], values: Bool[Array, "K *B"]
) -> Bool[Array, "N N *B"]:
    """Put values of pairs into a matrix, false for all others."""
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    return (
        jnp.zeros((count, count, *values.shape[1:]), bool).at[first, second].set(values)
    )


def _clear(
    bodies: Bodies, pairs: list[tuple[int, int]], land: Land
) -> Bool[Array, "K *B"]:
    """Say between which of some pairs neither terrain nor a third body stands.

    A held object does not stand in its holder's way.
    """
    count = bodies.kind.shape[0]
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    eye = bodies.height + EYE
    x, y, z = bodies.x[first], bodies.y[first], eye[first]
    dx, dy = bodies.x[second] - x, bodies.y[second] - y
    rise = eye[second] - z
    edges = land.shape[-1] - 2
    clear = ~blocked(land, (x, y), (dx, dy), lambda share: z + share * rise, edges)
    # A third body stands in the way where its disc meets the line at its height.
    third_x, third_y = bodies.x[:, None] - x, bodies.y[:, None] - y
    length = dx * dx + dy * dy + _TINY
    part = third_x * dx + third_y * dy
    off = third_x * dy - third_y * dx
    close = off * off < (bodies.radius**2)[:, None] * length
    level = jnp.abs((z - eye[:, None]) * length + part * rise) < TALL / 2 * length
    third = np.arange(count)[:, None]
    other = jnp.asarray((third != first) & (third != second))
    other = other.reshape(*other.shape, *[1] * (x.ndim - 1))
    carrier = bodies.holder[:, None]
    mine = (carrier == along(first, x)) | (carrier == along(second, x))
    stands = bodies.exists[:, None] & other & ~mine
    between = (part > 0) & (part < length)
    return clear & ~folded(jnp.logical_or, close & level & between & stands)
