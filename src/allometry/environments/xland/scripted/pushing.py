"""Pushing: skills of moving an object with the body, or with another object.

Who pushes stays right behind: two round bodies touch in one point, and what is pushed
moves away from it. Once off the line, it steps back and goes behind again.
"""

import math

import numpy as np
from jaxtyping import Bool

from allometry.environments.xland.bodies import OBJECT_RADIUS, PLAYER_RADIUS
from allometry.environments.xland.relation import CONTACT
from allometry.environments.xland.scripted import handling, route, view
from allometry.environments.xland.scripted.lattice import Point, stands_at
from allometry.environments.xland.scripted.pilot import (
    COAST,
    SPEED,
    Action,
    Doing,
    Pilot,
)
from allometry.environments.xland.scripted.skills import Place, Target, Thing
from allometry.environments.xland.scripted.travel import travel

_TOUCH = PLAYER_RADIUS + OBJECT_RADIUS
#: A thing pushed to a place is there within this, m, and at rest below this, m/s.
_AT_PLACE, _AT_REST = 0.35, 0.7
#: So far off its line a push is begun, and given up, m.
_BEGIN, _GIVE_UP = 0.1, 0.24
#: Directions tried beside the best, radians.
_ASIDE = tuple(sign * angle for angle in (0.2, 0.4, 0.6) for sign in (1, -1))
#: How hard what is in between is turned back onto its line, radians per m; it is
#: pushed as if it had this far to go, m.
_STEER, _GENTLY = 5.0, 0.25
#: A tool is laid this far behind what it is to push, and off this much, m.
_SPACE, _ASKEW = 2 * OBJECT_RADIUS + 0.03, 0.14


def push(pilot: Pilot, thing: Target, to: Target) -> Doing:
    """Walk behind an object and push it to a thing or place."""
    while True:
        body = _chosen(pilot, thing)
        if body < 0 or _there(pilot, body, to):
            return ""
        way = _way(pilot, body, to)
        if way is None:
            return "there is no way to push it"
        if not _behind(pilot, body, way, _BEGIN):
            said = yield from _get_behind(pilot, body, way)
            if said:
                return said
        while _behind(pilot, body, way, _GIVE_UP) and not _there(pilot, body, to):
            yield _shove(pilot, body, way, _left_to_go(pilot, body, to))
            new = _way(pilot, body, to)
            if new is None or abs(new - way) % (2 * math.pi) > 0.5:
                break
            way = new


def push_with(pilot: Pilot, thing: Target, tool: Thing, to: Target) -> Doing:
    """Lay one object behind another, and push the other through it."""
    while True:
        body = _chosen(pilot, thing)
        if body < 0 or _there(pilot, body, to):
            return ""
        way = _way(pilot, body, to)
        if way is None:
            return "there is no way to push it"
        between = _chosen(pilot, tool)
        if between < 0:
            return f"there is no {tool.name}"
        if not _lies_behind(pilot, between, body, way):
            said = yield from _lay(pilot, tool, body, way)
            if said:
                return said
            continue
        if not _behind(pilot, between, way, _BEGIN):
            said = yield from _get_behind(pilot, between, way)
            if said:
                return said
        while _lies_behind(pilot, between, body, way) and not _there(pilot, body, to):
            _, left = _from(pilot.view.at(between), pilot.view.at(body), way)
            inner = way - max(-0.5, min(0.5, _STEER * left))
            if not _behind(pilot, between, inner, _GIVE_UP):
                break
            yield _shove(pilot, between, inner, _GENTLY)


def _chosen(pilot: Pilot, thing: Target) -> int:
    """Choose the nearest body of a thing that can be moved, −1 for none."""
    bodies = [
        body
        for body in view.bodies(pilot.world, pilot.view, thing)
        if not pilot.view.frozen[body]
    ]
    return min(bodies, key=lambda b: pilot.away(pilot.view.at(b)), default=-1)


def _aims(pilot: Pilot, body: int, to: Target) -> list[Point]:
    if isinstance(to, Place):
        return [view.spot(pilot.world, to)]
    bodies = view.bodies(pilot.world, pilot.view, to)
    return [pilot.view.at(other) for other in bodies if other != body]


def _there(pilot: Pilot, body: int, to: Target) -> bool:
    """Say whether an object is where it is pushed to, or is no more."""
    now = pilot.view
    if not now.exists[body]:
        return True
    if isinstance(to, Place):
        near = math.dist(now.at(body), view.spot(pilot.world, to)) < _AT_PLACE
        return near and now.speed(body) < _AT_REST
    bodies = view.bodies(pilot.world, now, to)
    meets = [now.apart(body, other) <= CONTACT / 2 for other in bodies if other != body]
    return any(meets)


def _left_to_go(pilot: Pilot, body: int, to: Target) -> float:
    """Give how far an object has to go, m; without end where it may run on."""
    if not isinstance(to, Place):
        return math.inf
    return math.dist(pilot.view.at(body), view.spot(pilot.world, to))


def _way(pilot: Pilot, body: int, to: Target) -> float | None:
    """Give the direction in which an object should move next, radians."""
    world, at = pilot.world, pilot.view.at(body)
    goal = _goal(pilot, _aims(pilot, body, to), _SPACE)
    points = route.path(world.low, route.shoves(world.low, world.pushes, goal), at)
    aims = [p for p in points[1:] if math.dist(p, at) > 0.15][:6]
    aims += [p for p in _aims(pilot, body, to) if math.dist(p, at) < 0.9]
    good = [p for p in aims if _pushable(pilot, at, _direction(at, p), p)]
    if good:
        return _direction(at, good[-1])
    if not aims:
        return None
    ideal = _direction(at, aims[0])
    for turn in _ASIDE:
        aim = _back(at, ideal + turn, -0.3)
        if _pushable(pilot, at, ideal + turn, aim):
            return ideal + turn
    return None


def _direction(at: Point, aim: Point) -> float:
    return math.atan2(aim[1] - at[1], aim[0] - at[0])


def _pushable(pilot: Pilot, at: Point, way: float, aim: Point) -> bool:
    """Say whether an object can be pushed straight: free way, and room behind."""
    x, y = _back(at, way, _TOUCH)
    room = stands_at(pilot.world.ground.floors, np.array(x), np.array(y))
    return bool(room) and route.straight(pilot.world.low, at, aim, falls=True)


def _goal(pilot: Pilot, aims: list[Point], within: float) -> Bool[np.ndarray, "L L"]:
    ground = pilot.world.low
    found = np.zeros(ground.height.shape, bool)
    for place in aims:
        mark = pilot.far(place) < within
        if not (mark & ground.stands).any():
            mark[ground.nearest(place)] = True
        found |= mark
    return found


def _back(at: Point, way: float, far: float) -> Point:
    return at[0] - far * math.cos(way), at[1] - far * math.sin(way)


def _offset(pilot: Pilot, body: int, way: float) -> tuple[float, float]:
    """Give how far the player is behind an object, and to the left of its way, m."""
    return _from(pilot.place, pilot.view.at(body), way)


def _from(place: Point, at: Point, way: float) -> tuple[float, float]:
    dx, dy = place[0] - at[0], place[1] - at[1]
    along = dx * math.cos(way) + dy * math.sin(way)
    return -along, dy * math.cos(way) - dx * math.sin(way)


def _behind(pilot: Pilot, body: int, way: float, aside: float) -> bool:
    back, left = _offset(pilot, body, way)
    return 0.3 < back < 0.9 and abs(left) < aside


def _lies_behind(pilot: Pilot, tool: int, body: int, way: float) -> bool:
    now = pilot.view
    back, left = _from(now.at(tool), now.at(body), way)
    straight = 0.2 < back < 0.7 and abs(left) < _ASKEW
    return straight and bool(now.holder[tool] < 0)


def _get_behind(pilot: Pilot, body: int, way: float) -> Doing:
    """Walk round an object to its back; give up when it has been moved."""
    begun = pilot.view.at(body)
    place = _back(begun, way, _TOUCH + 0.12)
    goal = pilot.spot(place)

    def done() -> bool:
        moved = math.dist(begun, pilot.view.at(body)) > 0.15
        return moved or _behind(pilot, body, way, _BEGIN) or pilot.away(place) < 0.3

    said = yield from travel(pilot, lambda: goal, done)
    for _ in range(10):
        if said or (done() and pilot.away(place) >= 0.3):
            break
        if _behind(pilot, body, way, _BEGIN):
            break
        yield pilot.towards(place, way)
    return said


def _shove(pilot: Pilot, body: int, way: float, far: float) -> Action:
    """Push on, moving sideways so as to stay behind."""
    back, left = _offset(pilot, body, way)
    speed = min(SPEED, far / COAST / 2 + 0.5)
    ahead = speed * max(0.0, 1 - abs(left) / _GIVE_UP) if back < _TOUCH + 0.1 else speed
    aside = max(-1.5, min(1.5, -7.0 * left))
    u = ahead * math.cos(way) - aside * math.sin(way)
    v = ahead * math.sin(way) + aside * math.cos(way)
    return pilot.step((u, v), way)


def _lay(pilot: Pilot, tool: Thing, body: int, way: float) -> Doing:
    """Carry a tool to right behind an object and put it there."""
    said = yield from handling.take(pilot, tool)
    if said or pilot.held < 0:
        return said
    place = _back(pilot.view.at(body), way, _SPACE)
    stand = _back(place, way, handling.ARM)
    goal = pilot.spot(stand)
    said = yield from travel(
        pilot, lambda: goal, lambda: pilot.away(stand) < 0.35, face=lambda: way
    )
    for _ in range(25):
        if said or pilot.held < 0:
            return said
        back, left = _from(pilot.view.at(pilot.held), pilot.view.at(body), way)
        if 0.35 < back < 0.6 and abs(left) < 0.07 and pilot.still:
            break
        heading = pilot.heading
        turned = pilot.turning(way) == 0
        aim = _back(place, heading, handling.ARM) if turned else stand
        yield pilot.exactly(aim, way)
    yield (0, 0, 0, handling.DROP, 0, 0)
    yield (0, 0, 0, 0, 0, 0)
    return ""
