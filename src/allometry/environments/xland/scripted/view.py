"""View: one copy's state on the host, as a scripted player sees it.

A scripted player has full knowledge: all bodies, the terrain, the rules. What does not
change within a task is a `World`, the rest a `View`.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from allometry.environments.xland.bodies import OBJECT_RADIUS, PLAYER_RADIUS, TALL
from allometry.environments.xland.complexity import COLOURS, SHAPES, Complexity
from allometry.environments.xland.game import Game
from allometry.environments.xland.scripted.lattice import Edges, Ground, Point, survey
from allometry.environments.xland.scripted.route import pushes
from allometry.environments.xland.scripted.skills import Place, Target, Thing
from allometry.environments.xland.scripted.ways import Condition, Stock, conditions
from allometry.refusal import Refusal

_FIELDS = ("x", "y", "u", "v", "height", "climb", "kind", "exists", "frozen", "holder")


@dataclasses.dataclass(frozen=True)
class World:
    """A task and its dials on the host; `places` are the cells of a map's marks.

    `ground` is where players can stand, `low` where objects can.
    """

    dials: Complexity
    game: Game
    ground: Ground
    low: Ground
    places: Mapping[str, tuple[int, int]]

    @functools.cached_property
    def pushes(self) -> Edges:
        """List the ways along which objects can be pushed."""
        return pushes(self.low, PLAYER_RADIUS + OBJECT_RADIUS)

    @functools.cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """List what fires rules, without what is over players only."""
        every = conditions(self.game.rules).values()
        types = self.dials.types
        return tuple(wanted for wanted in every if min(wanted.a, wanted.b) < types)

    @functools.cached_property
    def floors(self) -> frozenset[int]:
        """Give the colours of floor that there are where one can stand."""
        open_ = self.ground.middles(self.ground.stands)
        return frozenset(np.unique(self.ground.floors.colour[open_]).tolist())


class View(NamedTuple):
    """The bodies `[N]`, the players `[P]` and the clock; fields as in `Bodies`."""

    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    height: np.ndarray
    climb: np.ndarray
    kind: np.ndarray
    exists: np.ndarray
    frozen: np.ndarray
    holder: np.ndarray
    heading: np.ndarray
    tagged: np.ndarray
    time: int
    trial: int

    def at(self, body: int) -> Point:
        """Say where a body is."""
        return float(self.x[body]), float(self.y[body])

    def speed(self, body: int) -> float:
        """Give a body's speed over the ground, m/s."""
        return float(np.hypot(self.u[body], self.v[body]))

    def held(self, player: int) -> int:
        """Give the object that a player holds, −1 for none."""
        found = np.flatnonzero((self.holder == player) & self.exists)
        return int(found[0]) if len(found) else -1

    def apart(self, a: int, b: int) -> float:
        """Give the way between the surfaces of two bodies, m."""
        way = np.hypot(self.x[a] - self.x[b], self.y[a] - self.y[b])
        return float(way) - self.radius(a) - self.radius(b)

    def level(self, a: int, b: int) -> bool:
        """Say whether two bodies are near enough in height to meet."""
        return bool(abs(self.height[a] - self.height[b]) < TALL)

    def radius(self, body: int) -> float:
        """Give a body's radius, m."""
        return PLAYER_RADIUS if self.kind[body] < 0 else OBJECT_RADIUS

    @property
    def stock(self) -> Stock:
        """List the objects that there are."""
        there = np.flatnonzero(self.exists & (self.kind >= 0))
        return tuple(sorted((int(self.kind[n]), bool(self.frozen[n])) for n in there))


def world(
    task: Any, dials: Complexity, places: Mapping[str, tuple[int, int]] | None = None
) -> World:
    """Take a task to the host and survey its terrain."""
    task = jax.device_get(task)
    ground, low = survey(task.terrain), survey(task.terrain, OBJECT_RADIUS)
    return World(dials, task.game, ground, low, dict(places or {}))


def start(world: World, task: Any) -> View:
    """See the start of a trial before headings are drawn: all look along x."""
    task, dials = jax.device_get(task), world.dials
    x, y = np.asarray(task.x), np.asarray(task.y)
    none, still = np.zeros(dials.players, int), np.zeros(len(x))
    kinds, frozen = np.asarray(task.game.kinds), np.asarray(task.game.frozen)
    return View(
        x=x,
        y=y,
        u=still,
        v=still,
        height=world.ground.floors.at(x, y),
        climb=still,
        kind=np.concatenate([none - 1, kinds]),
        exists=np.concatenate([none == 0, kinds >= 0]),
        frozen=np.concatenate([none > 0, frozen]),
        holder=np.full(len(x), -1),
        heading=none.astype(float),
        tagged=none,
        time=0,
        trial=0,
    )


def view(bodies: Any, players: Any, time: Any, trial: Any) -> View:
    """Gather what is on the host of one copy."""
    fields = {name: np.asarray(getattr(bodies, name)) for name in _FIELDS}
    return View(
        **fields,
        heading=np.asarray(players.heading),
        tagged=np.asarray(players.tagged),
        time=int(time),
        trial=int(trial),
    )


def thing(world: World, name: str) -> int:
    """Number a thing: an object's kind, or a player.

    Raises `Refusal` for what this task's dials do not have.
    """
    dials = world.dials
    first, second = name.split()
    if first == "player":
        number = int(second) - 1
        if not 0 <= number < dials.players:
            raise Refusal(f"There is no {name}: players are 1 to {dials.players}.")
        return dials.types + number
    shape, colour = SHAPES.index(second), COLOURS.index(first)
    if shape >= dials.shapes or colour >= dials.colours:
        raise Refusal(
            f"There is no {name}: the dials allow {dials.shapes} shapes and "
            f"{dials.colours} colours."
        )
    return shape * dials.colours + colour


def name(world: World, number: int) -> str:
    """Name a thing by its number, as a skill's line does."""
    dials = world.dials
    if number >= dials.types:
        return f"player {number - dials.types + 1}"
    return f"{COLOURS[number % dials.colours]} {SHAPES[number // dials.colours]}"


def found(world: World, seen: View, number: int) -> list[int]:
    """List the bodies that are a thing."""
    types = world.dials.types
    if number >= types:
        return [number - types]
    return [int(n) for n in np.flatnonzero(seen.exists & (seen.kind == number))]


def bodies(world: World, seen: View, target: Target) -> list[int]:
    """List the bodies that a target may be: none for a place."""
    if isinstance(target, Thing):
        return found(world, seen, thing(world, target.name))
    return []


def spot(world: World, target: Place) -> Point:
    """Give the middle of a place's cell; raises `Refusal` for an unknown mark."""
    cell = target.cell
    if target.mark:
        if target.mark not in world.places:
            known = ", ".join(sorted(world.places)) or "none"
            raise Refusal(f"There is no mark @{target.mark}: marks are {known}.")
        cell = world.places[target.mark]
    side = len(world.ground.floors.height)
    if not all(0 <= c < side for c in cell):
        raise Refusal(f"There is no cell {cell}: cells are (0, 0) to {side - 1}.")
    return cell[0] + 0.5, cell[1] + 0.5
