"""Pixels: the observation as a first-person picture, with the tables of `told`.

| array | shape | content |
|---|---|---|
| `image` | 72, 96, 3 | red, green and blue, 0 to 255: what lies within 60° of ahead |
| `goal`, `rules`, `self` | | see `told` |

Each column is a ray of a `fan`: the floors and faces that it crosses are painted from
the farthest on, each from the picture's foot to its own top, then bodies (see
`sprites`). Floors are squares of 1 m as on a chessboard, in their colour, the lighter
the higher; ramps are of sand; sides that cannot be climbed are brown, and walls grey.
A picture shows what is in sight, whatever the dial `view` says.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8, UInt32

from allometry.environments.xland import told
from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.copies import settled
from allometry.environments.xland.play import Players
from allometry.environments.xland.relation import Relations
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import FLAT, Land
from allometry.environments.xland.told import clock
from allometry.environments.xland.views.fan import (
    Eyes,
    Fan,
    cells,
    eyes_of,
    fan,
    returned,
    rises,
)
from allometry.environments.xland.views.screen import (
    COLUMNS,
    HORIZON,
    LEFTWARDS,
    ROWS,
    chosen,
    fills,
    lit,
    paint,
    strip,
)
from allometry.environments.xland.views.sprites import Sprites, hands, sprites
from allometry.specs import ArraySpec

#: Paints of floors by colour, then of ramps.
FLOOR_PAINTS = (
    paint(190, 184, 174),
    paint(96, 160, 240),
    paint(235, 105, 92),
    paint(255, 255, 255),
    paint(226, 190, 120),
    paint(130, 165, 190),
    paint(228, 140, 96),
    paint(242, 226, 188),
)
LEDGE_PAINT, WALL_PAINT = paint(150, 112, 76), paint(122, 130, 152)
#: The sky overhead and at the horizon.
_SKY = ((120, 160, 205), (205, 222, 235))
#: Share of light that a metre of air takes; light on the lowest floor; light on odd
#: squares; light on sides that face along y.
_AIR, _LOW, _ODD, _ASIDE = 0.03, 0.8, 0.92, 0.8


class Pixels(NamedTuple):
    """The observation of all players, or its spec for one."""

    image: UInt8[Array, "P 72 96 3"] | ArraySpec
    goal: Float[Array, "P K G"] | ArraySpec
    rules: Float[Array, "P R Q"] | ArraySpec
    self: Float[Array, "P S"] | ArraySpec


def spec(dials: Complexity) -> Pixels:
    """Describe the observation of one player."""
    image = ArraySpec((ROWS, COLUMNS, 3), "uint8", 0.0, 255.0, layout="image")
    return Pixels(image, *told.spec(dials))


def observe(
    dials: Complexity,
    land: Land,
    bodies: Bodies,
    players: Players,
    relations: Relations,
    time: Int[Array, "*B"],
    trial: Int[Array, "*B"],
    reward: Float[Array, "P *B"],
) -> tuple[UInt8[Array, "P 72 96 3 *B"], Float[Array, "P S *B"]]:
    """Give every player's `image` and `self`; copies are the last axes."""
    del relations
    eyes = eyes_of(bodies, players)
    sent = fan(land, eyes, LEFTWARDS)
    floors, faces = settled(_ground(dials, sent, eyes))
    ground = jnp.maximum(floors, faces)
    drawn = settled(sprites(dials, sent, eyes, ground, bodies, players))
    canvas = _with_bodies(drawn, _with_ground(floors, faces))
    held = hands(bodies, dials.players)
    canvas = jnp.where(fills(held), held[..., None, :], canvas)
    image = jax.lax.bitcast_convert_type(settled(canvas), jnp.uint8)[..., :3]
    own = clock(dials, bodies, players, time, trial, reward)
    return returned(image, time.shape), own


def _ground(
    dials: Complexity, sent: Fan, eyes: Eyes
) -> tuple[UInt32[Array, "B P K C"], UInt32[Array, "B P K C"]]:
    """Give strips of the floors before all borders, and of the faces beyond them."""
    here, there = cells(sent.before), cells(sent.beyond)
    air = 1.0 / (1.0 + _AIR * sent.distance)
    height = _LOW + (1.0 - _LOW) / max(1, dials.levels) * here.level
    kind = here.colour + jnp.where(here.ramp == FLAT, 0, len(FLOOR_PAINTS) // 2)
    tile = chosen(kind, np.array(FLOOR_PAINTS, np.uint32))
    tile = lit(tile, air * jnp.minimum(height, 1.0) * jnp.where(here.even, 1.0, _ODD))
    is_wall = there.level >= wall_height(dials)
    side = jnp.where(sent.sideways, 1.0, _ASIDE) * jnp.where(there.even, 1.0, _ODD)
    face = lit(
        jnp.where(is_wall, jnp.uint32(WALL_PAINT), jnp.uint32(LEDGE_PAINT)), air * side
    )
    rise_before, rise_beyond = rises(sent, eyes)
    return strip(rise_before, tile), strip(rise_beyond, face)


def _with_ground(
    floors: UInt32[Array, "B P K C"], faces: UInt32[Array, "B P K C"]
) -> UInt32[Array, "B P R C"]:
    """Paint the ground before the sky."""
    copies, players, borders, columns = floors.shape
    share = np.clip(np.arange(ROWS) / HORIZON, 0.0, 1.0)[:, None]
    sky = np.round(_SKY[0] + share * np.subtract(_SKY[1], _SKY[0])).astype(int)
    lines = np.array([paint(*map(int, line)) for line in sky], np.uint32)
    canvas = jnp.broadcast_to(lines[:, None], (copies, players, ROWS, columns))
    for border in reversed(range(borders)):
        for strips in (faces[:, :, border], floors[:, :, border]):
            canvas = jnp.where(fills(strips), strips[..., None, :], canvas)
    return canvas


def _with_bodies(
    drawn: Sprites, canvas: UInt32[Array, "B P R C"]
) -> UInt32[Array, "B P R C"]:
    """Paint bodies over the ground."""
    for body in range(drawn.upper.shape[2]):
        upper, lower, under = (strips[:, :, body] for strips in drawn)
        paints = jnp.where(fills(lower), lower[..., None, :], upper[..., None, :])
        canvas = jnp.where(fills(upper) & ~fills(under), paints, canvas)
    return canvas
