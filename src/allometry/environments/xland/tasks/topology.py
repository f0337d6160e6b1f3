"""Topology: terrains drawn from a key; every open cell can be walked to and back.

Walls (none, rooms with doors, or scattered) and hills (none, or plateaus with ramps)
are drawn apart: a `mixed` terrain has any of the one with any of the other. Then the
largest part whose cells can be walked between in both directions is kept, and all else
becomes wall. Edges that can only be fallen from lie within that part.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int8, Key

from allometry.environments.xland.complexity import FLOORS, Complexity
from allometry.environments.xland.tasks.chance import Chance, draw
from allometry.environments.xland.tasks.hills import hills, ramps
from allometry.environments.xland.tasks.rooms import rooms
from allometry.environments.xland.terrain import FLAT, STEP, Terrain

#: Height of a floor along its edges to east, west, north and south, above its lowest,
#: by the code of its ramp; in the middle of the edge.
_EDGES = (
    (0.0, 1.0, 0.0, 0.5, 0.5),
    (0.0, 0.0, 1.0, 0.5, 0.5),
    (0.0, 0.5, 0.5, 1.0, 0.0),
    (0.0, 0.5, 0.5, 0.0, 1.0),
)
#: Probability that a floor's patch is coloured, and the side of a patch.
_COLOURED, _PATCH = 0.3, 2
#: Floor colours other than grey.
_PAINTS = len(FLOORS) - 1
#: The eight cells around one, in order around it, from the east.
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
#: With less than this share of cells left, a terrain is given up for an empty one.
LEAST_OPEN = 0.5


class Drawn(NamedTuple):
    """Heights, ramps and walls of an arena `[n, n]`, connected or not."""

    height: Int[Array, "n n"]
    ramp: Int[Array, "n n"]
    wall: Bool[Array, "n n"]


def generate(
    key: Key[Array, ""], dials: Complexity, side: Int[Array, ""] | None = None
) -> Terrain:
    """Draw a terrain, of a split's side if one is given; consumes the key."""
    return draw(key, lambda chance: terrain(chance, dials, side))


def terrain(
    chance: Chance, dials: Complexity, side: Int[Array, ""] | None = None
) -> Terrain:
    """Draw a terrain, connect it, and paint its floor.

    `side` 0 or 1 is the split that it must belong to: an even or odd number of walls.
    """
    drawn = _ringed(connected(_drawn(chance, dials)), dials)
    if side is not None:
        drawn = _sided(chance, drawn, side, dials)
    return drawn._replace(colour=_colours(chance, drawn, dials))


def wall_height(dials: Complexity) -> int:
    """Give the height of walls: nothing is thrown over them from any floor.

    At most 7, with the most levels: a cell's height has three bits (see `terrain`).
    """
    return dials.levels + 2


def is_open(terrain: Terrain, dials: Complexity) -> Bool[Array, "A A"]:
    """Say which cells are no walls."""
    return terrain.height < wall_height(dials)


def _drawn(chance: Chance, dials: Complexity) -> Drawn:
    n, levels, mixed = dials.arena, dials.levels, dials.terrain == "mixed"
    height, ramp = jnp.zeros((n, n), jnp.int32), jnp.full((n, n), FLAT)
    wall = none = jnp.zeros((n, n), bool)
    if mixed or dials.terrain == "rooms":
        wall = rooms(chance, n)
    if mixed or dials.terrain == "walls":
        scattered = chance.coin(dials.density, n, n)
        kind = chance.whole(3) if mixed else 2
        wall = jnp.stack([none, wall, scattered])[kind]
    if levels and (mixed or dials.terrain == "plateaus"):
        hilly = chance.coin(0.5) | (not mixed)
        height = jnp.where(hilly, hills(chance, n, levels), 0)
        ramp = ramps(chance, height, wall, levels)
    return Drawn(height, ramp, wall)


def connected(drawn: Drawn) -> Drawn:
    """Keep the largest part that can be walked both ways; the rest becomes wall.

    Before that, walls are opened that stand between that part and another. Where too
    little is left, the arena is emptied.
    """
    part = _largest(drawn)
    near = _neighbours(part).any(0)
    other = _neighbours(~drawn.wall & ~part).any(0)
    drawn = drawn._replace(wall=drawn.wall & ~(near & other))
    part = _largest(drawn)
    enough = part.mean() >= LEAST_OPEN
    return Drawn(
        jnp.where(enough, drawn.height, 0),
        jnp.where(enough & part, drawn.ramp, FLAT),
        ~part & enough,
    )


def _neighbours(field: Array) -> Array:
    """Give a field's values to east, west, north and south, `[4, n, n]`; 0 beyond."""
    return jnp.stack(
        [
            jnp.pad(field[1:], ((0, 1), (0, 0))),
            jnp.pad(field[:-1], ((1, 0), (0, 0))),
            jnp.pad(field[:, 1:], ((0, 0), (0, 1))),
            jnp.pad(field[:, :-1], ((0, 0), (1, 0))),
        ]
    )


def _largest(drawn: Drawn) -> Bool[Array, "n n"]:
    """Say which cells are of the largest part.

    Cells are labelled by the highest number of a cell that can be walked to: labels
    spread to neighbours, and each takes on the label of the cell that it names.
    """
    n = len(drawn.wall)
    ways = _ways(drawn)
    number = jnp.arange(n * n).reshape(n, n)
    start = jnp.where(drawn.wall, 0, number + 1)

    def spread(state: tuple[Array, Array]) -> tuple[Array, Array]:
        label, _ = state
        new = jnp.maximum(label, jnp.where(ways, _neighbours(label), 0).max(0))
        new = jnp.where(drawn.wall, 0, new.ravel()[new - 1])
        return new, (new != label).any()

    label, _ = jax.lax.while_loop(lambda s: s[1], spread, (start, jnp.array(True)))
    count = jnp.zeros(n * n + 1, jnp.int32).at[label].add(~drawn.wall)
    return (label == count.argmax()) & ~drawn.wall


def _ways(drawn: Drawn) -> Bool[Array, "4 n n"]:
    """Say whether a cell's neighbours can be walked to and back.

    They can if their floors meet in the middle of the edge between.
    """
    edge = drawn.height + jnp.asarray(_EDGES)[:, drawn.ramp]
    open_ = ~drawn.wall
    facing = jnp.stack(
        [_neighbours(edge[back])[way] for way, back in enumerate((1, 0, 3, 2))]
    )
    return (jnp.abs(edge - facing) <= STEP) & open_ & _neighbours(open_)


def _ringed(drawn: Drawn, dials: Complexity) -> Terrain:
    """Put a ring of wall around an arena."""
    top = wall_height(dials)
    height = jnp.where(drawn.wall, top, drawn.height)
    return Terrain(
        height=jnp.pad(height, 1, constant_values=top).astype(jnp.int8),
        ramp=jnp.pad(drawn.ramp, 1, constant_values=FLAT).astype(jnp.int8),
        colour=jnp.zeros([dials.arena + 2] * 2, jnp.int8),
    )


def _sided(
    chance: Chance, drawn: Terrain, side: Int[Array, ""], dials: Complexity
) -> Terrain:
    """Make one more cell a wall where the number of walls is odd and must be even.

    So no topology of one split is one of the other. A terrain that has no cell that
    others can do without becomes an empty one, or that with one wall in a corner. Only
    where the dial `terrain` wants all arenas empty is the same one in both.
    """
    if dials.terrain == "empty":
        return drawn
    side_length = dials.arena + 2
    can = is_open(drawn, dials) & (drawn.ramp == FLAT) & ~passages(drawn)
    score = jnp.where(can, chance.uniform(side_length, side_length), -1.0)
    walls = (~is_open(drawn, dials)).sum()
    wrong = walls % 2 != side
    here = jnp.arange(score.size).reshape(score.shape) == score.argmax()
    height = jnp.where(here & wrong, wall_height(dials), drawn.height)
    lost = wrong & ~can.any()
    top = wall_height(dials)
    bare = jnp.zeros([dials.arena] * 2, jnp.int32).at[0, 0].set(top * (side == 1))
    bare = jnp.pad(bare, 1, constant_values=top)
    return drawn._replace(
        height=jnp.where(lost, bare, height).astype(jnp.int8),
        ramp=jnp.where(lost, FLAT, drawn.ramp).astype(jnp.int8),
    )


def passages(drawn: Terrain) -> Bool[Array, "A A"]:
    """Say on which cells something would cut off others, or stand before a ramp.

    The flat neighbours of such a cell that are level with it do not hang together
    around it: their number of parts is Yokoi's connectivity number
    Σ (xₖ − xₖ xₖ₊₁ xₖ₊₂) over the four sides.
    """

    def beside(field: Array, dx: int, dy: int) -> Array:
        return jnp.roll(field, (-dx, -dy), (0, 1))

    floors = jnp.where(drawn.ramp == FLAT, drawn.height, -1)
    level = jnp.stack([floors == beside(floors, *way) for way in _AROUND])
    parts = jnp.stack(
        [level[k] & ~(level[k + 1] & level[(k + 2) % 8]) for k in range(0, 8, 2)]
    )
    ramps = jnp.stack([beside(drawn.ramp, *way) != FLAT for way in _AROUND[::2]])
    return (parts.sum(0) > 1) | ramps.any(0)


def _colours(chance: Chance, drawn: Terrain, dials: Complexity) -> Int8[Array, "A A"]:
    """Colour square patches of the floor; most stay grey, colour 0.

    Each colour is there on a flat cell at least, so that it can be stood on.
    """
    side = dials.arena + 2
    patches = -(-side // _PATCH)
    colour = 1 + chance.whole(_PAINTS, patches, patches)
    coloured = chance.coin(_COLOURED, patches, patches)
    patch = jnp.where(coloured, colour, 0)
    floor = jnp.repeat(jnp.repeat(patch, _PATCH, 0), _PATCH, 1)[:side, :side]
    open_ = is_open(drawn, dials)
    good = open_ & (drawn.ramp == FLAT)
    _, cells = jax.lax.top_k((chance.uniform(side, side) + good).ravel(), _PAINTS)
    one = jnp.arange(side * side).reshape(side, side)
    for number in range(_PAINTS):
        floor = jnp.where(one == cells[number], number + 1, floor)
    return jnp.where(open_, floor, 0).astype(jnp.int8)
