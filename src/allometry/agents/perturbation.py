"""Perturbation: a hyper-parameter times a factor, within the bounds of its type.

What lies in [0, 1] (a discount, a trace) is perturbed in its distance from 1: γ = .99
times .8 is no discount that anyone wants, while 1 − γ is one over the horizon, which
may well grow or shrink by a fifth.
"""

import functools
import math
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

#: The least distance from 1 of what lies in [0, 1]. At 1 itself no factor would move
#: it, and much closer a factor of 1.2 would be lost in the rounding of 32 bits.
CLOSEST = 1e-6

#: A product of finite numbers may overflow, one of positive numbers may round to 0
#: and would stay there; neither shall be.
LIMITS = np.finfo(np.float32)

Settings = dict[str, Float[Array, ""]]


class Bounds(NamedTuple):
    """The least and the greatest value that a hyper-parameter may take."""

    least: float
    greatest: float

    @property
    def fraction(self) -> bool:
        """Say whether it lies in [0, 1]."""
        return self == (0.0, 1.0)


@functools.cache
def bounds(agent: type) -> Mapping[str, Bounds]:
    """Read the bounds of every field of an agent's class off its type."""
    hints = typing.get_type_hints(agent, include_extras=True)
    return {name: _bounds(hint) for name, hint in hints.items()}


def scaled(
    value: Float[Array, ""], factor: Float[Array, ""], within: Bounds
) -> Float[Array, ""]:
    """Multiply a value, or its distance from 1 if in [0, 1], and keep its bounds."""
    if within.fraction:
        return 1 - jnp.clip((1 - value) * factor, CLOSEST, 1.0)
    return jnp.clip(value * factor, within.least, within.greatest)


def still(value: float, within: Bounds) -> bool:
    """Say whether no factor would change a value."""
    return value == (1.0 if within.fraction else 0.0)


def perturbed(
    settings: Settings,
    within: Mapping[str, Bounds],
    factors: tuple[float, ...],
    key: Key[Array, ""],
) -> Settings:
    """Multiply each of the settings that are in `within` by one of `factors`."""

    def draw(key: Key[Array, ""]) -> Float[Array, ""]:
        return jax.random.choice(key, jnp.array(factors, jnp.float32))

    return _each(settings, within, draw, key)


def spread(
    settings: Settings,
    within: Mapping[str, Bounds],
    most: float,
    key: Key[Array, ""],
) -> Settings:
    """Multiply each by a factor that is log-uniform between 1/`most` and `most`."""

    def draw(key: Key[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(jax.random.uniform(key, (), minval=-1) * math.log(most))

    return _each(settings, within, draw, key)


def _each(
    settings: Settings, within: Mapping[str, Bounds], draw: Any, key: Key[Array, ""]
) -> Settings:
    keys = jax.random.split(key, len(within))
    return settings | {
        name: scaled(settings[name], draw(key), limits)
        for key, (name, limits) in zip(keys, within.items(), strict=True)
    }


def _bounds(hint: Any) -> Bounds:
    """Find `Field(ge=…)` and its like in an annotated type."""
    least, greatest = -float(LIMITS.max), float(LIMITS.max)
    for field in getattr(hint, "__metadata__", ()):
        for limit in getattr(field, "metadata", ()):
            for name in ("ge", "gt"):
                least = max(least, getattr(limit, name, least))
            for name in ("le", "lt"):
                greatest = min(greatest, getattr(limit, name, greatest))
    if least == 0.0 and greatest != 1.0:
        least = float(LIMITS.tiny)
    return Bounds(float(least), float(greatest))
