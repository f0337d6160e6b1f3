"""Stage: states of XLand to be drawn, written by hand in NumPy: nothing is compiled."""

from collections.abc import Sequence

import numpy as np

from allometry.environments.xland.bodies import Bodies
from allometry.environments.xland.complexity import PREDICATES, Complexity
from allometry.environments.xland.game import SPAWNS, Game, Goal, Hidden, Rules
from allometry.environments.xland.pictures.card import Scene
from allometry.environments.xland.pictures.episode import Episode
from allometry.environments.xland.play import Players
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.tasks.topology import wall_height
from allometry.environments.xland.terrain import (
    EAST,
    FLAT,
    NORTH,
    SOUTH,
    WEST,
    Terrain,
)
from allometry.environments.xland.told import Told
from allometry.environments.xland.xland import State

_RAMPS = {">": EAST, "<": WEST, "^": NORTH, "v": SOUTH}
_FLOORS = {"b": 1, "r": 2, "w": 3}
#: Two players, apart.
TWO = ((1.5, 1.5, 0.0), (3.5, 3.5, np.pi))
#: An atom of a goal: predicate, a, b; then, perhaps, its clause and if it is negated.
Atom = tuple
#: A rule: predicate, a, b, spawned kinds.
Rule = tuple[str, int, int, tuple[int, ...]]


def dials(**changes) -> Complexity:
    """Give dials of an arena of 5 × 5 with four shapes and colours."""
    values = {
        "arena": 5, "levels": 2, "objects": 4, "shapes": 4, "colours": 4,
        "predicates": PREDICATES, "rules": 2, "chain": 0, "duration": 10,
    }  # fmt: skip
    return Complexity(**{**values, **changes})


def stage(
    rows: Sequence[str] = (".....",) * 5,
    *,
    objects: Sequence[tuple[int, float, float]] = (),
    players: Sequence[tuple[float, float, float]] = ((1.5, 1.5, -np.pi / 2),),
    frozen: Sequence[int] = (),
    goals: Sequence[Sequence[Atom]] = ((("near", 0, 1),),),
    rules: Sequence[Rule] = (),
    hidden: Hidden | None = None,
    **changes,
) -> Scene:
    """Set up a scene: a map, its north at the top; objects (kind, x, y), players (x, y,
    heading); goals and rules. Dials have room for what is given.

    Glyphs are `.`, `1`, `2`, `#`, `b`, `r`, `w`, and ramps `>`, `<`, `^`, `v`.
    """
    at = dials(
        players=len(players),
        objects=max(4, len(objects)),
        rules=max(2, len(rules)),
        atoms=max(len(goal) for goal in goals),
        **changes,
    )
    slots = at.objects - len(objects)
    x = [p[0] for p in players] + [o[1] for o in objects] + [1.5] * slots
    y = [p[1] for p in players] + [o[2] for o in objects] + [1.5] * slots
    kinds = np.array([o[0] for o in objects] + [-1] * slots, np.int32)
    stuck = np.array([n in frozen for n in range(at.objects)])
    nothing = hidden or secrets(at)
    game = Game(_goal(goals, at), _rules(rules, at), nothing, kinds, stuck, np.int32(0))
    terrain = _terrain(rows, at)
    task = Task(
        terrain, np.float32(x), np.float32(y), game, Told(np.zeros(()), np.zeros(()))
    )
    return Scene(_begun(task, players, at), at, "A title")


def secrets(at: Complexity, **hidden) -> Hidden:
    """Hide nothing but what is named: `rules`, `kinds`, `predicates`, by player."""
    P, R, T = at.players, at.rules, at.types
    found = {
        "rules": np.zeros((P, R), bool),
        "kinds": np.zeros((P, T), bool),
        "predicates": np.zeros((P, R), bool),
    }
    for name, pairs in hidden.items():
        for player, number in pairs:
            found[name][player, number] = True
    return Hidden(**found)


def changed(scene: Scene, **fields) -> State:
    """Give a scene's state with other fields of its bodies, players or clock."""
    state = scene.state
    of_bodies = {
        name: value for name, value in fields.items() if name in Bodies._fields
    }
    of_players = {
        name: value for name, value in fields.items() if name in Players._fields
    }
    rest = {name: value for name, value in fields.items() if name in State._fields}
    return state._replace(
        bodies=state.bodies._replace(**of_bodies),
        players=state.players._replace(**of_players),
        **rest,
    )


def acted(reward: Sequence[Sequence[float]], **given) -> tuple[Episode, Complexity]:
    """Walk the first player along x through an episode with these rewards `[T, P]`."""
    trials = given.get("trials", 1)
    scene = stage(duration=len(reward) // trials, **given)
    states = []
    for step in range(len(reward) + 1):
        trial = min(step // scene.dials.duration, trials - 1)
        x = scene.state.bodies.x.copy()
        x[0] += 3 * step / len(reward)
        time = np.int32(step - trial * scene.dials.duration)
        states.append(changed(scene, x=x, time=time, trial=np.int32(trial)))
    gained = np.array([[0.0] * scene.dials.players, *reward], np.float32)
    return Episode(tuple(states), gained), scene.dials


def _begun(task: Task, players: Sequence[tuple], at: Complexity) -> State:
    count = len(players)
    kind = np.concatenate([np.full(count, -1), task.game.kinds])
    still = np.zeros(at.bodies, np.float32)
    i, j = np.floor(task.x).astype(int), np.floor(task.y).astype(int)
    bodies = Bodies(
        x=task.x,
        y=task.y,
        u=still,
        v=still,
        height=task.terrain.height[i, j].astype(np.float32),
        climb=still,
        kind=kind,
        exists=np.concatenate([np.ones(count, bool), task.game.kinds >= 0]),
        frozen=np.concatenate([np.zeros(count, bool), task.game.frozen]),
        holder=np.full(at.bodies, -1),
    )
    heading = np.float32([player[2] for player in players])
    known = {
        "task": task,
        "bodies": bodies,
        "players": Players(heading, np.zeros(count, np.int32)),
        "time": np.int32(0),
        "trial": np.int32(0),
    }
    return State(**{name: known.get(name) for name in State._fields})


def _terrain(rows: Sequence[str], at: Complexity) -> Terrain:
    """Read a map: the last row is that of the lowest y."""
    wall = wall_height(at)
    height = np.full((at.arena + 2, at.arena + 2), wall, np.int8)
    ramp, colour = np.zeros_like(height), np.zeros_like(height)
    for j, row in enumerate(reversed(rows), start=1):
        for i, glyph in enumerate(row, start=1):
            level = int(glyph) if glyph.isdigit() else 0
            height[i, j] = wall if glyph == "#" else level
            ramp[i, j] = _RAMPS.get(glyph, FLAT)
            colour[i, j] = _FLOORS.get(glyph, 0)
    return Terrain(height, ramp, colour)


def _goal(goals: Sequence[Sequence[Atom]], at: Complexity) -> Goal:
    table = np.zeros((5, at.players, at.atoms), np.int32)
    table[4] = -1
    for player in range(at.players):
        for k, atom in enumerate(goals[min(player, len(goals) - 1)]):
            predicate, a, b, *rest = atom
            clause, negated = (*rest, 0, False)[:2] if len(rest) < 2 else rest
            numbers = PREDICATES.index(predicate), negated, a, b, clause
            table[:, player, k] = numbers
    predicate, negated, a, b, clause = table
    return Goal(predicate, negated.astype(bool), a, b, clause)


def _rules(rules: Sequence[Rule], at: Complexity) -> Rules:
    table = np.zeros((3, at.rules), np.int32)
    spawns = np.full((at.rules, SPAWNS), -1, np.int32)
    for number, (predicate, a, b, made) in enumerate(rules):
        table[:, number] = PREDICATES.index(predicate), a, b
        spawns[number, : len(made)] = made
    return Rules(*table, spawns, np.arange(at.rules) < len(rules))
