"""Sprites: the bodies of a first-person picture, as columns of its pixels.

A body stands upright at its distance, in its shape: each of its columns is a span of
rows in two paints, one over the other. What a player holds is drawn at the picture's
foot, in its hands, and hides nothing of what lies ahead.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import COLOURS, SHAPES, Complexity
from allometry.environments.xland.copies import settled
from allometry.environments.xland.play import Players
from allometry.environments.xland.views.fan import Eyes, Fan, highest, toward, turned
from allometry.environments.xland.views.screen import (
    LEFTWARDS,
    chosen,
    lit,
    paint,
    strip,
)

#: Paints of objects by colour, and of players, counted from the one that looks. What
#: agents see does not change with the paints of pictures that are for people.
OBJECTS = {
    "black": paint(34, 34, 40),
    "purple": paint(150, 60, 200),
    "yellow": paint(250, 200, 20),
    "green": paint(20, 160, 70),
}
PLAYERS = (
    paint(30, 95, 220),
    paint(225, 95, 20),
    paint(0, 140, 140),
    paint(170, 45, 105),
)
ICE, VISOR = paint(190, 235, 255), paint(250, 250, 250)
#: What a body is drawn as: the shape of an object, or a player. By this: half its
#: width, and from where on it has its upper paint, m.
_PLAYER = len(SHAPES)
_BALL, _POINTED, _FLAT = (SHAPES.index(name) for name in ("sphere", "pyramid", "slab"))
_HALF = np.array([0.25, 0.25, 0.29, 0.29, 0.3], np.float32)
_UPPER = np.array([0.4, 0.3, 0.0, 0.2, 0.48], np.float32)
#: Heights of a cube, a pyramid and a slab, and a sphere's radius, m.
_CUBE, _PYRAMID, _SLAB, _SPHERE = 0.5, 0.55, 0.3, 0.25
#: Radius and height of a player's head, half a visor's width, height of shoulders, m.
_HEAD, _NECK, _VISOR, _SHOULDERS = 0.16, 0.64, 0.09, 0.5
#: Frozen things stand on a plate of ice so high, m.
_PLATE = 0.12
#: What is held is drawn as if so far ahead, m, to the left, radians, and up, m.
_HELD_AHEAD, _HELD_LEFT, _HELD_UP = 1.1, 0.0, -0.92
#: A hand covers columns that far from the middle of what it holds, m, up to this rise.
_HAND, _HAND_RISE = (0.3, 0.45), -0.6
#: Shares of their paint that sides have in the light and in the shade; of white, where
#: they gleam. A player's visor is seen if it looks away by less than this cosine.
_LIGHT, _SHADE, _GLEAM, _AWAY = 0.95, 0.6, 0.28, 0.3
#: Nothing is drawn as if it were nearer than this, m.
_NEAREST = 0.3


class Sprites(NamedTuple):
    """Strips of bodies in each column, `[B, P, N, C]`, from the farthest body on.

    A body fills the rows of `upper` that `under` does not fill, in the paint of `lower`
    where that fills them too.
    """

    upper: UInt32[Array, "B P N C"]
    lower: UInt32[Array, "B P N C"]
    under: UInt32[Array, "B P N C"]


class _Cast(NamedTuple):
    """What is drawn of each body to each player, `[B, P, N]`, the farthest first.

    `what` it is drawn as, −1 for nothing; `up` is its foot's height over the eye, m.
    """

    x: Float[Array, "B P N"]
    y: Float[Array, "B P N"]
    up: Float[Array, "B P N"]
    far: Float[Array, "B P N"]
    what: Int[Array, "B P N"]
    paint: UInt32[Array, "B P N"]
    icy: Bool[Array, "B P N"]
    mine: Bool[Array, "B P N"]
    face_x: Float[Array, "B P N"]
    face_y: Float[Array, "B P N"]


def sprites(
    dials: Complexity,
    sent: Fan,
    eyes: Eyes,
    ground: UInt32[Array, "B P K C"],
    bodies: Bodies,
    players: Players,
) -> Sprites:
    """Draw bodies for every player; `bodies` and `players` have copies last.

    `ground` is the higher strip of the floors on both sides of each border.
    """
    cast = settled(_sorted(_cast(dials, eyes, bodies, players)))
    each = _Cast(*(field[..., None] for field in cast))
    ahead, left = toward(sent, eyes, cast.x, cast.y)
    left = jnp.where(each.mine, _HELD_AHEAD * (_HELD_LEFT - LEFTWARDS), left)
    aside = left / chosen(each.what, _HALF)
    shows = (jnp.abs(aside) < 1.0) & ((ahead > 0) | each.mine) & (each.what >= 0)
    low, high = _outline(each, left, aside)
    middle = jnp.where(each.icy, _PLATE, chosen(each.what, _UPPER))
    upper, lower = _paints(each, sent, left, aside)
    per_metre = 1.0 / each.far
    top = strip((each.up + high) * per_metre, upper)
    hidden = highest(sent, ground, jnp.where(cast.mine, 0.0, cast.far), 0)
    return Sprites(
        upper=jnp.where(shows, top, 0),
        lower=strip((each.up + middle) * per_metre, lower),
        under=jnp.maximum(strip((each.up + low) * per_metre, 0), hidden),
    )


def hands(bodies: Bodies, players: int) -> UInt32[Array, "B P C"]:
    """Give the strips of the hands of players that hold something."""
    holding = [(bodies.holder == me).any(0) for me in range(players)]
    off = np.abs(_HELD_AHEAD * (_HELD_LEFT - LEFTWARDS))
    covers = (off > _HAND[0]) & (off < _HAND[1])
    shows = turned(jnp.stack(holding))[..., None] & covers
    return jnp.where(shows, strip(jnp.float32(_HAND_RISE), PLAYERS[0]), 0)


def _cast(dials: Complexity, eyes: Eyes, bodies: Bodies, players: Players) -> _Cast:
    """Say as what, and where, every body is drawn to each player."""
    count, total = players.heading.shape[0], bodies.kind.shape[0]
    kind = turned(bodies.kind)[:, None]
    number = np.arange(total)
    shape, colour = kind // dials.colours, kind % dials.colours
    me = np.arange(count)[:, None]
    mine = turned(bodies.holder)[:, None] == me
    there = turned(bodies.exists)[:, None] & (number != me)
    what = jnp.where(there, jnp.where(kind < 0, _PLAYER, shape), -1)
    other = np.array(PLAYERS, np.uint32)[(number - me) % count]
    paints = np.array([OBJECTS[name] for name in COLOURS], np.uint32)
    own = jnp.where(kind < 0, jnp.asarray(other), chosen(colour, paints))
    x, y = turned(bodies.x)[:, None], turned(bodies.y)[:, None]
    right, up = x - eyes.x[..., None], y - eyes.y[..., None]
    far = jnp.sqrt(right * right + up * up)
    height = turned(bodies.height)[:, None] - eyes.height[..., None]
    rest = ((0, total - count), *[(0, 0)] * (players.heading.ndim - 1))

    def of_players(field: Array) -> Array:
        """Turn `[P, *B]` to lie along bodies, 0 for objects."""
        return turned(jnp.pad(field, rest))[:, None]

    face = of_players(jnp.cos(players.heading)), of_players(jnp.sin(players.heading))
    icy = turned(bodies.frozen)[:, None] | of_players(players.tagged > 0)
    cast = _Cast(
        x=x,
        y=y,
        up=jnp.where(mine, _HELD_UP, height),
        far=jnp.where(mine, _HELD_AHEAD, jnp.maximum(far, _NEAREST)),
        what=what,
        paint=own,
        icy=icy,
        mine=mine & there,
        face_x=face[0],
        face_y=face[1],
    )
    return _Cast(*(jnp.broadcast_to(field, what.shape) for field in cast))


def _sorted(cast: _Cast) -> _Cast:
    """Order bodies from the farthest on; what is held comes last, who looks is out."""
    far = jnp.where(cast.mine, 0.0, cast.far)
    me = np.arange(far.shape[1])[:, None] == np.arange(far.shape[2])
    far = jnp.where(me, jnp.inf, far)
    number = np.arange(far.shape[-1])
    nearer = far[..., None] < far[..., None, :]
    tie = (far[..., None] == far[..., None, :]) & (number[:, None] > number)
    place = (nearer | tie).sum(-1)
    order = jnp.where(place[..., None] == number, number[:, None], 0).sum(-2)
    order = order[..., 1:]
    return _Cast(*(jnp.take_along_axis(field, order, -1) for field in cast))


def _outline(each: _Cast, left: Array, aside: Array) -> tuple[Array, Array]:
    """Give the lowest and the highest point of a body in a column, over its foot, m.

    `left` is how far the body's middle lies to the left of the column, m; `aside` is
    the same, 1 at the body's edge.
    """
    what, off, arc = each.what, jnp.abs(aside), _arc(aside)
    head = left / _HEAD
    skull = _NECK + _HEAD * _arc(head)
    torso = _SHOULDERS * (0.6 + 0.4 * arc)
    high = jnp.where(
        what == _PLAYER, jnp.where(jnp.abs(head) < 1.0, skull, torso), _CUBE
    )
    high = jnp.where(what == _BALL, _SPHERE * (1.0 + arc), high)
    high = jnp.where(what == _POINTED, _PYRAMID * (1.0 - off), high)
    high = jnp.where(what == _FLAT, _SLAB, high)
    hangs = (what == _BALL) & ~each.icy
    return jnp.where(hangs, _SPHERE * (1.0 - arc), 0.0), high


def _paints(
    each: _Cast, sent: Fan, left: Array, aside: Array
) -> tuple[UInt32[Array, "B P N C"], UInt32[Array, "B P N C"]]:
    """Give the two paints of a body in a column; light falls from the upper right."""
    what = each.what
    is_round = (what == _BALL) | (what == _PLAYER)
    edge = jnp.where(what == _POINTED, -0.15, -0.5)
    face = jnp.where(aside > edge, _LIGHT, _SHADE)
    face = jnp.where(is_round, _SHADE + (_LIGHT - _SHADE) * _arc(aside - 0.3), face)
    gleam = jnp.where(is_round, _GLEAM * _arc(2.0 * aside - 0.6), _GLEAM)
    gleam = jnp.where(what == _POINTED, 0.0, gleam)
    upper, lower = lit(each.paint, face * (1.0 - gleam), gleam), lit(each.paint, face)
    # The visor shows where another player looks.
    ray_x, ray_y = sent.x[:, :, None], sent.y[:, :, None]
    away = each.face_x * ray_x + each.face_y * ray_y
    aim = left + _HEAD * (each.face_y * ray_x - each.face_x * ray_y)
    visor = (what == _PLAYER) & (away < _AWAY) & (jnp.abs(aim) < _VISOR)
    upper = jnp.where(visor, jnp.uint32(VISOR), upper)
    return upper, jnp.where(each.icy, jnp.uint32(ICE), lower)


def _arc(part: Array) -> Array:
    """Give the height of a half circle of radius 1 at a part of it."""
    return jnp.sqrt(jnp.maximum(1.0 - part * part, 0.0))
