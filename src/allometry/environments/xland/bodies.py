"""Bodies: point masses with a radius on a terrain; how a step of physics moves them.

Players come first along the axis of bodies, then objects. Semi-implicit Euler at `DT`;
contacts take away the speed at which bodies meet (no bounce) and then push overlaps
apart, without giving speed, so that energy never grows by itself. A cell whose floor at
its nearest point lies more than a step above a body is a wall to it.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from allometry.environments.xland.copies import along, folded, others, settled
from allometry.environments.xland.terrain import (
    STEP,
    Land,
    Place,
    cell,
    floor,
    height_in,
    look,
)

#: Seconds of a substep, and substeps of an agent step: 7.5 agent steps a second.
DT, SUBSTEPS = 1 / 15, 2
#: Radius and mass of a player; radius of an object and mass by shape, m and kg.
PLAYER_RADIUS, PLAYER_MASS = 0.3, 2.0
OBJECT_RADIUS = 0.2
MASSES = (1.0, 0.5, 1.5, 4.0)
#: Share of speed that friction leaves after a second on the ground; air leaves all.
SLOWING = 0.02
#: The fastest that anything moves over the ground, m/s.
FASTEST = 4.5
GRAVITY = 10.0
#: Bodies whose heights differ by more pass over each other, m.
TALL = 0.8
_TINY = 1e-6
#: Bodies in one place are taken to be so far apart, m.
_APART = 1e-3
#: Golden angle, radians: its multiples are ways far from each other.
_GOLDEN = 2.4


class Bodies(NamedTuple):
    """Bodies: `[N]`, with trailing axes of copies.

    `x`, `y` and `u`, `v` are place and speed over the ground, m and m/s; `height` is
    that of the foot and `climb` its speed. `kind` is an object's kind, −1 of a player;
    `exists` says whether a slot is in use. `frozen` bodies cannot be moved. `holder` is
    the index of the player that holds an object, −1 of none.
    """

    x: Float[Array, "N *B"]
    y: Float[Array, "N *B"]
    u: Float[Array, "N *B"]
    v: Float[Array, "N *B"]
    height: Float[Array, "N *B"]
    climb: Float[Array, "N *B"]
    kind: Int[Array, "N *B"]
    exists: Bool[Array, "N *B"]
    frozen: Bool[Array, "N *B"]
    holder: Int[Array, "N *B"]

    @property
    def place(self) -> Place:
        """Where bodies are."""
        return self.x, self.y

    @property
    def radius(self) -> Float[Array, "N *B"]:
        """Radius of each body, m."""
        return jnp.where(self.kind < 0, PLAYER_RADIUS, OBJECT_RADIUS)


def mass(kind: Int[Array, "N *B"], colours: int) -> Float[Array, "N *B"]:
    """Give the mass of each body, kg, by its shape."""
    found = jnp.full(kind.shape, PLAYER_MASS)
    for shape, each in enumerate(MASSES):
        found = jnp.where((kind >= 0) & (kind // colours == shape), each, found)
    return found


def substep(bodies: Bodies, force: Place, land: Land, colours: int) -> Bodies:
    """Advance by `DT`. Held bodies stay where they are: their holder carries them."""
    free = bodies.exists & (bodies.holder < 0)
    moves = free & ~bodies.frozen
    light = jnp.where(moves, 1.0 / mass(bodies.kind, colours), 0.0)
    grounded = bodies.height <= floor(land, bodies.place) + _TINY
    keeps = jnp.where(moves, jnp.where(grounded, SLOWING**DT, 1.0), 0.0)
    legs = DT * light * grounded
    u = (bodies.u + legs * force[0]) * keeps
    v = (bodies.v + legs * force[1]) * keeps
    brake = jnp.minimum(1.0, FASTEST / jnp.sqrt(u * u + v * v + _TINY))
    speed, light = settled(((u * brake, v * brake), light))
    place, speed = settled(_met(bodies, speed, light, free))
    (x, y), (u, v) = settled(_walled(bodies, place, speed, land))
    height, climb = _fallen(bodies, (x, y), land, moves)
    return bodies._replace(x=x, y=y, u=u, v=v, height=height, climb=climb)


def _met(
    bodies: Bodies, speed: Place, light: Array, free: Array
) -> tuple[Place, Place]:
    """Move bodies, push those that overlap apart, and let them approach no further.

    The lighter one is pushed further. Each contact alone takes energy away. Their sum
    is divided by one more than the most contacts of any body: contacts can be dealt
    into that many sets in which no body occurs twice (Vizing), so that the mean over
    sets takes energy away too. Contacts of which no two share a body are one such set.
    """
    u, v = speed
    x, y = settled((bodies.x + DT * u, bodies.y + DT * v))
    right, up = x[:, None] - x[None], y[:, None] - y[None]
    # Bodies in one place part, each pair another way.
    rows = along(np.arange(x.shape[0], dtype=np.float32), x)
    order = _APART * jnp.sign(rows[:, None] - rows[None])
    angle = _GOLDEN * (rows[:, None] + rows[None])
    same = jnp.abs(right) + jnp.abs(up) < _TINY
    right = jnp.where(same, order * jnp.cos(angle), right)
    up = jnp.where(same, order * jnp.sin(angle), up)
    square = right * right + up * up + _TINY
    reach = bodies.radius[:, None] + bodies.radius[None]
    level = jnp.abs(bodies.height[:, None] - bodies.height[None]) < TALL
    pair = free[:, None] & free[None] & others(square)
    meets = settled((square < reach * reach) & level & pair)
    most = folded(jnp.maximum, folded(jnp.add, meets.astype(jnp.int8)))
    most = settled(most.astype(jnp.float32))
    share = jnp.where(most > 1, 1.0 / (1.0 + most), 1.0)
    ease = light[:, None] + light[None]
    weight = jnp.where(meets & (ease > 0), light[:, None] / (ease + _TINY), 0.0)
    # Both as multiples of the way between the two, whose square is `square`.
    approach = (u[:, None] - u[None]) * right + (v[:, None] - v[None]) * up
    impulse = weight * share * jnp.maximum(-approach, 0.0) / square
    nearness = reach * jax.lax.rsqrt(square) - 1.0
    impulse, apart = settled((impulse, weight / jnp.maximum(most, 1) * nearness))
    place = x + _total(apart * right), y + _total(apart * up)
    return place, (u + _total(impulse * right), v + _total(impulse * up))


def _total(pairs: Array) -> Array:
    return folded(jnp.add, pairs, 1)


def _walled(
    bodies: Bodies, place: Place, speed: Place, land: Land
) -> tuple[Place, Place]:
    """Keep bodies out of walls: first the faces of cells, then their corners."""
    i, j = cell(land, bodies.place)
    reach, radius = bodies.height + STEP, bodies.radius
    x, y = place
    steps = [s for s in itertools.product((-1, 0, 1), repeat=2) if s != (0, 0)]
    right, up = np.array(steps).T
    beside_i, beside_j = i + along(right, i[None]), j + along(up, j[None])
    nearest = (
        jnp.clip(x, beside_i, beside_i + 1.0),
        jnp.clip(y, beside_j, beside_j + 1.0),
    )
    code = look(land, beside_i, beside_j)
    above = settled(height_in(code, beside_i, beside_j, nearest) > reach)
    wall = {step: above[number] for number, step in enumerate(steps)}
    far = 1e6
    x = jnp.minimum(x, jnp.where(wall[1, 0], i + 1.0 - radius, far))
    x = jnp.maximum(x, jnp.where(wall[-1, 0], i + radius, -far))
    y = jnp.minimum(y, jnp.where(wall[0, 1], j + 1.0 - radius, far))
    y = jnp.maximum(y, jnp.where(wall[0, -1], j + radius, -far))
    for dx, dy in itertools.product((1, -1), repeat=2):
        corner = i + (dx + 1) // 2, j + (dy + 1) // 2
        way = x - corner[0], y - corner[1]
        distance = jnp.sqrt(way[0] ** 2 + way[1] ** 2 + _TINY)
        hit = wall[dx, dy] & ~wall[dx, 0] & ~wall[0, dy] & (distance < radius)
        x = jnp.where(hit, corner[0] + way[0] / distance * radius, x)
        y = jnp.where(hit, corner[1] + way[1] / distance * radius, y)
    x, y = settled((x, y))
    # Whoever has come into a cell that is a wall to it stays where it was.
    inside = floor(land, (x, y)) > reach
    kept = jnp.where(inside, bodies.x, x), jnp.where(inside, bodies.y, y)
    u, v = (
        _slowed(fast, old, new, wished)
        for fast, old, new, wished in zip(speed, bodies.place, kept, place, strict=True)
    )
    return kept, (u, v)


def _slowed(speed: Array, old: Array, new: Array, wished: Array) -> Array:
    """Take away the speed along one axis that a wall has stopped."""
    made = (new - old) / DT
    same = jnp.sign(made) == jnp.sign(speed)
    left = jnp.where(same, jnp.minimum(jnp.abs(made), jnp.abs(speed)), 0.0)
    return jnp.where(jnp.abs(new - wished) > _TINY, jnp.sign(speed) * left, speed)


def _fallen(
    bodies: Bodies, place: Place, land: Land, moves: Array
) -> tuple[Array, Array]:
    """Let bodies fall to the floor under them, or be lifted by a ramp."""
    under = floor(land, place)
    climb = bodies.climb - DT * GRAVITY
    height = bodies.height + DT * climb
    lands = height <= under
    height = jnp.where(lands, under, height)
    climb = jnp.where(lands, 0.0, climb)
    return jnp.where(moves, height, bodies.height), jnp.where(moves, climb, 0.0)
