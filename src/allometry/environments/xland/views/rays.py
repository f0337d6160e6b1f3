"""Rays: the observation as what is met by a fan of rays from a player's eyes.

Each array belongs to one player; numbers lie in [−1, 1]. Distances are divided by 1.5
arenas, and are 1 where nothing is met; heights are over the eye, divided by 3 and cut.

| array | shape | fields, in order |
|---|---|---|
| `rays` | 24, 28 | from left to right; of the first change of the floor (5): distance, height beyond it, too high to climb, a drop, a ramp; of where sight ends, the first floor above the eye (3): distance, height, a wall; of the first floor in sight that is not grey (4): distance, colour (3); of the first body (16): there, distance, height of its foot, held, frozen or tagged, a player (3: the next after me, …), shape (4), colour (4) |
| `hand` | 9 | of what I hold: there, shape (4), colour (4) |
| `goal`, `rules`, `self` | | see `told` |

Rays lie at equal angles within 60° of ahead, with a full view all around. A body is met
where its disc is, if the floor does not hide its middle; what I hold is not. Nothing is
hidden by a body but the bodies behind it.
"""  # noqa: E501

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from allometry.environments.xland import told
from allometry.environments.xland.bodies import OBJECT_RADIUS, Bodies
from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.copies import folded
from allometry.environments.xland.play import Players
from allometry.environments.xland.relation import EYE, HALF_VIEW, Relations
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import FLAT, STEP, Land
from allometry.environments.xland.told import clock, looks, stacked
from allometry.environments.xland.views.fan import (
    Eyes,
    Fan,
    cells,
    eyes_of,
    fan,
    highest,
    returned,
    rises,
    spread,
    toward,
    turned,
)
from allometry.specs import ArraySpec

#: Number of rays; heights are divided by so many metres.
RAYS, _HEIGHTS = 24, 3.0
_OTHERS = 3
_LOOKS = len(SHAPES) + len(COLOURS)
_FIELDS = 5 + 3 + len(FLOORS) + 5 + _OTHERS + _LOOKS
#: Lower than any rise.
_NOTHING = -1e6


class Rays(NamedTuple):
    """The observation of all players, or its spec for one."""

    rays: Float[Array, "P R F"] | ArraySpec
    hand: Float[Array, "P H"] | ArraySpec
    goal: Float[Array, "P K G"] | ArraySpec
    rules: Float[Array, "P R Q"] | ArraySpec
    self: Float[Array, "P S"] | ArraySpec


def spec(dials: Complexity) -> Rays:
    """Describe the observation of one player."""
    rays = told.numbers(RAYS, _FIELDS, layout="sequence")
    return Rays(rays, told.numbers(1 + _LOOKS), *told.spec(dials))


def observe(
    dials: Complexity,
    land: Land,
    bodies: Bodies,
    players: Players,
    relations: Relations,
    time: Int[Array, "*B"],
    trial: Int[Array, "*B"],
    reward: Float[Array, "P *B"],
) -> tuple[Array, Array, Array]:
    """Give every player's `rays`, `hand` and `self`; copies are the last axes."""
    del relations
    eyes = eyes_of(bodies, players)
    half = math.pi if dials.view == "full" else HALF_VIEW
    sent = fan(land, eyes, spread(half, RAYS))
    before, beyond = rises(sent, eyes)
    fields = [
        *_change(dials, sent, before, beyond),
        *_end(dials, sent, before, beyond),
        *_painted(dials, sent, before, beyond),
        *_bodies(dials, sent, eyes, jnp.maximum(before, beyond), bodies, players),
    ]
    rays = jnp.clip(stacked(fields, -1), -1.0, 1.0)
    own = clock(dials, bodies, players, time, trial, reward)
    return returned(rays, time.shape), _hand(dials, bodies), own


def _reach(dials: Complexity) -> float:
    """Give what distances are divided by, m."""
    return 1.5 * dials.arena


def _first(
    found: Sequence[Bool[Array, "B P R"]], fields: list[tuple[Array, float]]
) -> list[Float[Array, "B P R"]]:
    """Give fields `[B, P, K, R]` at the first border found, each with its default."""
    firsts = [jnp.full(found[0].shape, default) for _, default in fields]
    for border in reversed(range(len(found))):
        firsts = [
            jnp.where(found[border], field[:, :, border], nearest)
            for (field, _), nearest in zip(fields, firsts, strict=True)
        ]
    return firsts


def _each(found: Bool[Array, "B P K R"]) -> list[Bool[Array, "B P R"]]:
    return [found[:, :, border] for border in range(found.shape[2])]


def _change(dials: Complexity, sent: Fan, before: Array, beyond: Array) -> list[Array]:
    """Find the first border at which the floor jumps, or a ramp begins."""
    jump = (beyond - before) * sent.distance
    up, down = jump > STEP, jump < -STEP
    ramp, last = cells(sent.beyond).ramp, cells(sent.before).ramp
    begins = (ramp != FLAT) & (ramp != last) & ~up & ~down
    return _first(
        _each(up | down | begins),
        [
            (sent.distance / _reach(dials), 1.0),
            (beyond * sent.distance / _HEIGHTS, 0.0),
            (up, 0.0),
            (down, 0.0),
            (begins, 0.0),
        ],
    )


def _end(dials: Complexity, sent: Fan, before: Array, beyond: Array) -> list[Array]:
    """Find the first border where a floor lies above the eye."""
    rise = jnp.maximum(before, beyond)
    wall = cells(sent.beyond).level >= wall_height(dials)
    return _first(
        _each(rise > 0),
        [
            (sent.distance / _reach(dials), 1.0),
            (rise * sent.distance / _HEIGHTS, 0.0),
            (wall, 0.0),
        ],
    )


def _painted(dials: Complexity, sent: Fan, before: Array, beyond: Array) -> list[Array]:
    """Find the first floor of a colour of which something is in sight.

    Of a floor that is seen at all, its far edge is; the nearest one is the eye's own.
    """
    colour, rise = cells(sent.before).colour, jnp.maximum(before, beyond)
    hidden, found = jnp.full_like(rise[:, :, 0], _NOTHING), []
    for border in range(rise.shape[2]):
        seen = before[:, :, border] > hidden
        found.append((colour[:, :, border] > 0) & seen)
        hidden = jnp.maximum(hidden, rise[:, :, border])
    begin = jnp.pad(sent.distance[:, :, :-1], ((0, 0), (0, 0), (1, 0), (0, 0)))
    colours = range(1, len(FLOORS))
    return _first(
        found, [(begin / _reach(dials), 1.0), *((colour == n, 0.0) for n in colours)]
    )


def _bodies(
    dials: Complexity,
    sent: Fan,
    eyes: Eyes,
    rise: Array,
    bodies: Bodies,
    players: Players,
) -> list[Array]:
    """Find the nearest body on each ray."""
    count, total = players.heading.shape[0], bodies.kind.shape[0]
    me, number = np.arange(count)[:, None], np.arange(total)

    def each(field: Array) -> Array:
        """Turn `[N, *B]` to lie along the bodies of `[B, P, N, R]`."""
        return turned(field)[:, None, :, None]

    x, y = turned(bodies.x)[:, None], turned(bodies.y)[:, None]
    right, up = x - eyes.x[..., None], y - eyes.y[..., None]
    far = jnp.sqrt(right * right + up * up)
    ahead, left = toward(sent, eyes, x, y)
    foot = each(bodies.height) - eyes.height[..., None, None]
    holder, radius = each(bodies.holder), each(bodies.radius)
    mine = holder == me[..., None]
    middle = (foot + EYE) / jnp.maximum(far, OBJECT_RADIUS)[..., None]
    shows = middle >= highest(sent, rise, far, _NOTHING)
    other = jnp.asarray(number != me)[..., None]
    meets = each(bodies.exists) & other & ~mine & (ahead > 0) & (jnp.abs(left) < radius)
    surface = ahead - jnp.sqrt(jnp.maximum(radius**2 - left**2, 0.0))
    surface = jnp.where(meets & shows, surface, jnp.inf)
    rest = ((0, total - count), *[(0, 0)] * (players.tagged.ndim - 1))
    still = bodies.frozen | jnp.pad(players.tagged > 0, rest)
    kind = each(bodies.kind)
    after = jnp.where(kind < 0, ((number - me) % count)[..., None], 0)
    near, height, held, fixed, who, which = _nearest(
        surface,
        [(foot, 0.0), (holder >= 0, 0), (each(still), 0), (after, 0), (kind, -1)],
    )
    return [
        near < jnp.inf,
        near / _reach(dials),
        height / _HEIGHTS,
        held,
        fixed,
        *(who == other for other in range(1, 1 + _OTHERS)),
        *looks(which, dials),
    ]


def _nearest(
    distance: Float[Array, "B P N R"], fields: list[tuple[Array, float | int]]
) -> list[Array]:
    """Give the least distance, and fields at it, each with its default."""
    best = jnp.full_like(distance[:, :, 0], jnp.inf)
    found = [jnp.full(best.shape, default, field.dtype) for field, default in fields]
    for body in range(distance.shape[2]):
        nearer = distance[:, :, body] < best
        best = jnp.minimum(best, distance[:, :, body])
        found = [
            jnp.where(nearer, field[:, :, body], old)
            for (field, _), old in zip(fields, found, strict=True)
        ]
    return [best, *found]


def _hand(dials: Complexity, bodies: Bodies) -> Float[Array, "P H *B"]:
    """Say what each player holds."""
    rows = []
    for me in range(dials.players):
        mine = bodies.holder == me
        kind = folded(jnp.maximum, jnp.where(mine, bodies.kind, -1))
        rows.append(stacked([folded(jnp.logical_or, mine), *looks(kind, dials)], 0))
    return jnp.stack(rows)
