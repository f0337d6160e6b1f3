"""Scene: a state of XLand written down by hand, and what players do in it.

One environment serves all tests of the core, so that it is compiled once: an arena of
7 × 7, two players, four slots for objects, all predicates, two rules, two atoms.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland import Complexity, XLand
from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.game import Game, Goal, Hidden, Rules
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.terrain import EAST, FLAT, NORTH, SOUTH, WEST, Terrain
from allometry.environments.xland.told import tell
from allometry.environments.xland.xland import State

DIALS = Complexity(
    arena=7, levels=1, objects=4, shapes=2, colours=2, predicates=PREDICATES, atoms=2,
    rules=2, chain=0, distractors=2, players=2, duration=1000,
)  # fmt: skip
XLAND = XLand(DIALS)
TOUCHING, NEAR, HOLD, SEE, ON, SIGHT = range(len(PREDICATES))
#: Things: four kinds of objects, then the players.
BLACK_CUBE, PURPLE_CUBE, BLACK_SPHERE, PURPLE_SPHERE, ME, YOU = range(6)
#: Deeds by group of the factored action.
STAY = (0, 0, 0, 0, 0, 0)
FORWARDS, BACKWARDS = (1, 0, 0, 0, 0, 0), (2, 0, 0, 0, 0, 0)
LEFT, RIGHT = (0, 0, 1, 0, 0, 0), (0, 0, 2, 0, 0, 0)
GRAB, DROP = (0, 0, 0, 1, 0, 0), (0, 0, 0, 2, 0, 0)
SOFTLY, HARD = (0, 0, 0, 0, 1, 0), (0, 0, 0, 0, 2, 0)
TAG, FREE = (0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 2)

EMPTY = (".......",) * 7
_CELLS = {
    ".": (0, FLAT, 0), "1": (1, FLAT, 0), "#": (3, FLAT, 0), ">": (0, EAST, 0),
    "<": (0, WEST, 0), "^": (0, NORTH, 0), "v": (0, SOUTH, 0), "b": (0, FLAT, 1),
}  # fmt: skip
#: Where players are who are not wanted: in a corner, behind each other's back.
_ASIDE = ((1.5, 1.5, np.pi), (7.5, 1.5, 0.0))

Atom = tuple[int, bool, int, int, int]


def scene(
    rows: Sequence[str] = EMPTY,
    *,
    players: Sequence[tuple[float, float, float]] = (),
    objects: Sequence[tuple[int, float, float]] = (),
    frozen: Sequence[int] = (),
    goals: Sequence[Sequence[Atom]] = (),
    rules: Sequence[tuple[int, int, int, Sequence[int]]] = (),
    hidden: Hidden | None = None,
) -> State:
    """Write a state: a map (north at the top), bodies at places, goals, rules.

    Players are (x, y, heading in radians), objects (kind, x, y), goals atoms
    (predicate, negated, a, b, clause), rules (predicate, a, b, spawned kinds).
    """
    players = [*players, *_ASIDE[len(players) :]]
    slots = DIALS.objects - len(objects)
    x = [p[0] for p in players] + [o[1] for o in objects] + [1.5] * slots
    y = [p[1] for p in players] + [o[2] for o in objects] + [1.5] * slots
    kinds = [o[0] for o in objects] + [-1] * slots
    game = Game(
        _goal(goals),
        _rules(rules),
        hidden or _nothing(),
        jnp.array(kinds, jnp.int32),
        jnp.array([n in frozen for n in range(DIALS.objects)]),
        jnp.int32(0),
    )
    task = Task(_terrain(rows), jnp.float32(x), jnp.float32(y), game, tell(game, DIALS))
    return _facing(task, jnp.float32([p[2] for p in players]))


@jax.jit
def _facing(task: Task, heading: jax.Array) -> State:
    state, _ = XLAND.reset(jax.random.key(0), task)
    state = state._replace(players=state.players._replace(heading=heading))
    land = task.terrain.land()
    return state._replace(relations=XLAND._relations(land, state.bodies, heading))


def _terrain(rows: Sequence[str]) -> Terrain:
    cells = np.array([[_CELLS[glyph] for glyph in row] for row in rows])
    # Rows run from north to south; the axes are x (east) and y (north).
    fields = [np.flipud(cells[:, :, n]).T for n in range(3)]
    fills = (3, FLAT, 0)
    padded = (
        np.pad(f, 1, constant_values=c) for f, c in zip(fields, fills, strict=True)
    )
    return Terrain(*(jnp.array(field, jnp.int8) for field in padded))


def _goal(goals: Sequence[Sequence[Atom]]) -> Goal:
    nothing = (0, False, 0, 0, -1)
    table = [
        [*mine, *[nothing] * (DIALS.atoms - len(mine))]
        for mine in [*goals, *[()] * (DIALS.players - len(goals))]
    ]
    columns = [[[atom[n] for atom in mine] for mine in table] for n in range(5)]
    kinds = (jnp.int32, bool, jnp.int32, jnp.int32, jnp.int32)
    return Goal(*(jnp.array(c, k) for c, k in zip(columns, kinds, strict=True)))


def _rules(rules: Sequence[tuple[int, int, int, Sequence[int]]]) -> Rules:
    count = DIALS.rules
    whole = [*rules, *[(0, 0, 0, ())] * (count - len(rules))]
    predicate, a, b = (jnp.array([r[n] for r in whole], jnp.int32) for n in range(3))
    spawns = [[*r[3], *[-1] * (3 - len(r[3]))] for r in whole]
    active = jnp.arange(count) < len(rules)
    return Rules(predicate, a, b, jnp.array(spawns, jnp.int32), active)


def _nothing() -> Hidden:
    P, R, T = DIALS.players, DIALS.rules, DIALS.types
    return Hidden(
        jnp.zeros((P, R), bool), jnp.zeros((P, T), bool), jnp.zeros((P, R), bool)
    )


_step = jax.jit(functools.partial(XLAND.step, jax.random.key(1)))


def act(state: State, *deeds: Sequence[int], other: Sequence[int] = STAY):
    """Let the first player do `deeds` one after the other; give state, time step."""
    timestep = None
    for deed in deeds:
        state, timestep = _step(state, jnp.array([deed, other], jnp.int32))
    return state, timestep


def is_related(state: State, predicate: int, a: int, b: int) -> bool:
    """Say whether a relation holds between two bodies, by index: players first."""
    return bool((int(state.relations[a, b]) >> predicate) & 1)
