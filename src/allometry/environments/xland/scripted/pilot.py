"""Pilot: a player's legs and eyes: how a wish to be somewhere becomes actions.

A pilot sees everything, and keeps apart what rules would use up. Skills are generators
of actions made of its steps.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Generator

import numpy as np
from jaxtyping import Bool, Float

from allometry.environments.xland.bodies import (
    DT,
    PLAYER_MASS,
    PLAYER_RADIUS,
    SLOWING,
    TALL,
)
from allometry.environments.xland.play import FORCE, TURN
from allometry.environments.xland.relation import CONTACT, NEAR
from allometry.environments.xland.scripted import truth, view
from allometry.environments.xland.scripted.lattice import Point
from allometry.environments.xland.scripted.skills import Target
from allometry.environments.xland.scripted.view import View, World
from allometry.environments.xland.scripted.ways import NEAR as NEAR_TO
from allometry.environments.xland.scripted.ways import TOUCHING

#: A factored action: one value in each of `action.GROUPS`.
Action = tuple[int, int, int, int, int, int]
#: What a skill does: actions, and why it gives up ("" when it is done).
Doing = Generator[Action, None, str]
STAND: Action = (0, 0, 0, 0, 0, 0)
#: Speed kept over a substep, gained in one, and the way still made at 1 m/s, s.
_KEEPS = SLOWING**DT
_GAINS = FORCE / PLAYER_MASS * DT
COAST = DT * _KEEPS / (1 - _KEEPS)
#: The fastest that legs carry a player, m/s.
SPEED = _GAINS * _KEEPS / (1 - _KEEPS)
#: Moves and strafes, and how far each pushes, ahead and left.
_PUSHES = tuple(
    ((m, s), (float((0, 1, -1)[m]), float((0, 1, -1)[s])))
    for m, s in itertools.product(range(3), repeat=2)
)
#: Pushes that are thought ahead to come to rest in a place.
_MOST_PUSHES = 5
#: Slower than this a player counts as still, m/s.
_STILL = 0.25
#: Cost of a metre through another body, and through what must be kept apart.
_BODY, _DANGER = 6.0, 60.0
#: Room left between bodies that one walks past, and that must not meet, m.
_ROOM, _MARGIN = 0.12, 0.15
#: Heights may differ by so much less than bodies that still meet, m.
_LEVEL = TALL - 0.05


@dataclasses.dataclass
class Pilot:
    """A player, the world it is in, and what it sees now.

    `meant` are pairs of things that the skill brings together on purpose: rules over
    all other pairs are kept from firing.
    """

    world: World
    player: int
    view: View
    meant: frozenset[frozenset[int]] = frozenset()

    @property
    def place(self) -> Point:
        """Say where the player is."""
        return self.view.at(self.player)

    @property
    def held(self) -> int:
        """Give the body that the player holds, −1 for none."""
        return self.view.held(self.player)

    @property
    def heading(self) -> float:
        """Give the player's heading, radians."""
        return float(self.view.heading[self.player])

    @property
    def still(self) -> bool:
        """Say whether the player hardly moves."""
        return self.view.speed(self.player) < _STILL

    @property
    def changing(self) -> bool:
        """Say whether a rule is about to fire: slots may hold other things next."""
        return any(
            truth.holds(self.world, self.view, wanted)
            for wanted in self.world.conditions
        )

    def bodies(self, target: Target) -> list[int]:
        """List the bodies that a target may be, without the player and what it holds.

        A place has none.
        """
        mine = (self.player, self.held)
        every = view.bodies(self.world, self.view, target)
        return [body for body in every if body not in mine]

    def others(self) -> list[int]:
        """List the bodies that are there besides the player and what it holds."""
        mine = (self.player, self.held)
        return [int(n) for n in np.flatnonzero(self.view.exists) if n not in mine]

    def bearing(self, place: Point) -> float:
        """Give the direction of a place, radians."""
        return math.atan2(place[1] - self.place[1], place[0] - self.place[0])

    def away(self, place: Point) -> float:
        """Give the way to a place, m."""
        return math.dist(self.place, place)

    def gap(self, body: int) -> float:
        """Give the gap between the player and a body, m; endless on another level."""
        level = self.view.level(self.player, body)
        return self.view.apart(self.player, body) if level else math.inf

    def turning(self, angle: float | None) -> int:
        """Choose the turn that brings the heading nearer to a direction."""
        off = 0.0 if angle is None else wrapped(angle - self.heading)
        if abs(off) <= TURN / 2:
            return 0
        return 1 if off > 0 else 2

    def step(self, wish: Point, face: float | None = None) -> Action:
        """Choose the action whose speed is nearest to a wished one, m/s."""
        turn = self.turning(face)
        cos, sin = self._ahead(turn)
        keeps, gains = _KEEPS**2, _GAINS * _KEEPS * (1 + _KEEPS)
        now = self.view.u[self.player], self.view.v[self.player]
        best, chosen = math.inf, (0, 0)
        for deed, (ahead, left) in _PUSHES:
            norm = max(1.0, math.hypot(ahead, left))
            u = now[0] * keeps + gains * (ahead * cos - left * sin) / norm
            v = now[1] * keeps + gains * (ahead * sin + left * cos) / norm
            miss = (u - wish[0]) ** 2 + (v - wish[1]) ** 2
            if miss < best:
                best, chosen = miss, deed
        return (*chosen, turn, 0, 0, 0)

    def towards(
        self, place: Point, face: float | None = None, *, stop: bool = True
    ) -> Action:
        """Walk straight to a place; `stop` there, or go on past it."""
        far = max(self.away(place), 1e-6)
        speed = min(SPEED, far / COAST) if stop else SPEED
        way = self.bearing(place)
        return self.step((speed * math.cos(way), speed * math.sin(way)), face)

    def exactly(self, place: Point, face: float | None = None) -> Action:
        """Step so as to come to rest as near to a place as a few pushes can bring.

        A push of one step moves a player by the same way in all, whenever it is made.
        """
        turn = self.turning(face)
        cos, sin = self._ahead(turn)
        x = place[0] - self.place[0] - COAST * float(self.view.u[self.player])
        y = place[1] - self.place[1] - COAST * float(self.view.v[self.player])
        ends, counts, deeds = _sums()
        miss = np.hypot(ends[:, 0] - x * cos - y * sin, ends[:, 1] - y * cos + x * sin)
        return (*deeds[int((miss + 0.01 * counts).argmin())], turn, 0, 0, 0)

    def _ahead(self, turn: int) -> tuple[float, float]:
        """Give the direction ahead after a turn."""
        heading = self.heading + (0, TURN, -TURN)[turn]
        return math.cos(heading), math.sin(heading)

    def far(self, place: Point) -> Float[np.ndarray, "L L"]:
        """Give the way from a place to each point of the ground, m."""
        ground = self.world.ground
        return np.hypot(ground.x - place[0], ground.y - place[1])

    def level(self, height: float) -> Bool[np.ndarray, "L L"]:
        """Mark the points where a player meets what has its foot at a height, m."""
        return np.abs(self.world.ground.height - height) < _LEVEL

    def around(self, body: int, gap: float) -> Bool[np.ndarray, "L L"]:
        """Mark the points at which the gap to a body is no larger than this, m.

        Where there is none to stand on, those a little further away.
        """
        now, ground = self.view, self.world.ground
        far = self.far(now.at(body)) - PLAYER_RADIUS - now.radius(body)
        level = self.level(float(now.height[body])) & ground.stands
        found = level & (far < gap)
        return found if (found & (far > 0)).any() else level & (far < gap + 0.3)

    def spot(self, place: Point) -> Bool[np.ndarray, "L L"]:
        """Mark the point nearest to a place at which the player can stand."""
        found = np.zeros(self.world.ground.height.shape, bool)
        found[self.world.ground.nearest(place)] = True
        return found

    def cost(self) -> Float[np.ndarray, "L L"]:
        """Give what a metre through each point costs besides its length."""
        now = self.view
        total = np.zeros(self.world.ground.height.shape)
        for body in self.others():
            far = self.far(now.at(body))
            level = np.abs(self.world.ground.height - now.height[body]) < TALL
            width = PLAYER_RADIUS + now.radius(body) + _ROOM
            total += level * (far < width) * _BODY
            apart = self._apart(body)
            if apart:
                total += level * (far < apart) * _DANGER
        return total

    def fires(self, body: int, *predicates: int) -> bool:
        """Say whether a rule is over the player and a body by some predicate."""
        pair = {self._thing(self.player), self._thing(body)}
        return any(
            {wanted.a, wanted.b} == pair and wanted.predicate in predicates
            for wanted in self.world.conditions
        )

    def _thing(self, body: int) -> int:
        kind = int(self.view.kind[body])
        return kind if kind >= 0 else self.world.dials.types + body

    def _apart(self, body: int) -> float:
        """Give how far the player's centre must stay from a body's, m; 0 for no matter.

        What it holds, at arm's length, must not come too near either.
        """
        now, need = self.view, 0.0
        if gap := self._keeps_off(self.player, body):
            need = PLAYER_RADIUS + now.radius(body) + gap
        if self.held >= 0 and (gap := self._keeps_off(self.held, body)):
            arm = PLAYER_RADIUS + now.radius(self.held)
            need = max(need, arm + now.radius(self.held) + now.radius(body) + gap)
        return need

    def _keeps_off(self, a: int, b: int) -> float:
        """Give the gap that rules demand between two bodies, m."""
        pair = frozenset((self._thing(a), self._thing(b)))
        if pair in self.meant:
            return 0.0
        gaps = {TOUCHING: CONTACT + _MARGIN, NEAR_TO: NEAR + _MARGIN}
        over = [c.predicate for c in self.world.conditions if {c.a, c.b} == pair]
        return max((gaps.get(predicate, 0.0) for predicate in over), default=0.0)


def wrapped(angle: float) -> float:
    """Bring an angle into [−π, π)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


@functools.cache
def _sums() -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """List where some pushes of a step each end, how many they are, and one of them."""
    ends, counts, deeds = [(0.0, 0.0)], [0], [(0, 0)]
    for count in range(1, _MOST_PUSHES + 1):
        for some in itertools.combinations_with_replacement(_PUSHES[1:], count):
            each = np.array([way for _, way in some])
            each /= np.maximum(1.0, np.hypot(*each.T))[:, None]
            x, y = 2 * DT * SPEED * each.sum(0)
            ends.append((float(x), float(y)))
            counts.append(count)
            deeds.append(some[0][0])
    return np.array(ends), np.array(counts), deeds
