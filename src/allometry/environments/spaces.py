"""Spaces: specs, observations and pictures in Gymnasium's words, for its adapters."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from allometry.environments.environment import Environment, State
from allometry.environments.foreign import missing
from allometry.environments.xland import XLand
from allometry.environments.xland.pictures.render import render
from allometry.refusal import Refusal
from allometry.specs import ArraySpec

try:
    from gymnasium import spaces
except ModuleNotFoundError as error:
    raise missing("gymnasium", error) from error

#: Pictures a second of an episode's film: the agent steps of XLand.
FRAMES = 7.5


def space(specs: PyTree[ArraySpec]) -> spaces.Space:
    """Describe one player's observation or action to Gymnasium.

    Discrete, MultiDiscrete and Box for one array; Dict for a NamedTuple of specs, Tuple
    for a tuple. Raises `Refusal` for any other structure.
    """
    if not isinstance(specs, ArraySpec):
        return _of_several(specs)
    if specs.num_values is None:
        return spaces.Box(*_bounds(specs), specs.shape, np.dtype(specs.dtype).type)
    if specs.shape == ():
        return spaces.Discrete(specs.num_values)
    counts = np.full(specs.shape, specs.num_values)
    return spaces.MultiDiscrete(counts, np.dtype(specs.dtype).type)


def plain(specs: PyTree[ArraySpec], arrays: Any) -> Any:
    """Give arrays that are structured like `specs` in the structure of their `space`.

    They are copies, which may be written to.
    """
    if not isinstance(specs, ArraySpec):
        parts = [plain(*pair) for pair in zip(specs, arrays, strict=True)]
        fields = getattr(specs, "_fields", None)
        return dict(zip(fields, parts, strict=True)) if fields else tuple(parts)
    if specs.num_values is not None and np.ndim(arrays) == 0:
        return int(arrays)
    return np.array(arrays)


def metadata(environment: Environment, render_mode: str | None) -> dict[str, Any]:
    """Say how an environment can be drawn; refuse a `render_mode` that it has not."""
    modes = [] if _painter(environment) is None else ["rgb_array"]
    if render_mode is not None and render_mode not in modes:
        raise Refusal(
            f"render_mode is {render_mode!r}, and {type(environment).__name__} has "
            f"{', '.join(modes) or 'none'}."
        )
    return {"render_modes": modes, "render_fps": FRAMES}


def picture(
    environment: Environment, render_mode: str | None, state: State
) -> np.ndarray | None:
    """Draw a state, RGB uint8 `[H, W, 3]`, if `render_mode` says so."""
    paint = _painter(environment)
    if render_mode is None or paint is None:
        return None
    return paint(jax.device_get(state))


def _painter(environment: Environment) -> Callable[[State], np.ndarray] | None:
    """Find what draws a state on the host, if anything does."""
    if isinstance(environment, XLand):
        return functools.partial(render, dials=environment.dials)
    return getattr(environment, "render", None)


def _of_several(specs: Any) -> spaces.Space:
    if isinstance(specs, tuple) and hasattr(specs, "_fields"):
        parts = zip(specs._fields, specs, strict=True)
        return spaces.Dict({name: space(part) for name, part in parts})
    if isinstance(specs, tuple):
        return spaces.Tuple([space(part) for part in specs])
    raise Refusal(
        f"An observation is structured by {type(specs).__name__}; Gymnasium can be "
        "given one array, a NamedTuple or a tuple."
    )


def _bounds(spec: ArraySpec) -> tuple[float, float]:
    """Give the bounds of an array; integers have those of their type."""
    if np.issubdtype(spec.dtype, np.integer):
        limits = np.iinfo(spec.dtype)
        least, most = float(limits.min), float(limits.max)
    else:
        least, most = -np.inf, np.inf
    low, high = spec.minimum, spec.maximum
    return least if low is None else low, most if high is None else high
