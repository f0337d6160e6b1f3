"""Eyes: pictures of a state as its players see it; `render` draws it from above."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt8

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.exhibit import QUICK
from allometry.environments.xland.views import pixels
from allometry.environments.xland.xland import State


def look(state: State, dials: Complexity) -> UInt8[np.ndarray, "P H W 3"]:
    """Draw what each player sees, first-person: RGB, 72 × 96 pixels."""
    return np.asarray(_compiled(dials)(state))


@functools.lru_cache(maxsize=8)
def _compiled(dials: Complexity) -> Callable[[Any], Array]:
    """Compile for given dials, once for all states."""
    nothing = jnp.zeros(dials.players)

    @functools.partial(jax.jit, compiler_options=QUICK)
    def seen(state: State) -> Array:
        land = state.task.terrain.land()
        bodies, players, relations = state.bodies, state.players, state.relations
        clock = state.time, state.trial
        shown = pixels.observe(dials, land, bodies, players, relations, *clock, nothing)
        return shown[0]

    return seen
