"""Route: ways over a lattice, for those who walk and for what is pushed.

Objects are soft obstacles: a way through points near them costs more.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from allometry.environments.xland.scripted.lattice import (
    FINE,
    STEPS,
    Edges,
    Ground,
    Point,
    shifted,
    stands_at,
)
from allometry.environments.xland.terrain import FLAT, STEP

#: A push along a wall costs so many times its length.
_TIGHT = 1.5
#: Longer steps, in directions between those of the eight.
_FAR_STEPS = tuple(
    (a * x, b * y)
    for x in (-1, 1)
    for y in (-1, 1)
    for a, b in ((2, 1), (1, 2), (3, 1), (1, 3))
)
#: Places are tried at this distance along a straight way, m.
_CLOSE = 0.12


class Field(NamedTuple):
    """How far it is from each point to the nearest of some goals, and the next point.

    `[L, L]`; points from which no goal can be reached are at infinity, and goals have
    themselves as the next.
    """

    distance: Float[np.ndarray, "L L"]
    next: Int[np.ndarray, "L L"]


def field(
    ground: Ground, goals: Bool[np.ndarray, "L L"], cost: Float[np.ndarray, "L L"]
) -> Field:
    """Find the way from every point to the cheapest goal to reach.

    A metre through a point costs 1 plus its `cost`.
    """
    return _backwards(ground, goals, _weighed(ground.edges, cost))


def shoves(ground: Ground, pushes: Edges, goals: Bool[np.ndarray, "L L"]) -> Field:
    """Find ways for an object that is pushed to the nearest of some goals."""
    return _backwards(ground, goals, pushes)


def reach(
    ground: Ground, start: Point, cost: Float[np.ndarray, "L L"]
) -> Float[np.ndarray, "L L"]:
    """Give how far it is from a place to every point."""
    side = len(ground.height)
    i, j = ground.nearest(start)
    source, target, length = _weighed(ground.edges, cost)
    graph = csr_matrix((length, (source, target)), (side**2, side**2))
    return dijkstra(graph, indices=i * side + j).reshape(side, side)


def path(ground: Ground, found: Field, start: Point) -> list[Point]:
    """List the points from a place on to the goal; empty where there is no way."""
    side = len(ground.height)
    i, j = ground.nearest(start)
    if not np.isfinite(found.distance[i, j]):
        return []
    after = found.next.ravel()
    numbers = [i * side + j]
    while after[numbers[-1]] != numbers[-1]:
        numbers.append(int(after[numbers[-1]]))
    x, y = ground.x.ravel()[numbers], ground.y.ravel()[numbers]
    return list(zip(x.tolist(), y.tolist(), strict=True))


def straight(
    ground: Ground,
    start: Point,
    end: Point,
    among: Bool[np.ndarray, "L L"] | None = None,
    *,
    falls: bool = False,
) -> bool:
    """Say whether a body can move straight from one place to another.

    It stays `among` some points, if told, but for where it starts; it may fall off
    edges if `falls`.
    """
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    share = np.linspace(0, 1, int(length / _CLOSE) + 3)
    x = start[0] + share * (end[0] - start[0])
    y = start[1] + share * (end[1] - start[1])
    i, j = (x * FINE).astype(int), (y * FINE).astype(int)
    height = ground.floors.at(x, y)
    fallen = falls & (height < height[0] - 2 * STEP)
    stands = ground.stands[i, j] | fallen
    if not stands[1:].all() or not ground.stands[i[-1], j[-1]]:
        return False
    if among is not None and not among[i[2:], j[2:]].all():
        return False
    rise = np.diff(height)
    return bool((rise <= STEP).all() and (falls or (rise >= -STEP).all()))


def pushes(ground: Ground, contact: float) -> Edges:
    """List the straight ways along which an object can be pushed.

    `ground` is surveyed for the object. There must be room for a player right behind,
    `contact` m away: an object in a corner cannot be moved, and one along a wall only
    little by little away from it, for which there are ways in 24 directions.
    """
    side = len(ground.height)
    edges = [ground.edges]
    cells = np.arange(side) // FINE
    level = ground.stands & (ground.floors.ramp[np.ix_(cells, cells)] == FLAT)
    for way in _FAR_STEPS:
        may = level
        for step in _passed(way):
            same = shifted(ground.height, step) == ground.height
            may = may & shifted(level, step) & same
        i, j = np.nonzero(may)
        source, target = i * side + j, (i + way[0]) * side + j + way[1]
        edges.append(Edges(source, target, np.full(len(i), np.hypot(*way) / FINE)))
    every = Edges(*(np.concatenate(fields) for fields in zip(*edges, strict=True)))
    # Beside a wall an object is hard to turn: better stay away.
    wide = np.logical_and.reduce([shifted(ground.stands, way) for way in STEPS])
    length = every.length * np.where(wide.ravel()[every.target], 1.0, _TIGHT)
    room = _room_behind(ground, every, contact)
    return Edges(every.source[room], every.target[room], length[room])


def _passed(way: tuple[int, int]) -> list[tuple[int, int]]:
    """List the steps to the points beside a long way, and to its end."""
    x, y = int(np.sign(way[0])), int(np.sign(way[1]))
    return [
        (a * x, b * y)
        for a in range(abs(way[0]) + 1)
        for b in range(abs(way[1]) + 1)
        if (a, b) != (0, 0)
    ]


def _room_behind(ground: Ground, edges: Edges, contact: float) -> np.ndarray:
    """Say which pushes leave room for a player, about as high as what it pushes."""
    x, y = ground.x.ravel(), ground.y.ravel()
    right = x[edges.target] - x[edges.source]
    up = y[edges.target] - y[edges.source]
    share = contact / np.hypot(right, up)
    back = x[edges.source] - share * right, y[edges.source] - share * up
    rise = ground.floors.at(*back) - ground.height.ravel()[edges.source]
    return stands_at(ground.floors, *back) & (np.abs(rise) <= 2 * STEP)


def _weighed(edges: Edges, cost: np.ndarray) -> Edges:
    """Make edges longer by the cost of their two ends."""
    flat = cost.ravel()
    more = (flat[edges.source] + flat[edges.target]) / 2
    return edges._replace(length=edges.length * (1 + more))


def _backwards(ground: Ground, goals: np.ndarray, edges: Edges) -> Field:
    """Search from goals backwards."""
    side = len(ground.height)
    reached = np.flatnonzero((goals & ground.stands).ravel())
    if not len(reached):
        return Field(np.full((side, side), np.inf), np.full((side, side), -1))
    graph = csr_matrix((edges.length, (edges.target, edges.source)), (side**2, side**2))
    distance, before, _ = dijkstra(
        graph, indices=reached, return_predecessors=True, min_only=True
    )
    before = np.where(before < 0, np.arange(side**2), before)
    return Field(distance.reshape(side, side), before.reshape(side, side))
