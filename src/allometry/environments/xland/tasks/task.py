"""Task: a world, a game, what is hidden of it, and how often it is tried.

A task is a value computed from two numbers, the world's and the game's, so that a pool
of any size costs no memory. Training numbers are even, held-out ones odd, and what is
computed from them never meets either: no topology but the empty arena is one of both
splits (see `topology`), and no game says in one what a game says in the other, however
its objects are placed and whatever of it is hidden (see `meaning`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.game import Game
from allometry.environments.xland.tasks.chance import Chance, draw
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.sampling import sample_game
from allometry.environments.xland.tasks.topology import is_open, passages, terrain
from allometry.environments.xland.terrain import FLAT, Terrain
from allometry.environments.xland.told import Told, tell
from allometry.refusal import Refusal

#: Seeds of worlds and games, whatever the seed of a run.
_WORLDS, _GAMES = 17, 29
#: Number of worlds, and of games, to draw from in either split.
POOL = 2**29
#: What makes a cell a good one to start on, most important first: the floor is flat;
#: no other body is on a cell beside it; others can walk round it.
_FLAT, _FAR, _CLEAR = 8.0, 4.0, 2.0
#: More than the bodies that can be on the cells around one.
_TAKEN = 100
#: Half the distance of two objects that touch at the start, m.
_BESIDE = 0.2


class Task(NamedTuple):
    """A task: `x`, `y` are where players, then objects, are at the start of a trial.

    `told` is the game as its players are told it.
    """

    terrain: Terrain
    x: Float[Array, " N"]
    y: Float[Array, " N"]
    game: Game
    told: Told


def sample(
    key: Key[Array, ""],
    dials: Complexity,
    *,
    held_out: bool = False,
    worlds: int = POOL,
    games: int = POOL,
    novelty: Novelty | None = None,
) -> Task:
    """Draw a task out of a split's first `worlds` × `games`; the key is consumed.

    Raises `Refusal` for a pool that is empty or larger than `POOL` × `POOL`.
    """
    world, game = numbers(key, held_out=held_out, worlds=worlds, games=games)
    return make(world, game, dials, novelty)


def numbers(
    key: Key[Array, ""],
    *,
    held_out: bool = False,
    worlds: int = POOL,
    games: int = POOL,
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """Draw the numbers of a world and of a game, as `sample` does."""
    check_pool("worlds", worlds)
    check_pool("games", games)
    world, game = jax.random.randint(key, (2,), 0, jnp.array([worlds, games]))
    return 2 * world + held_out, 2 * game + held_out


def check_pool(name: str, count: Any) -> None:
    """Raise `Refusal` for a pool that is empty, too large, or no number."""
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
    if not whole or not 1 <= count <= POOL:
        raise Refusal(
            f"A pool of {count!r} {name} cannot be: give a whole number of {name} from "
            f"1 to {POOL:,}."
        )


def make(
    world: Int[Array, ""],
    game: Int[Array, ""],
    dials: Complexity,
    novelty: Novelty | None = None,
) -> Task:
    """Compute a task from the numbers of its world and its game."""
    seeds = jnp.stack([jax.random.key(_WORLDS), jax.random.key(_GAMES)])
    keys = jax.vmap(jax.random.fold_in)(seeds, jnp.stack([world, game]))
    world_key, game_key = keys
    drawn, x, y = draw(world_key, lambda chance: _world(chance, world % 2, dials))
    played = sample_game(game_key, dials, novelty, game % 2)
    x, y = _joined(x, y, played, dials)
    return Task(drawn, x, y, played, tell(played, dials))


def _world(
    chance: Chance, side: Int[Array, ""], dials: Complexity
) -> tuple[Terrain, Float[Array, " N"], Float[Array, " N"]]:
    """Draw a terrain, and a place for every body on it."""
    drawn = terrain(chance, dials, side)
    return drawn, *_places(chance, drawn, dials)


def _places(
    chance: Chance, drawn: Terrain, dials: Complexity
) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Draw a cell of its own for every body, open and flat; it is at the centre.

    If there is room, no other is on the eight cells around it, so that bodies are not
    near each other, and what is frozen stands in no door and before no ramp.
    """
    side = drawn.height.shape[0]
    column, row = jnp.meshgrid(jnp.arange(side), jnp.arange(side), indexing="ij")
    good = is_open(drawn, dials) & (drawn.ramp == FLAT)
    score = chance.uniform(side, side) + _FLAT * good + _CLEAR * ~passages(drawn)

    def place(beside: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        free = jnp.where(beside < _TAKEN, score - _FAR * (beside > 0), -1.0)
        x, y = jnp.unravel_index(free.argmax(), free.shape)
        away = jnp.maximum(jnp.abs(column - x), jnp.abs(row - y))
        return beside + (away <= 1) + _TAKEN * (away == 0), (x, y)

    _, (x, y) = jax.lax.scan(place, jnp.zeros_like(column), None, length=dials.bodies)
    half = jnp.float32(0.5)
    return x + half, y + half


def _joined(
    x: Float[Array, " N"], y: Float[Array, " N"], played: Game, dials: Complexity
) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Put two objects beside each other whom the goal is to part, in one cell."""
    if dials.atoms > 1:
        return x, y
    apart = played.goal.negated[0, 0]
    none = jnp.zeros(dials.players, bool)
    first = jnp.concatenate([none, played.kinds == played.goal.a[0, 0]]) & apart
    second = jnp.concatenate([none, played.kinds == played.goal.b[0, 0]]) & apart
    middle_x, middle_y = jnp.sum(first * x), jnp.sum(first * y)
    x = jnp.where(first, x - _BESIDE, jnp.where(second, middle_x + _BESIDE, x))
    return x, jnp.where(second, middle_y, y)
