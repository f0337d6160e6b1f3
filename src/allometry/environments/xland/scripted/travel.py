"""Travel: walking along routes, looking anew on the way, getting free when stuck."""

import itertools
import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from allometry.environments.xland.scripted import route
from allometry.environments.xland.scripted.lattice import FINE, Point
from allometry.environments.xland.scripted.pilot import SPEED, Doing, Pilot

#: Agent steps between looks at the way; and those in which nobody who gets on moves
#: less than this, m.
_LOOKS, _STALL, _STALLED = 3, 8, 0.15
#: Agent steps, and how far aside, to get free.
_FREES, _TURNS = 4, 0.9
#: Points ahead to which a straight way is tried.
_AHEAD = 5


def travel(
    pilot: Pilot,
    goals: Callable[[], Bool[np.ndarray, "L L"]],
    done: Callable[[], bool],
    *,
    face: Callable[[], float | None] = lambda: None,
) -> Doing:
    """Walk to one of some points until something is so.

    `face` says where to look meanwhile; else it is where one walks.
    """
    ground = pilot.world.ground
    points, trail = list[Point](), list[Point]()
    cost = np.zeros(ground.height.shape)
    for count in itertools.count():
        if done():
            return ""
        if count % _LOOKS == 0 or not points:
            cost = pilot.cost()
            points = route.path(ground, route.field(ground, goals(), cost), pilot.place)
            if not points:
                return "there is no way"
        trail.append(pilot.place)
        if _stalled(trail):
            trail, points = [], []
            yield from _freed(pilot, count)
            continue
        aim = _aim(pilot, points, cost)
        way = face()
        turned = pilot.bearing(aim) if way is None else way
        yield pilot.towards(aim, turned, stop=aim == points[-1])
    return ""


def _aim(pilot: Pilot, points: list[Point], cost: Float[np.ndarray, "L L"]) -> Point:
    """Choose the furthest of the next points to which it is good to walk straight."""
    near = min(range(len(points)), key=lambda n: pilot.away(points[n]))
    best = min(near + 1, len(points) - 1)
    for number in range(best + 1, min(near + _AHEAD, len(points))):
        dear = max(_at(cost, place) for place in points[near : number + 1])
        end = points[number]
        if not route.straight(pilot.world.ground, pilot.place, end, cost <= dear):
            break
        best = number
    return points[best]


def _at(cost: Float[np.ndarray, "L L"], place: Point) -> float:
    return float(cost[int(place[0] * FINE), int(place[1] * FINE)])


def _stalled(trail: list[Point]) -> bool:
    if len(trail) < _STALL:
        return False
    x, y = np.array(trail[-_STALL:]).T
    return bool(np.ptp(x) + np.ptp(y) < _STALLED)


def _freed(pilot: Pilot, count: int) -> Doing:
    """Step back and aside for a moment, another way each time."""
    angle = pilot.heading + math.pi + _TURNS * math.sin(count)
    wish = SPEED * math.cos(angle), SPEED * math.sin(angle)
    for _ in range(_FREES):
        yield pilot.step(wish)
    return ""
