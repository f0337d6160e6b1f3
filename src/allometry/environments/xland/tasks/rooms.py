"""Rooms: walls across an arena, with doors, so that every room can be reached."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from allometry.environments.xland.tasks.chance import Chance

#: An arena has up to one wall in each direction for so many cells of its side.
_PER_WALL = 4
#: Rooms are this wide at least; in an arena of 4, one is narrower.
_WIDTH = 2
#: Probability that a door is left out where two walls cross.
_DOORLESS = 0.5


def rooms(chance: Chance, n: int) -> Bool[Array, "n n"]:
    """Draw the walls of an arena of side `n`: at least one, with a door in each part.

    Where two walls cross, either the part to the north or that to the east may lack
    its door. Parts without doors then hang together in trees that meet the border once
    (the "binary tree" way to draw a maze), so that no room is cut off.
    """
    most = max(1, (n - 1) // _PER_WALL)
    count = chance.whole(most + 1, 2)
    count = count.at[0].max((count.sum() == 0).astype(jnp.int32))
    x, y = (_places(chance, count[side], most, n) for side in range(2))
    lacks = chance.coin(_DOORLESS, most, most)
    north = chance.coin(0.5, most, most)
    doors_x = _doors(chance, y, lacks & north, n)
    doors_y = _doors(chance, x, (lacks & ~north).T, n)
    wall = jnp.zeros((n, n), bool)
    wall = wall.at[x].set(True, mode="drop").at[:, y].set(True, mode="drop")
    wall = wall.at[x[:, None], doors_x].set(False, mode="drop")
    wall = wall.at[doors_y, y[:, None]].set(False, mode="drop")
    return _turned(chance, wall)


def _places(
    chance: Chance, count: Int[Array, ""], most: int, n: int
) -> Int[Array, " W"]:
    """Draw where `count` walls stand along one side, in order; n for the others."""
    number = jnp.arange(most)
    spare = jnp.maximum(n - count - _WIDTH * (count + 1), 0)
    share = jnp.sort(jnp.where(number < count, chance.uniform(most), 1.0))
    place = (1 + _WIDTH) * number + _WIDTH + jnp.floor(share * (spare + 1))
    return jnp.where(number < count, place, n).astype(jnp.int32)


def _doors(
    chance: Chance, across: Int[Array, " W"], lacks: Bool[Array, "W W"], n: int
) -> Int[Array, "W V"]:
    """Draw where doors are along walls, one between any two that cross them.

    `lacks[w, c]` says that wall w has none after it has crossed wall c. Gives n for no
    door.
    """
    most = len(across)
    first = jnp.concatenate([jnp.zeros(1, jnp.int32), across + 1])
    length = jnp.concatenate([across, jnp.full(1, n)]) - first
    door = first + chance.whole(length, most, most + 1)
    none = jnp.pad(lacks, ((0, 0), (1, 0))) | (length <= 0)
    return jnp.where(none, n, door)


def _turned(chance: Chance, wall: Bool[Array, "n n"]) -> Bool[Array, "n n"]:
    """Mirror an arena, or not, in each of three ways."""
    mirrored = chance.coin(0.5, 3)
    wall = jnp.where(mirrored[0], wall[::-1], wall)
    wall = jnp.where(mirrored[1], wall[:, ::-1], wall)
    return jnp.where(mirrored[2], wall.T, wall)
