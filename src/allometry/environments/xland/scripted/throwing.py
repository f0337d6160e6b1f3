"""Throwing, and tagging: skills that act from afar."""

import math

import numpy as np

from allometry.environments.xland.bodies import GRAVITY, OBJECT_RADIUS, PLAYER_RADIUS
from allometry.environments.xland.play import CARRY, REACH, THROW, TOSS, TURN
from allometry.environments.xland.scripted import route, view
from allometry.environments.xland.scripted.handling import ARM, take
from allometry.environments.xland.scripted.lattice import Point
from allometry.environments.xland.scripted.pilot import COAST, Doing, Pilot, wrapped
from allometry.environments.xland.scripted.skills import Place, Target, Thing
from allometry.environments.xland.scripted.travel import travel

#: Room between what flies and what it flies over, m.
_CLEARANCE = 0.1
#: Agent steps to come to rest where to throw from, to within this, m.
_SETTLE, _NEAR_ENOUGH = 20, 0.1
#: Values of the throw group, and the share of the hardest throw.
_THROWS = ((1, 0.5), (2, 1.0))


def throw(pilot: Pilot, thing: Target, to: Target) -> Doing:
    """Take an object unless it is held, and throw it so that it comes to the target."""
    if thing != Thing("held"):
        said = yield from take(pilot, thing)
        if said:
            return said
    if pilot.held < 0:
        return "nothing is held"
    stand = _stand(pilot, to)
    if stand is None:
        return "there is nowhere to throw from"
    place, heading, strength = stand
    goal = pilot.spot(place)
    said = yield from travel(pilot, lambda: goal, lambda: pilot.away(place) < 0.35)
    if said:
        return said
    for _ in range(_SETTLE):
        turned = abs(wrapped(heading - pilot.heading)) < TURN / 2
        if turned and pilot.still and pilot.away(place) < _NEAR_ENOUGH:
            break
        yield pilot.exactly(place, heading)
    if pilot.held < 0:
        return "it was lost on the way"
    yield (0, 0, 0, 0, strength, 0)
    return ""


def _stand(pilot: Pilot, to: Target) -> tuple[Point, float, int] | None:
    """Find where to stand, how to turn, and how hard to throw: the nearest such."""
    ground, now = pilot.world.ground, pilot.view
    if isinstance(to, Place):
        aims = [view.spot(pilot.world, to)]
    else:
        aims = [now.at(b) for b in view.bodies(pilot.world, now, to)]
    away = route.reach(ground, pilot.place, pilot.cost())
    best, chosen = math.inf, None
    for aim in aims:
        for k in range(12):
            heading = pilot.heading + k * TURN
            for strength, share in _THROWS:
                place, floor = _from(pilot, aim, heading, share)
                i, j = ground.nearest(place)
                axis = float(ground.x[i, 0]), float(ground.y[0, j])
                near = math.dist(axis, place) < 0.24
                if (
                    near
                    and away[i, j] < best
                    and _flies(pilot, place, heading, share, floor)
                ):
                    best, chosen = away[i, j], (place, heading, strength)
    return chosen


def _from(
    pilot: Pilot, aim: Point, heading: float, share: float
) -> tuple[Point, float]:
    """Give the place from which a throw ends at an aim, and the floor there."""
    floors = pilot.world.ground.floors
    end = float(floors.at(*aim))
    floor = end
    place = aim
    for _ in range(2):
        air = _air(floor + CARRY - end)
        far = ARM + THROW * share * (air + COAST * 0.6)
        place = aim[0] - far * math.cos(heading), aim[1] - far * math.sin(heading)
        side = len(floors.height)
        if not (1 <= place[0] < side - 1 and 1 <= place[1] < side - 1):
            return (-9.0, -9.0), floor
        floor = float(floors.at(*place))
    return place, floor


def _air(drop: float) -> float:
    """Give how long something thrown up from so far above its end flies, s."""
    return (TOSS + math.sqrt(max(0.0, TOSS**2 + 2 * GRAVITY * drop))) / GRAVITY


def _flies(
    pilot: Pilot, place: Point, heading: float, share: float, floor: float
) -> bool:
    """Say whether a throw passes over all that is higher than its two ends."""
    floors = pilot.world.ground.floors
    time = np.linspace(0.0, _air(0.0), 40)[:, None]
    far = ARM + THROW * share * time + np.array([-OBJECT_RADIUS, 0.0, OBJECT_RADIUS])
    x, y = place[0] + far * math.cos(heading), place[1] + far * math.sin(heading)
    side = len(floors.height)
    if (np.minimum(x, y) < 1).any() or (np.maximum(x, y) >= side - 1).any():
        return False
    height = floor + CARRY + TOSS * time - GRAVITY * time**2 / 2
    over = floors.at(x, y)
    bars = over > max(floor, float(over[-1, 1])) + 0.01
    return bool((~bars | (over <= height - _CLEARANCE)).all())


def tag(pilot: Pilot, thing: Thing, deed: int) -> Doing:
    """Go to a player, face it, and tag (1) or free (2) it."""
    other = view.bodies(pilot.world, pilot.view, thing)[0]

    def near() -> bool:
        return pilot.view.apart(pilot.player, other) < REACH - 0.1

    def around() -> np.ndarray:
        far = pilot.far(pilot.view.at(other))
        return far < 2 * PLAYER_RADIUS + REACH - 0.2

    while True:
        said = yield from travel(pilot, around, near)
        if said:
            return said
        way = pilot.bearing(pilot.view.at(other))
        if abs(wrapped(way - pilot.heading)) < TURN:
            yield (0, 0, 0, 0, 0, deed)
            return ""
        yield (0, 0, pilot.turning(way), 0, 0, 0)
