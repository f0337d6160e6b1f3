"""Arena: tasks drawn in characters, and scripted players that act in them.

One environment serves all tests of skills, so that it is compiled once: an arena of
9 × 9, two players, six slots for objects, all predicates, three rules.
"""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from allometry.environments.xland import Complexity, XLand
from allometry.environments.xland.complexity import PREDICATES
from allometry.environments.xland.game import Game
from allometry.environments.xland.probes import cast, glyphs, sentence
from allometry.environments.xland.scripted.replay import Replay, replay
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.told import tell

DIALS = Complexity(
    arena=9, levels=1, objects=6, predicates=PREDICATES, atoms=2, rules=3, chain=1,
    distractors=2, hidden=0.0, players=2, duration=150,
)  # fmt: skip
XLAND = XLand(DIALS)
#: Letters of maps: two players, objects, marks.
LEGEND = {
    "P": "player 1", "Q": "player 2", "A": "black cube", "B": "purple sphere",
    "C": "yellow pyramid", "D": "yellow cube", "X": "mark", "Y": "mark",
    "F": "frozen purple sphere",
}  # fmt: skip

#: A room without anything, and a closet for the player that is not wanted.
ROOM = """
###########
#.......#Q#
#.......###
#.........#
#.........#
#.........#
#.........#
#.........#
#.........#
#.........#
###########
"""


def room(*marks: tuple[str, int, int]) -> str:
    """Draw letters into the empty room, at x and y."""
    rows = [list(row) for row in ROOM.strip().split("\n")]
    for letter, x, y in marks:
        rows[len(rows) - 1 - y][x] = letter
    return "\n".join("".join(row) for row in rows)


def game(
    goals: Sequence[str],
    rules: Sequence[str] = (),
    objects: Sequence[str] = (),
    frozen: Sequence[int] = (),
    dials: Complexity = DIALS,
) -> Game:
    """Write a game in words, on the host; every player without a goal has the first."""
    read = [sentence.goal(text) for text in goals]
    read += read[:1] * (dials.players - len(read))
    named = {str(n): sentence.rule(text) for n, text in enumerate(rules)}
    kinds = [sentence.kind(name, dials.colours) for name in objects]
    kinds += [-1] * (dials.objects - len(kinds))
    return Game(
        cast.goal(read, dials),
        cast.rules(named, dials),
        cast.hidden([cast.Secret()] * dials.players, named, dials),
        np.array(kinds, np.int32),
        np.isin(np.arange(dials.objects), frozen),
        np.int32(0),
    )


def task(
    drawn: str,
    goals: Sequence[str] = ("player 1 holds black cube",),
    rules: Sequence[str] = (),
) -> Task:
    """Draw a task."""
    used = {letter: text for letter, text in LEGEND.items() if letter in drawn}
    legend = {letter: glyphs.entry(letter, text) for letter, text in used.items()}
    drawing = glyphs.draw(drawn, legend)
    placed = cast.placed(drawing, legend, DIALS)
    written = game(goals, rules)._replace(kinds=placed.kinds, frozen=placed.frozen)
    written = jax.tree.map(jnp.asarray, written)
    terrain = jax.tree.map(jnp.asarray, cast.terrain(drawing, DIALS))
    x, y = jnp.asarray(placed.x), jnp.asarray(placed.y)
    return Task(terrain, x, y, written, tell(written, DIALS))


def marks(drawn: str) -> Mapping[str, tuple[int, int]]:
    """Find the cells of a map's marks."""
    rows = drawn.strip("\n").split("\n")
    return {
        glyph: (x, len(rows) - 1 - number)
        for number, row in enumerate(rows)
        for x, glyph in enumerate(row)
        if glyph in "XY"
    }


@functools.cache
def _reset() -> jax.stages.Wrapped:
    return jax.jit(XLAND.reset)


def perform(
    drawn: str,
    *plans: Sequence[str],
    rules: Sequence[str] = (),
    goals: Sequence[str] = ("player 1 holds black cube",),
    steps: int = 60,
    seed: int = 0,
) -> Replay:
    """Let players carry out plans; those without one stay."""
    state, _ = _reset()(jax.random.key(seed), task(drawn, goals, rules))
    every = [*plans, *[()] * (2 - len(plans))]
    return replay(
        XLAND, state, every, seed, places=marks(drawn), steps=steps, keep_states=True
    )


def where(played: Replay, name: str, step: int = -1) -> list[tuple[float, float]]:
    """Say where all objects of a kind, or a player, are after a step."""
    bodies = played.states[step].bodies
    number = sentence.player(name)
    if number is not None:
        return [(float(bodies.x[number]), float(bodies.y[number]))]
    kind = sentence.kind(name, DIALS.colours)
    found = np.flatnonzero(bodies.exists & (bodies.kind == kind))
    return [(float(bodies.x[n]), float(bodies.y[n])) for n in found]


def holds(played: Replay, player: int, name: str, step: int = -1) -> bool:
    """Say whether a player holds an object of a kind after a step."""
    bodies = played.states[step].bodies
    kind = sentence.kind(name, DIALS.colours)
    return bool(
        (bodies.exists & (bodies.kind == kind) & (bodies.holder == player)).any()
    )
