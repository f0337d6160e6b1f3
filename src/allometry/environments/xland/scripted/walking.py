"""Walking: skills of going to things, touching them, and looking."""

import math

import numpy as np
from jaxtyping import Bool

from allometry.environments.xland.play import TURN
from allometry.environments.xland.relation import CONTACT, HALF_VIEW
from allometry.environments.xland.scripted import truth, view
from allometry.environments.xland.scripted.lattice import FINE, Point
from allometry.environments.xland.scripted.pilot import Doing, Pilot, wrapped
from allometry.environments.xland.scripted.skills import Place, Target, name
from allometry.environments.xland.scripted.travel import travel
from allometry.environments.xland.scripted.truth import Aim

#: Within reach, with a margin, and from where a thing is walked straight against, m
#: between surfaces; at a place, m.
_IN_REACH, _CLOSE, _AT_PLACE = 0.7, 0.3, 0.25


def go(pilot: Pilot, target: Target) -> Doing:
    """Walk to a place, or until a thing is within reach."""
    if not isinstance(target, Place):
        return (yield from approach(pilot, target, _IN_REACH))
    ground = pilot.world.ground
    point = ground.nearest(view.spot(pilot.world, target))
    place = float(ground.x[point]), float(ground.y[point])
    goal = pilot.spot(place)
    return (
        yield from travel(pilot, lambda: goal, lambda: pilot.away(place) < _AT_PLACE)
    )


def approach(pilot: Pilot, target: Target, gap: float) -> Doing:
    """Walk until a thing is no further than a gap between surfaces, m."""

    def goals() -> Bool[np.ndarray, "L L"]:
        masks = [pilot.around(body, gap - 0.05) for body in pilot.bodies(target)]
        return np.logical_or.reduce(masks) if masks else pilot.far((0.0, 0.0)) < 0

    def reached() -> bool:
        return any(pilot.gap(body) <= gap for body in pilot.bodies(target))

    if not pilot.bodies(target):
        return f"there is no {name(target)}"
    return (yield from travel(pilot, goals, reached))


def touch(pilot: Pilot, target: Target) -> Doing:
    """Walk against a thing."""
    if not pilot.bodies(target):
        return f"there is no {name(target)}"
    said = ""
    while not said and (bodies := pilot.bodies(target)):
        body = min(bodies, key=pilot.gap)
        if pilot.gap(body) <= CONTACT / 2:
            break
        if pilot.gap(body) > _CLOSE:
            said = yield from approach(pilot, target, _CLOSE)
            continue
        place = pilot.view.at(body)
        yield pilot.towards(place, pilot.bearing(place), stop=False)
    return said


def look(pilot: Pilot, target: Target) -> Doing:
    """Turn until a thing or place is seen; walk to where it can be."""

    def aims() -> list[Aim]:
        if isinstance(target, Place):
            x, y = view.spot(pilot.world, target)
            return [((x, y), float(pilot.world.ground.floors.at(x, y)), -1)]
        now = pilot.view
        bodies = view.bodies(pilot.world, now, target)
        return [(now.at(b), float(now.height[b]), b) for b in bodies]

    def goals() -> Bool[np.ndarray, "L L"]:
        own, now = (pilot.player,), pilot.view
        masks = [truth.sighted(pilot.world, now, aim, own) for aim in aims()]
        return np.logical_or.reduce(masks) if masks else pilot.far((0.0, 0.0)) < 0

    def clear() -> bool:
        x, y = (int(side * FINE) for side in pilot.place)
        return bool(goals()[x, y])

    if not aims():
        return f"there is no {name(target)}"
    said = yield from travel(pilot, goals, clear)
    while not said and aims():
        way = pilot.bearing(min((aim[0] for aim in aims()), key=pilot.away))
        if abs(wrapped(way - pilot.heading)) <= HALF_VIEW / 2:
            break
        yield (0, 0, pilot.turning(way), 0, 0, 0)
    return said


def look_away(pilot: Pilot) -> Doing:
    """Turn until no body is in view, or as few as may be."""
    bearings = [pilot.bearing(pilot.view.at(body)) for body in pilot.others()]
    heading = pilot.heading

    def seen(turns: int) -> int:
        way = heading + turns * TURN
        return sum(abs(wrapped(other - way)) <= HALF_VIEW for other in bearings)

    best = min(range(-6, 7), key=lambda turns: (seen(turns), abs(turns)))
    for _ in range(abs(best)):
        yield (0, 0, 1 if best > 0 else 2, 0, 0, 0)
    return ""


def is_at(pilot: Pilot, thing: Target, place: Place) -> bool:
    """Say whether a thing is in a place's cell."""
    x, y = view.spot(pilot.world, place)
    cell = math.floor(x), math.floor(y)
    bodies = view.bodies(pilot.world, pilot.view, thing)
    places: list[Point] = [pilot.view.at(body) for body in bodies]
    return any((math.floor(a), math.floor(b)) == cell for a, b in places)
