"""Choice: which way a condition is brought about, or ended, as a skill's line.

Of all ways that the solver allows, the one with the least walking.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from allometry.environments.xland.relation import NEAR
from allometry.environments.xland.scripted import route, view
from allometry.environments.xland.scripted.pilot import Pilot
from allometry.environments.xland.scripted.ways import (
    HOLD,
    ON,
    SEE,
    SIGHT,
    Condition,
    Way,
)
from allometry.environments.xland.terrain import FLAT

#: What a deed costs beyond the way to its thing, m, and each time that it failed.
_EXTRA = {"throw": 4.0, "push": 6.0}
_FAILED = 8.0
#: Pushing a thing on takes so many times as long as carrying it.
_SLOW = 2.0
#: Things are parted to so much more than what counts as near, m between centres.
_PARTED = 1.5

#: A player, and its next line.
Step = tuple[int, str]


def chosen(
    pilots: Sequence[Pilot],
    ways: Sequence[Way],
    failed: Mapping[str, int],
    attempt: int,
) -> list[Step]:
    """Choose the cheapest way; another where that has failed, or in a later attempt.

    Empty where nothing is to be done.
    """
    types = pilots[0].world.dials.types
    found = []
    for way in ways:
        line = _line(pilots, way)
        if line:
            cost = _cost(pilots[way.player - types], way)
            found.append(
                (cost + _FAILED * failed.get(line, 0), way.player - types, line)
            )
    found.sort()
    return [found[attempt % len(found)][1:]] if found else []


def undone(pilots: Sequence[Pilot], wanted: Condition) -> list[Step]:
    """Give the line after which a condition holds no more, if there is one."""
    predicate, a, b = wanted
    world, now = pilots[0].world, pilots[0].view
    player = max(0, a - world.dials.types)
    open_ = world.ground.middles(world.ground.stands)
    if predicate == HOLD:
        return [(player, "drop")]
    if predicate == SEE:
        return [(player, "look away")]
    if predicate == SIGHT:
        return []
    if predicate == ON:
        return _moved(pilots, a, open_ & (world.ground.floors.colour != b))
    if a < world.dials.types and now.frozen[view.found(world, now, a)].all():
        a, b = b, a
    # A player moves rather than what it is near.
    mover, other = (b, a) if b >= world.dials.types else (a, b)
    x, y = np.indices(open_.shape) + 0.5
    for body in view.found(world, now, other):
        away = np.hypot(x - now.x[body], y - now.y[body])
        open_ = open_ & (away > NEAR + _PARTED)
    return _moved(pilots, mover, open_)


def _line(pilots: Sequence[Pilot], way: Way) -> str:
    """Write a way as a skill's line; "" where nothing is to be done."""
    world = pilots[0].world
    thing = view.name(world, way.thing)
    to = view.name(world, way.to) if way.floor < 0 else _onto(pilots, way)
    match way.deed:
        case "touch" | "take":
            return f"{way.deed} {to}"
        case "go":
            return f"go to {to}"
        case "look":
            return f"look at {to}"
        case "bring" | "push":
            return f"{way.deed} {thing} to {to}"
        case "throw":
            return f"throw {thing} at {to}"
    return ""


def _onto(pilots: Sequence[Pilot], way: Way) -> str:
    """Name the cell of a way's floor that is nearest to what is to be there."""
    world, now = pilots[0].world, pilots[0].view
    bodies = view.found(world, now, way.thing)
    cells = world.ground.middles(world.ground.stands)
    cells = cells & (world.ground.floors.colour == way.floor)
    return _nearest(pilots[0], cells, now.at(bodies[0])) if bodies else "(1, 1)"


def _nearest(
    pilot: Pilot, cells: Bool[np.ndarray, "A A"], place: tuple[float, float]
) -> str:
    """Name the flat cell, of some, to which it is nearest from a place."""
    ground = pilot.world.ground
    away = ground.middles(route.reach(ground, place, np.zeros(ground.height.shape)))
    away = np.where(cells & (ground.floors.ramp == FLAT), away, np.inf)
    x, y = np.unravel_index(int(away.argmin()), away.shape)
    return f"({x}, {y})"


def _moved(
    pilots: Sequence[Pilot], thing: int, cells: Bool[np.ndarray, "A A"]
) -> list[Step]:
    """Give the line that brings a thing to one of some cells."""
    world, now = pilots[0].world, pilots[0].view
    bodies = view.found(world, now, thing)
    if not bodies:
        return []
    cell = _nearest(pilots[0], cells, now.at(bodies[0]))
    if thing >= world.dials.types:
        return [(thing - world.dials.types, f"go to {cell}")]
    return [(0, f"bring {view.name(world, thing)} to {cell}")]


def _cost(pilot: Pilot, way: Way) -> float:
    """Estimate how far a player has to walk to a thing, and on with it, m."""
    extra = _EXTRA.get(way.deed, 0.0)
    if way.deed not in ("bring", "push", "throw"):
        return extra
    world, now, ground = pilot.world, pilot.view, pilot.world.ground
    bodies = view.found(world, now, way.thing)
    if not bodies:
        return extra + world.dials.arena
    away = route.reach(ground, pilot.place, pilot.cost())
    far = {body: float(away[ground.nearest(now.at(body))]) for body in bodies}
    if pilot.held in far:
        far[pilot.held] = 0.0
    body = min(far, key=lambda b: far[b])
    targets = view.found(world, now, way.to) if way.floor < 0 else []
    on = route.reach(ground, now.at(body), np.zeros(ground.height.shape))
    ends = [float(on[ground.nearest(now.at(b))]) for b in targets if b != body]
    slow = _SLOW if way.deed == "push" else 1.0
    return far[body] + slow * min(ends, default=0.0) + extra
