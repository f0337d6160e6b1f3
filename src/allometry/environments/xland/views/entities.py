"""Entities: the observation as tables, egocentric, of what is in sight.

Each array belongs to one player; numbers lie in [−1, 1].

| array | shape | fields, in order |
|---|---|---|
| `bodies` | N, 20 | there and in sight; it is me; a player; ahead, left (÷ 1.5 arenas), up (÷ arena); distance (÷ 1.5 arenas); speed ahead, left (÷ fastest); held; held by me; frozen or tagged; shape (4); colour (4) |
| `floor` | 7, 7, 5 | around me, rows ahead to behind, columns left to right, 1 m apart, turned with me: height above my foot (÷ 3, clipped); wall; floor colour (3: none is grey) |
| `goal`, `rules`, `self` | | see `told` |

With a partial view a body is in sight within 60° of ahead if neither terrain nor a third
body stands between; my own and what I hold always are. Nothing of the floor is hidden.
"""  # noqa: E501

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from allometry.environments.xland import told
from allometry.environments.xland.bodies import FASTEST, Bodies
from allometry.environments.xland.complexity import (
    COLOURS,
    FLOORS,
    SHAPES,
    Complexity,
)
from allometry.environments.xland.copies import along, settled
from allometry.environments.xland.play import Players
from allometry.environments.xland.relation import SEE, Relations
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import (
    Land,
    cell,
    colour_in,
    height_in,
    level_in,
    look,
)
from allometry.environments.xland.told import clock, looks, stacked
from allometry.specs import ArraySpec

#: Side of the patch of floor, cells; heights are divided by so many metres.
PATCH, _HEIGHTS = 7, 3.0
_BODY = 12 + len(SHAPES) + len(COLOURS)


class Entities(NamedTuple):
    """The observation of all players, or its spec for one."""

    bodies: Float[Array, "P N F"] | ArraySpec
    floor: Float[Array, "P 7 7 C"] | ArraySpec
    goal: Float[Array, "P K G"] | ArraySpec
    rules: Float[Array, "P R Q"] | ArraySpec
    self: Float[Array, "P S"] | ArraySpec


def spec(dials: Complexity) -> Entities:
    """Describe the observation of one player."""
    words = told.spec(dials)
    return Entities(
        bodies=told.numbers(dials.bodies, _BODY, layout="set"),
        floor=told.numbers(PATCH, PATCH, 1 + len(FLOORS), layout="image"),
        goal=words.goal,
        rules=words.rules,
        self=words.self,
    )


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
    """Give every player's `bodies`, `floor` and `self`; copies are the last axes."""
    count = dials.players
    visible = (relations & jnp.uint16(1 << SEE)) > 0
    if dials.view == "full":
        visible = jnp.ones_like(visible)
    tables, patches = [], []
    for me in range(count):
        turn = jnp.cos(players.heading[me]), jnp.sin(players.heading[me])
        tables.append(
            settled(_table(me, visible[me], turn, bodies, players.tagged, dials))
        )
        patches.append(settled(_patch(me, turn, bodies, land, dials)))
    own = clock(dials, bodies, players, time, trial, reward)
    return jnp.stack(tables), jnp.stack(patches), own


def _table(
    me: int,
    visible: Array,
    turn: tuple[Array, Array],
    bodies: Bodies,
    tagged: Int[Array, "P *B"],
    dials: Complexity,
) -> Float[Array, "N F *B"]:
    cosine, sine = turn

    def turned(x: Array, y: Array) -> tuple[Array, Array]:
        return cosine * x + sine * y, cosine * y - sine * x

    scale = 1.5 * dials.arena
    ahead, left = turned(bodies.x - bodies.x[me], bodies.y - bodies.y[me])
    speed_ahead, speed_left = turned(bodies.u, bodies.v)
    is_me = along(np.arange(bodies.kind.shape[0]) == me, bodies.kind)
    mine = bodies.holder == me
    none = jnp.zeros((len(is_me) - len(tagged), *tagged.shape[1:]), bool)
    stands = jnp.concatenate([tagged > 0, none])
    there = (visible | is_me | mine) & bodies.exists
    columns = [
        jnp.ones_like(ahead),
        jnp.broadcast_to(is_me, ahead.shape),
        bodies.kind < 0,
        ahead / scale,
        left / scale,
        (bodies.height - bodies.height[me]) / dials.arena,
        jnp.sqrt(ahead**2 + left**2) / scale,
        speed_ahead / FASTEST,
        speed_left / FASTEST,
        bodies.holder >= 0,
        mine,
        bodies.frozen | stands,
        *looks(bodies.kind, dials),
    ]
    return jnp.clip(stacked(columns, 1) * there[:, None], -1.0, 1.0)


def _patch(
    me: int, turn: tuple[Array, Array], bodies: Bodies, land: Land, dials: Complexity
) -> Float[Array, "7 7 C *B"]:
    cosine, sine = turn
    reach = PATCH // 2 - np.arange(PATCH, dtype=np.float32)
    like = bodies.x[None, :1]
    ahead, left = along(reach, like), along(reach, like, 1)
    x = bodies.x[me] + cosine * ahead - sine * left
    y = bodies.y[me] + sine * ahead + cosine * left
    column, row = cell(land, (x, y))
    code = settled(look(land, column, row))
    foot = settled(height_in(code, column, row, (x, y)) - bodies.height[me])
    channel = along(np.arange(1 + len(FLOORS)), foot[:, :, None], 2)
    wall = level_in(code)[:, :, None] >= wall_height(dials)
    painted = (colour_in(code)[:, :, None] == channel - 1) & ~wall
    flags = jnp.where(channel == 1, wall, painted).astype(jnp.float32)
    rise = jnp.clip(foot / _HEIGHTS, -1.0, 1.0)[:, :, None]
    return jnp.where(channel == 0, rise, flags)
