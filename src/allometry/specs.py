"""Specs: the shape, dtype and range of the arrays that cross a contract.

The one vocabulary that environments, networks and agents share. An observation
spec may be any pytree of `ArraySpec`s; everything here is static (no JAX, no
arrays), so that specs can be hashed, compared and closed over.
"""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One array, for one player and without a batch axis.

    `num_values` marks a discrete quantity: integers 0 … num_values − 1. `minimum`
    and `maximum` are inclusive bounds of each element; `None` means unbounded.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    minimum: float | None = None
    maximum: float | None = None
    num_values: int | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        product = 1
        for length in self.shape:
            product *= length
        return product


def discrete(num_values: int) -> ArraySpec:
    """Describe one integer out of 0 … num_values − 1."""
    return ArraySpec((), "int32", 0.0, float(num_values - 1), num_values)


@dataclasses.dataclass(frozen=True)
class EnvironmentSpec:
    """What an agent must know of an environment: observation, action, players.

    `observation` and `action` describe one player; every array of a `TimeStep`
    that belongs to players has a leading axis of length `players`, also when
    there is one. `reward_range` bounds the reward of one step. An environment that is
    not `episodic` neither terminates nor truncates: the rollout then never resets,
    and keeps no observation twice.
    """

    observation: Any
    action: ArraySpec
    players: int = 1
    reward_range: tuple[float, float] = (float("-inf"), float("inf"))
    episodic: bool = True
