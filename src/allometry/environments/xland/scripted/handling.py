"""Handling: skills of taking objects, carrying them, and letting them go."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from allometry.environments.xland.bodies import OBJECT_RADIUS, PLAYER_RADIUS
from allometry.environments.xland.play import CARRY, HALF_REACH, REACH, TURN
from allometry.environments.xland.relation import CONTACT, NEAR
from allometry.environments.xland.scripted import view
from allometry.environments.xland.scripted.lattice import Point
from allometry.environments.xland.scripted.pilot import STAND, Doing, Pilot, wrapped
from allometry.environments.xland.scripted.skills import Place, Target, name
from allometry.environments.xland.scripted.travel import travel
from allometry.environments.xland.scripted.ways import HOLD, TOUCHING
from allometry.environments.xland.scripted.ways import NEAR as NEAR_TO

GRAB, DROP = 1, 2
#: A hand holds an object's centre this far from its player's, m.
ARM = PLAYER_RADIUS + OBJECT_RADIUS
#: How far a hand may miss a place, m, and how fast it may be, m/s, to let go there.
_AT_PLACE, _SLOWLY = 0.3, 0.5
#: Agent steps to come to rest before letting go, and how fast that still is, m/s:
#: what is let go while moving slides out of touch.
_BRAKES, _AT_REST = 8, 0.06
#: A thing this near is faced, m; seen this far apart, one of two things can be faced
#: without the other, radians.
_FACED, _ASIDE = 2.0, math.radians(40.0)
#: What moves faster than this, m/s, is left alone for so many agent steps.
_SLIDING, _SETTLING = 1.0, 10
#: Bodies put aside to get at another, how far, m, and steps to push one off on foot.
_CLEARINGS, _CLEAR, _NUDGES = 2, 1.6, 8
#: Margin of reach, m and radians, and of being nearer than another, m.
_SURE, _SURELY, _NEARER = 0.01, 0.02, 0.03


def take(pilot: Pilot, target: Target) -> Doing:
    """Go to an object, face it, grab it; put aside what lies in the way."""

    def wanted() -> list[int]:
        return [body for body in pilot.bodies(target) if _loose(pilot, body)]

    if pilot.changing:
        yield STAND
    if pilot.held >= 0:
        if pilot.held in view.bodies(pilot.world, pilot.view, target):
            return ""
        yield from drop(pilot)
    for _ in range(_SETTLING):
        if wanted() or not pilot.bodies(target):
            break
        yield STAND
    if not wanted():
        return f"there is no {name(target)} to take"
    said = yield from _grab(pilot, wanted)
    for _ in range(_CLEARINGS):
        rival = _rival(pilot, wanted())
        if not said or rival < 0:
            break
        said = yield from _put_aside(pilot, rival, wanted()[0])
        if not said:
            said = yield from _grab(pilot, wanted)
    return said


def drop(pilot: Pilot) -> Doing:
    """Let go of what is held."""
    if pilot.held >= 0:
        yield (0, 0, 0, DROP, 0, 0)
    return ""


def bring(pilot: Pilot, thing: Target, to: Target) -> Doing:
    """Take an object, carry it until it is at a thing or place, drop it there."""
    said = yield from take(pilot, thing)
    held = pilot.held
    if said or held < 0:
        return said

    def done() -> bool:
        return pilot.held != held or _there(pilot, to)

    def goals() -> Bool[np.ndarray, "L L"]:
        found = pilot.far((0.0, 0.0)) < 0
        for place, height in _aims(pilot, to):
            far = pilot.far(place)
            arm = (far > ARM - 0.15) & (far < ARM + 0.4)
            found |= arm & pilot.level(height - CARRY)
        return found

    def face() -> float | None:
        near = [place for place, _ in _aims(pilot, to) if pilot.away(place) < _FACED]
        return pilot.bearing(min(near, key=pilot.away)) if near else None

    said = yield from travel(pilot, goals, done, face=face)
    for _ in range(_BRAKES):
        speed = pilot.view.speed(pilot.player)
        if pilot.held != held or speed < _AT_REST:
            break
        yield STAND if speed < _SLOWLY else pilot.step((0.0, 0.0))
    if not said and pilot.held == held:
        yield from drop(pilot)
    return said


def _aims(pilot: Pilot, to: Target) -> list[tuple[Point, float]]:
    """List where something may be brought, and how high that is, m."""
    if isinstance(to, Place):
        x, y = view.spot(pilot.world, to)
        return [((x, y), float(pilot.world.ground.floors.at(x, y)))]
    now = pilot.view
    return [(now.at(b), float(now.height[b])) for b in pilot.bodies(to)]


def _there(pilot: Pilot, to: Target) -> bool:
    """Say whether what is held is where it is brought."""
    now, held = pilot.view, pilot.held
    if isinstance(to, Place):
        place = view.spot(pilot.world, to)
        slow = now.speed(pilot.player) < _SLOWLY
        return slow and math.dist(now.at(held), place) < _AT_PLACE
    return any(
        now.apart(held, body) <= CONTACT / 2 and now.level(held, body)
        for body in pilot.bodies(to)
    )


def _loose(pilot: Pilot, body: int) -> bool:
    """Say whether a body can be taken: nobody holds it, it neither flies nor slides."""
    now = pilot.view
    floor = float(pilot.world.ground.floors.at(*now.at(body)))
    rests = now.speed(body) < _SLIDING and now.height[body] < floor + CARRY + 0.1
    return bool(now.kind[body] >= 0 and now.holder[body] < 0 and rests) and not bool(
        now.frozen[body]
    )


def _grab(pilot: Pilot, wanted: Callable[[], list[int]]) -> Doing:
    """Grab one of the bodies wanted; done, too, when there are none any more."""
    while True:
        said = yield from travel(
            pilot,
            lambda: _grabbing(pilot, wanted()),
            lambda: not wanted() or _turn(pilot, wanted()) is not None,
            face=lambda: _facing(pilot, wanted()),
        )
        turn = _turn(pilot, wanted())
        if said or turn is None:
            return said
        if pilot.changing:
            yield STAND
            continue
        chosen = wanted()
        yield (0, 0, turn, GRAB, 0, 0)
        if pilot.held in chosen:
            return ""
        yield from drop(pilot)


def _grabbing(pilot: Pilot, wanted: list[int]) -> Bool[np.ndarray, "L L"]:
    """Mark the points from which a hand takes one of the bodies wanted.

    It takes the nearest: no other may be nearer, or both must lie far apart as seen
    from there.
    """
    ground, now = pilot.world.ground, pilot.view
    found = pilot.far((0.0, 0.0)) < 0
    for body in wanted:
        x, y = now.x[body] - ground.x, now.y[body] - ground.y
        far = np.hypot(x, y)
        good = (far < ARM + REACH - 0.25) & (far > ARM)
        good &= pilot.level(float(now.height[body]))
        for other in _rivals(pilot, wanted):
            dx, dy = now.x[other] - ground.x, now.y[other] - ground.y
            away = np.hypot(dx, dy)
            side = np.abs(x * dy - y * dx) > math.sin(_ASIDE) * far * away
            behind = x * dx + y * dy < 0
            level = pilot.level(float(now.height[other]))
            good &= ~level | (far < away - _NEARER) | side | behind
        found |= good
    return found & ground.stands


def _rivals(pilot: Pilot, wanted: list[int]) -> list[int]:
    """List the bodies that a hand might take instead."""
    now = pilot.view
    loose = now.exists & (now.kind >= 0) & ~now.frozen & (now.holder < 0)
    return [int(n) for n in np.flatnonzero(loose) if n not in wanted]


def _facing(pilot: Pilot, wanted: list[int]) -> float | None:
    """Give a heading that takes one of some bodies, or else that of the nearest."""
    for turns in sorted(range(-6, 7), key=abs):
        if _taken(pilot, pilot.heading + turns * TURN) in wanted:
            return pilot.heading + turns * TURN
    near = [pilot.view.at(body) for body in wanted]
    near = [place for place in near if pilot.away(place) < _FACED]
    return pilot.bearing(min(near, key=pilot.away)) if near else None


def _turn(pilot: Pilot, wanted: list[int]) -> int | None:
    """Choose a turn with which a hand takes one of the bodies wanted."""
    for turn, angle in ((0, 0.0), (1, TURN), (2, -TURN)):
        if _taken(pilot, pilot.heading + angle) in wanted:
            return turn
    return None


def _taken(pilot: Pilot, heading: float) -> int:
    """Give the object that a hand takes with that heading, −1 for none."""
    now, best, chosen = pilot.view, math.inf, -1
    for body in _rivals(pilot, []):
        gap = pilot.gap(body)
        ahead = abs(wrapped(pilot.bearing(now.at(body)) - heading))
        if gap < min(best, REACH - _SURE) and ahead <= HALF_REACH - _SURELY:
            best, chosen = gap, body
    return chosen


def _rival(pilot: Pilot, wanted: list[int]) -> int:
    """Give the loose body nearest to the first of those wanted, −1 for none."""
    if not wanted:
        return -1
    gaps = {n: pilot.view.apart(n, wanted[0]) for n in _rivals(pilot, wanted)}
    near = min(gaps, key=lambda n: gaps[n], default=-1)
    return near if near >= 0 and gaps[near] < NEAR else -1


def _put_aside(pilot: Pilot, body: int, keep: int) -> Doing:
    """Move a body away from another: carry it, or if holding fires a rule, shove it."""
    if pilot.fires(body, TOUCHING, NEAR_TO):
        return "what lies beside it must not be touched"
    if pilot.fires(body, HOLD):
        return (yield from _walk_off(pilot, body))
    begun = pilot.view.at(keep)
    said = yield from _grab(pilot, lambda: [body] if pilot.view.exists[body] else [])
    if said or pilot.held < 0:
        return said
    goal = pilot.far(begun) > _CLEAR + 0.1
    said = yield from travel(
        pilot, lambda: goal, lambda: math.dist(pilot.place, begun) > _CLEAR
    )
    yield from drop(pilot)
    return said


def _walk_off(pilot: Pilot, body: int) -> Doing:
    """Walk against a body for a moment, so that it moves away."""
    said = yield from travel(
        pilot, lambda: pilot.around(body, 0.4), lambda: pilot.gap(body) < 0.4
    )
    for _ in range(_NUDGES):
        yield pilot.towards(pilot.view.at(body), stop=False)
    return said
