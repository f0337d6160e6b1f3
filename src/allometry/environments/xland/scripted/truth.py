"""Truth: whether a condition holds in what a scripted player sees, on the host.

The simulator judges goals and rules by `relation`; a script needs the same answer for
one condition in one copy, and from where a thing would be seen.
"""

import math

import numpy as np
from jaxtyping import Bool

from allometry.environments.xland.bodies import TALL
from allometry.environments.xland.relation import CONTACT, EYE, HALF_VIEW, NEAR
from allometry.environments.xland.scripted import view
from allometry.environments.xland.scripted.lattice import Point
from allometry.environments.xland.scripted.view import View, World
from allometry.environments.xland.scripted.ways import HOLD, ON, SEE, SIGHT, Condition
from allometry.environments.xland.scripted.ways import NEAR as NEAR_TO

#: What is looked at: a place, the height of a foot there, and the body, −1 for none.
Aim = tuple[Point, float, int]
#: Points of a line of sight per cell of the arena's side: from many eyes, from one.
_POINTS, _MORE_POINTS = 3, 40
#: A body stands on the floor when its foot is this close to it, m.
_GROUNDED = 1e-3


def holds(world: World, seen: View, wanted: Condition) -> bool:
    """Say whether a condition holds between some bodies."""
    first = view.found(world, seen, wanted.a)
    if wanted.predicate == ON:
        return any(_floor(world, seen, body) == wanted.b for body in first)
    second = view.found(world, seen, wanted.b)
    return any(
        _related(world, seen, wanted.predicate, a, b)
        for a in first
        for b in second
        if a != b
    )


def sighted(
    world: World, seen: View, aim: Aim, own: tuple[int, ...]
) -> Bool[np.ndarray, "L L"]:
    """Mark the points where a body standing there has a clear line to an aim.

    `own` are bodies that stand in nobody's way.
    """
    ground = world.ground
    eyes = ground.x, ground.y, ground.height
    return _clear(world, seen, eyes, aim, own) & ground.stands


def _related(world: World, seen: View, predicate: int, a: int, b: int) -> bool:
    if predicate == HOLD:
        return bool(seen.holder[b] == a)
    if predicate == SEE:
        return _faces(seen, a, b) and _sees(world, seen, a, b)
    if predicate == SIGHT:
        return _sees(world, seen, a, b) or _sees(world, seen, b, a)
    gap = NEAR if predicate == NEAR_TO else CONTACT
    held = seen.holder[a] == b or seen.holder[b] == a
    return bool(held or (seen.apart(a, b) <= gap and seen.level(a, b)))


def _faces(seen: View, player: int, body: int) -> bool:
    x, y = seen.x[body] - seen.x[player], seen.y[body] - seen.y[player]
    heading = seen.heading[player]
    ahead = math.cos(heading) * x + math.sin(heading) * y
    return bool(ahead >= math.cos(HALF_VIEW) * math.hypot(x, y))


def _sees(world: World, seen: View, a: int, b: int) -> bool:
    eyes = tuple(np.asarray(field[a]) for field in (seen.x, seen.y, seen.height))
    aim = seen.at(b), float(seen.height[b]), b
    return bool(_clear(world, seen, eyes, aim, (a, b)))


def _clear(
    world: World,
    seen: View,
    eyes: tuple[np.ndarray, ...],
    aim: Aim,
    own: tuple[int, ...],
) -> np.ndarray:
    """Say from which eyes neither terrain nor a third body hides an aim."""
    (x, y), foot, body = aim
    floors = world.ground.floors
    # The simulator follows lines from cell to cell; here are points, as many as pay.
    count = len(floors.height) * (_POINTS if eyes[0].ndim else _MORE_POINTS)
    share = ((np.arange(count) + 0.5) / count).reshape(-1, *[1] * eyes[0].ndim)
    dx, dy, eye = x - eyes[0], y - eyes[1], eyes[2] + EYE
    rise = foot + EYE - eye
    over = floors.at(eyes[0] + share * dx, eyes[1] + share * dy)
    clear = np.asarray((over <= eye + share * rise).all(0))
    length = dx * dx + dy * dy + 1e-6
    for third in np.flatnonzero(seen.exists).tolist():
        carried = seen.holder[third] >= 0 and seen.holder[third] in (*own, body)
        if third in own or third == body or carried:
            continue
        tx, ty = seen.x[third] - eyes[0], seen.y[third] - eyes[1]
        part = (tx * dx + ty * dy) / length
        off = np.abs(tx * dy - ty * dx) / np.sqrt(length)
        level = np.abs(eye + part * rise - seen.height[third] - EYE) < TALL / 2
        hides = (off < seen.radius(third)) & level & (part > 0) & (part < 1)
        clear = clear & ~hides
    return np.asarray(clear)


def _floor(world: World, seen: View, body: int) -> int:
    """Give the colour of the floor that a body stands on, −1 for none."""
    floors = world.ground.floors
    x, y = seen.at(body)
    grounded = seen.height[body] <= floors.at(x, y) + _GROUNDED
    if seen.holder[body] >= 0 or not grounded:
        return -1
    return int(floors.colour[int(x), int(y)])
