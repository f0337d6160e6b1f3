"""Sight: what stands where, written down by hand, and what players observe of it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import FLOORS, Complexity
from allometry.environments.xland.copies import copies_last
from allometry.environments.xland.play import Players
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import EAST, FLAT, NORTH, SOUTH, WEST, Terrain

DIALS = Complexity(
    arena=7, levels=2, objects=4, shapes=4, colours=4, rules=2, chain=1, distractors=0,
    players=2, duration=50,
)  # fmt: skip
#: Height of walls, m.
WALL = wall_height(DIALS)
EMPTY = (".......",) * 7
#: Directions of the map's right, top and left.
RIGHT, UP, LEFT = 0.0, np.pi / 2, np.pi
_CELLS = {
    ".": (0, FLAT, 0), "1": (1, FLAT, 0), "2": (2, FLAT, 0), "#": (WALL, FLAT, 0),
    ">": (0, EAST, 0), "<": (0, WEST, 0), "^": (0, NORTH, 0), "v": (0, SOUTH, 0),
    "b": (0, FLAT, 1), "r": (0, FLAT, 2), "w": (0, FLAT, 3),
}  # fmt: skip
#: Where a player is who is not wanted: in a corner, with its back to the arena.
_ASIDE = (1.3, 1.3, -3 * np.pi / 4)


class Sight(NamedTuple):
    """A terrain and the bodies on it."""

    terrain: Terrain
    bodies: Bodies
    players: Players


def kind(shape: int, colour: int) -> int:
    """Number a kind of object."""
    return shape * DIALS.colours + colour


def row(glyphs: str, at: int = 3) -> tuple[str, ...]:
    """Draw a map with one row that is not empty, so many rows from the top."""
    return tuple(glyphs if number == at else "." * 7 for number in range(7))


def sight(
    rows: Sequence[str] = EMPTY,
    *,
    players: Sequence[tuple[float, float, float]],
    objects: Sequence[tuple[int, float, float]] = (),
    frozen: Sequence[int] = (),
    held: Mapping[int, int] | None = None,
    tagged: Sequence[int] = (0, 0),
    dials: Complexity = DIALS,
) -> Sight:
    """Put players (x, y, heading) and objects (kind, x, y) on a map.

    Objects that are `frozen`, or `held` by a player, are named by their number.
    """
    terrain, slots = _terrain(rows), range(dials.objects)
    players = [*players, _ASIDE][: dials.players]
    whole = [*objects, *[(-1, 1.5, 1.5)] * (len(slots) - len(objects))]
    x = np.array([at[0] for at in players] + [at[1] for at in whole], np.float32)
    y = np.array([at[1] for at in players] + [at[2] for at in whole], np.float32)
    kinds = np.array([-1] * len(players) + [at[0] for at in whole], np.int32)
    exists = np.arange(len(x)) < len(players) + len(objects)
    still = np.zeros(len(x), np.float32)
    bodies = Bodies(
        x=x, y=y, u=still, v=still, climb=still, kind=kinds, exists=exists,
        height=height(terrain, x, y),
        frozen=np.array([False] * len(players) + [n in frozen for n in slots]),
        holder=np.array([-1] * len(players) + [(held or {}).get(n, -1) for n in slots]),
    )  # fmt: skip
    bodies = bodies._replace(holder=bodies.holder.astype(np.int32))
    headings = np.array([at[2] for at in players], np.float32)
    return Sight(
        terrain,
        bodies,
        Players(headings, np.resize(np.array(tagged, np.int32), len(players))),
    )


def height(terrain: Terrain, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the floor's height at places, m."""
    side = len(terrain.height)
    i, j = (np.clip(np.floor(part).astype(int), 0, side - 1) for part in (x, y))
    ways = [0 * x, x - i, 1 - (x - i), y - j, 1 - (y - j)]
    rise = np.choose(terrain.ramp[i, j], ways)
    return (terrain.height[i, j] + rise).astype(np.float32)


def drawn(seed: int) -> Sight:
    """Draw any land at all, with everything that there is, somewhere on it."""
    rng = np.random.default_rng(seed)
    glyphs = list(".........1112##><^vbrw")
    rows = ["".join(line) for line in rng.choice(glyphs, (7, 7))]
    places = rng.uniform(1.3, 7.7, (6, 2))
    turns = rng.uniform(0, 2 * np.pi, 2)
    kinds = rng.integers(0, DIALS.types, 4)
    found = sight(
        rows,
        players=[(*places[n], turns[n]) for n in range(2)],
        objects=[(kinds[n], *places[2 + n]) for n in range(4)],
        frozen=[0],
        tagged=(0, seed % 2),
    )
    terrain = found.terrain
    colour = rng.integers(0, len(FLOORS), terrain.colour.shape, np.int8)
    painted = np.where(terrain.ramp != FLAT, colour, terrain.colour)
    return found._replace(terrain=terrain._replace(colour=painted))


def observed(view: Any, seen: Sight, dials: Complexity = DIALS) -> tuple:
    """Give what a view's `observe` does, as arrays of NumPy."""
    found = jax.jit(_observer(view.observe, dials))(*_given(seen))
    return tuple(np.asarray(array) for array in found)


def copies_seen(view: Any, seen: Sequence[Sight]) -> tuple:
    """Give the same of several, at once and as `XLand` does: copies come first."""
    many = jax.tree.map(lambda *fields: jnp.stack(fields), *map(_given, seen))
    found = jax.jit(jax.vmap(copies_last(_observer(view.observe, DIALS))))(*many)
    return tuple(np.asarray(array) for array in found)


def _given(seen: Sight) -> tuple:
    terrain, *rest = jax.tree.map(jnp.asarray, tuple(seen))
    return terrain.land(), *rest


@functools.cache
def _observer(observe: Callable[..., tuple], dials: Complexity) -> Callable[..., tuple]:
    def of(land: Any, bodies: Bodies, players: Players) -> tuple:
        copies = players.heading.shape[1:]
        relations = jnp.zeros((dials.bodies, dials.bodies, *copies), jnp.uint16)
        begin = jnp.zeros(copies, jnp.int32)
        nothing = jnp.zeros((dials.players, *copies))
        return observe(dials, land, bodies, players, relations, begin, begin, nothing)

    return of


def _terrain(rows: Sequence[str]) -> Terrain:
    cells = np.array([[_CELLS[glyph] for glyph in row] for row in rows])
    # Rows run from top to foot; the axes are x (right) and y (up).
    fields = [np.flipud(cells[:, :, n]).T for n in range(3)]
    padded = [
        np.pad(field, 1, constant_values=value)
        for field, value in zip(fields, (WALL, FLAT, 0), strict=True)
    ]
    return Terrain(*(field.astype(np.int8) for field in padded))
