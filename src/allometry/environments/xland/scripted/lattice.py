"""Lattice: where a body can stand on a terrain and step from there, on the host.

A terrain becomes a lattice of points, three to a cell's side, of those where a body of
a given radius can stand; edges join each to its eight neighbours. A body walks up
where floors meet within a step, falls off edges (one way), and cuts no corners.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from allometry.environments.xland.bodies import PLAYER_RADIUS
from allometry.environments.xland.floors import Floors
from allometry.environments.xland.terrain import STEP

#: Points of the lattice along a cell's side.
FINE = 3
#: A fall costs as much as this way on foot, m: it may not be undone.
FALL = 1.0
#: The steps to the eight neighbours.
STEPS = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0))
#: Room left to a wall within a body's radius, and to the highest step, m.
_SLACK = 0.02

Point = tuple[float, float]
Way = tuple[int, int]


class Edges(NamedTuple):
    """Edges `[E]` of a lattice: points by number, and lengths, m."""

    source: Int[np.ndarray, " E"]
    target: Int[np.ndarray, " E"]
    length: Float[np.ndarray, " E"]


class Ground(NamedTuple):
    """A terrain as a lattice: `[L, L]` by x and y, of spacing 1 / `FINE` m.

    `x` and `y` are the points' places, `height` that of the floor there, m; `stands`
    says where a body can stand.
    """

    floors: Floors
    x: Float[np.ndarray, "L L"]
    y: Float[np.ndarray, "L L"]
    height: Float[np.ndarray, "L L"]
    stands: Bool[np.ndarray, "L L"]
    edges: Edges

    def nearest(self, place: Point) -> tuple[int, int]:
        """Find the point nearest to a place at which a body can stand."""
        far = (self.x - place[0]) ** 2 + (self.y - place[1]) ** 2
        flat = int(np.where(self.stands, far, np.inf).argmin())
        return flat // len(self.height), flat % len(self.height)

    def middles(self, field: np.ndarray) -> np.ndarray:
        """Give a field of points `[L, L]` in the middle of each cell `[A, A]`."""
        return field[FINE // 2 :: FINE, FINE // 2 :: FINE]


def survey(terrain: Any, radius: float = PLAYER_RADIUS) -> Ground:
    """Lay a lattice over a terrain for a body of that radius."""
    fields = (terrain.height, terrain.ramp, terrain.colour)
    floors = Floors(*(np.asarray(field).astype(int) for field in fields))
    axis = (np.arange(len(floors.height) * FINE) + 0.5) / FINE
    x, y = np.meshgrid(axis, axis, indexing="ij")
    height = floors.at(x, y)
    stands = _stands(floors, x, y, height, radius)
    edges = _edges(floors, x, y, height, stands)
    return Ground(floors, x, y, height, stands, edges)


def stands_at(floors: Floors, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say where a player can stand, at places of any kind."""
    last = len(floors.height) - 1
    inside = (x >= 1) & (x < last) & (y >= 1) & (y < last)
    x, y = (np.asarray(np.clip(side, 1, last - 1e-6)) for side in (x, y))
    stands = _stands(floors, x, y, floors.at(x, y), PLAYER_RADIUS)
    return np.asarray(inside & stands)


def shifted(array: np.ndarray, way: Way) -> np.ndarray:
    """Give at each point the value of the point that way, False beyond."""
    side = len(array)
    found = np.zeros_like(array)
    to = tuple(slice(max(0, -step), side - max(0, step)) for step in way)
    source = tuple(slice(max(0, step), side + min(0, step)) for step in way)
    found[to] = array[source]
    return found


def _stands(
    floors: Floors, x: np.ndarray, y: np.ndarray, height: np.ndarray, radius: float
) -> np.ndarray:
    """Say where no floor within the radius is more than a step above a body's foot."""
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    free = floors.height[i, j] < floors.height.max()
    for dx, dy in STEPS:
        a, b = i + dx, j + dy
        near_x, near_y = np.clip(x, a, a + 1), np.clip(y, b, b + 1)
        close = np.hypot(near_x - x, near_y - y) < radius - _SLACK
        free = free & ~(close & (floors.within(a, b, near_x, near_y) > height + STEP))
    return np.asarray(free)


def _edges(
    floors: Floors, x: np.ndarray, y: np.ndarray, height: np.ndarray, stands: np.ndarray
) -> Edges:
    """Join points by steps along both axes and across, and by falls."""
    side = len(height)
    straight = [way for way in STEPS if 0 in way]
    may = {way: _walks(floors, x, y, stands, way) for way in straight}
    for right, up in itertools.product(straight[:1] + straight[3:], straight[1:3]):
        across = may[right] & shifted(may[up], right)
        may[right[0], up[1]] = across & may[up] & shifted(may[right], up)
    for way in straight:
        may[2 * way[0], 2 * way[1]] = _falls(floors, height, stands, way)
    sources, targets, lengths = [], [], []
    for way, found in may.items():
        i, j = np.nonzero(found)
        fall = height[i, j] - height[i + way[0], j + way[1]] > 2 * STEP
        sources.append(i * side + j)
        targets.append((i + way[0]) * side + j + way[1])
        lengths.append(np.hypot(*way) / FINE + FALL * fall)
    return Edges(*(np.concatenate(each) for each in (sources, targets, lengths)))


def _walks(
    floors: Floors, x: np.ndarray, y: np.ndarray, stands: np.ndarray, way: Way
) -> np.ndarray:
    """Say from which points one may walk to the neighbour that way."""
    middle = x + way[0] / FINE / 2, y + way[1] / FINE / 2
    beyond = x + way[0] / FINE, y + way[1] / FINE
    here = floors.within(*_cells(x, y), *middle)
    there = floors.within(*_cells(*beyond), *middle)
    return stands & shifted(stands, way) & (there - here <= STEP - _SLACK)


def _falls(
    floors: Floors, height: np.ndarray, stands: np.ndarray, way: Way
) -> np.ndarray:
    """Say from which points one may fall to the second point that way.

    Right below an edge nobody can stand: the point between is passed in the air.
    """
    far = 2 * way[0], 2 * way[1]
    open_ = height < floors.height.max()
    passed = shifted(open_, way) & (shifted(height, way) <= height + STEP)
    deep = height - shifted(height, far) > 2 * STEP
    return stands & shifted(stands, far) & deep & passed


def _cells(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.floor(x).astype(int), np.floor(y).astype(int)
