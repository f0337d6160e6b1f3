"""Play: what players do to bodies in an agent step: move, grab, drop, throw, tag."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from allometry.environments.xland.action import Intent
from allometry.environments.xland.bodies import (
    OBJECT_RADIUS,
    PLAYER_RADIUS,
    SUBSTEPS,
    TALL,
    Bodies,
    substep,
)
from allometry.environments.xland.copies import along, folded
from allometry.environments.xland.terrain import STEP, Land, Place, blocked, floor

#: Push of a player's legs, N; turn of an agent step, radians.
FORCE, TURN = 20.0, math.radians(30.0)
#: A hand reaches this far between surfaces, m, within this angle of ahead.
REACH, HALF_REACH = 1.0, math.radians(60.0)
#: Speed of a hard throw, ahead and up, m/s: over a wall of 1 m.
THROW, TOSS = 4.5, 5.0
#: A held object is carried this high, m.
CARRY = 0.2
#: Agent steps for which a tagged player is frozen.
TAGGED = 15
#: A carried object is drawn in by these shares of its distance where there is no room.
_DRAWN_IN = (1.0, 0.6, 0.2)
#: Edges of cells that an arm may cross on either axis.
_EDGES = 2
_FAR = 1e6
_TINY = 1e-6


class Players(NamedTuple):
    """Players `[P]`: heading in radians, and agent steps left to stand frozen."""

    heading: Float[Array, "P *B"]
    tagged: Int[Array, "P *B"]


def advance(
    bodies: Bodies, players: Players, intent: Intent, land: Land, colours: int
) -> tuple[Bodies, Players]:
    """Carry out the players' intents, then let physics run for an agent step."""
    awake = players.tagged == 0
    heading = players.heading + jnp.where(awake, TURN * intent.turn, 0.0)
    heading = jnp.mod(heading, 2 * jnp.pi)
    ahead = jnp.cos(heading), jnp.sin(heading)
    hands = [~folded(jnp.logical_or, bodies.holder == n) for n in range(len(awake))]
    bodies = _let_go(bodies, intent, awake, ahead)
    gap, reach = _to_hand(bodies, ahead, land)
    bodies = _grabbed(bodies, intent.grab & awake & jnp.stack(hands), gap, reach)
    tagged = _tagged(players, intent, awake, gap, reach)
    x = intent.move * ahead[0] - intent.strafe * ahead[1]
    y = intent.move * ahead[1] + intent.strafe * ahead[0]
    push = awake * FORCE / jnp.maximum(1.0, jnp.sqrt(x * x + y * y + _TINY))
    none = jnp.zeros((bodies.kind.shape[0] - heading.shape[0], *heading.shape[1:]))
    force = jnp.concatenate([push * x, none]), jnp.concatenate([push * y, none])
    for _ in range(SUBSTEPS):
        bodies = _carried(substep(bodies, force, land, colours), ahead, land)
    return bodies, Players(heading, tagged)


def _of_holder(field: Array, bodies: Bodies) -> Array:
    """Give each held object a number `[P]` of its holder, 0 to all else."""
    found = jnp.zeros(bodies.kind.shape, field.dtype)
    for player in range(field.shape[0]):
        found = jnp.where(bodies.holder == player, field[player], found)
    return found


def _to_hand(
    bodies: Bodies, ahead: Place, land: Land
) -> tuple[Float[Array, "P N *B"], Bool[Array, "P N *B"]]:
    """Give the way from each player to each body between surfaces, and if in reach.

    Nothing is reached through what is higher than a step above both.
    """
    players = ahead[0].shape[0]
    x = bodies.x[None] - bodies.x[:players, None]
    y = bodies.y[None] - bodies.y[:players, None]
    distance = jnp.sqrt(x * x + y * y + _TINY)
    gap = distance - PLAYER_RADIUS - bodies.radius[None]
    forward = ahead[0][:, None] * x + ahead[1][:, None] * y
    level = jnp.abs(bodies.height[None] - bodies.height[:players, None]) < TALL
    other = along(np.arange(x.shape[1]), x, 1) != along(np.arange(players), x)
    reach = (gap <= REACH) & (forward >= math.cos(HALF_REACH) * distance)
    top = jnp.maximum(bodies.height[None], bodies.height[:players, None]) + STEP
    start_x, start_y = (
        jnp.broadcast_to(side[:players, None], x.shape) for side in bodies.place
    )
    way = x, y
    stopped = blocked(
        land, (start_x, start_y), way, lambda share: top + 0.0 * share, _EDGES
    )
    return gap, reach & level & other & bodies.exists & ~stopped


def _let_go(bodies: Bodies, intent: Intent, awake: Array, ahead: Place) -> Bodies:
    """Drop or throw what is held; a frozen player holds on."""
    players = ahead[0].shape[0]
    throw = intent.throw * awake
    goes = _of_holder(awake & (intent.drop | (intent.throw > 0)), bodies)
    u = bodies.u[:players] + THROW * throw * ahead[0]
    v = bodies.v[:players] + THROW * throw * ahead[1]
    climb = jnp.where(throw > 0, TOSS, 0.0)
    return bodies._replace(
        u=jnp.where(goes, _of_holder(u, bodies), bodies.u),
        v=jnp.where(goes, _of_holder(v, bodies), bodies.v),
        climb=jnp.where(goes, _of_holder(climb, bodies), bodies.climb),
        holder=jnp.where(goes, -1, bodies.holder),
    )


def _grabbed(bodies: Bodies, grabs: Array, gap: Array, reach: Array) -> Bodies:
    """Let each player take the nearest object in reach, if its hand was empty.

    Who comes first in the order of players takes first.
    """
    holder = bodies.holder
    rows = along(np.arange(bodies.kind.shape[0]), bodies.kind)
    for player in range(gap.shape[0]):
        loose = (holder < 0) & (bodies.kind >= 0) & ~bodies.frozen
        can = reach[player] & loose
        nearest = jnp.where(can, gap[player], _FAR).argmin(0)
        takes = grabs[player] & ~(holder == player).any(0) & can.any(0)
        holder = jnp.where(takes & (rows == nearest), player, holder)
    held = holder >= 0
    return bodies._replace(
        holder=holder,
        u=jnp.where(held, 0.0, bodies.u),
        v=jnp.where(held, 0.0, bodies.v),
        climb=jnp.where(held, 0.0, bodies.climb),
    )


def _tagged(
    players: Players, intent: Intent, awake: Array, gap: Array, reach: Array
) -> Int[Array, "P *B"]:
    """Freeze, or free, the nearest player in reach; count down who is frozen."""
    count = gap.shape[0]
    gap = jnp.where(reach[:, :count], gap[:, :count], _FAR)
    nearest = gap.argmin(1)
    there = (gap.min(1) < _FAR) & awake
    chosen = nearest[:, None] == along(np.arange(count), gap, 1)
    hit = (chosen & (intent.tag & there)[:, None]).any(0)
    freed = (chosen & (intent.free & there)[:, None]).any(0)
    left = jnp.where(freed, 0, jnp.maximum(players.tagged - 1, 0))
    return jnp.where(hit & awake, TAGGED, left)


def _carried(bodies: Bodies, ahead: Place, land: Land) -> Bodies:
    """Put what is held before its holder, nearer where a wall leaves no room.

    No hand goes past a wall, nor between two that meet at a corner.
    """
    players = ahead[0].shape[0]
    arm = PLAYER_RADIUS + OBJECT_RADIUS
    x, y = bodies.x[:players], bodies.y[:players]
    height = bodies.height[:players]

    def free(x: Array, y: Array) -> Array:
        return floor(land, (x, y)) <= height + STEP

    at, room = (x, y), jnp.ones_like(x, bool)
    for share in reversed(_DRAWN_IN):
        spot = x + share * arm * ahead[0], y + share * arm * ahead[1]
        room &= free(*spot) & (free(spot[0], y) | free(x, spot[1]))
        at = jnp.where(room, spot[0], at[0]), jnp.where(room, spot[1], at[1])
    held = bodies.holder >= 0
    return bodies._replace(
        x=jnp.where(held, _of_holder(at[0], bodies), bodies.x),
        y=jnp.where(held, _of_holder(at[1], bodies), bodies.y),
        height=jnp.where(held, _of_holder(height, bodies) + CARRY, bodies.height),
    )
