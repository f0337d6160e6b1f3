"""Specs: the shape, dtype and range of the arrays that cross a contract.

The one vocabulary that environments, networks and agents share. An observation
spec may be any pytree of `ArraySpec`s; everything here is static (no JAX, no
arrays), so that specs can be hashed, compared and closed over.
"""

import dataclasses
from typing import Any

#: How the elements of an array belong together; see `ArraySpec`.
LAYOUTS = ("vector", "set", "sequence", "image", "tokens")


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One array, for one player and without a batch axis.

    `num_values` marks a discrete quantity: integers 0 … num_values − 1. `minimum`
    and `maximum` are inclusive bounds of each element; `None` means unbounded.

    `layout` says how its elements belong together, for networks that care:

    | layout | shape | elements |
    |---|---|---|
    | `vector` | any | each stands for itself |
    | `set` | things, fields | rows in no order; the first field is 1, or 0 for no thing |
    | `sequence` | places, fields | rows side by side, such as rays |
    | `image` | rows, columns, channels | pixels |
    | `tokens` | places | words of a vocabulary of `num_values`; 0 is none |

    Raises `ValueError` for another layout, or a shape that it cannot have.
    """  # noqa: E501

    shape: tuple[int, ...]
    dtype: str = "float32"
    minimum: float | None = None
    maximum: float | None = None
    num_values: int | None = None
    layout: str = "vector"

    def __post_init__(self) -> None:
        axes = {"set": 2, "sequence": 2, "image": 3, "tokens": 1}
        if self.layout not in LAYOUTS:
            raise ValueError(f"{self.layout!r} is not one of {', '.join(LAYOUTS)}")
        if len(self.shape) != axes.get(self.layout, len(self.shape)):
            raise ValueError(
                f"a {self.layout} has {axes[self.layout]} axes, and its shape is "
                f"{self.shape}"
            )
        if self.layout == "tokens" and self.num_values is None:
            raise ValueError("tokens have a vocabulary: give num_values")

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
