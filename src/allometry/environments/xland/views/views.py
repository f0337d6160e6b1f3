"""Views: the kinds of observation of XLand, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.told import shown
from allometry.environments.xland.views import entities, pixels, rays, tokens


class View(NamedTuple):
    """A kind of observation.

    `record` is its type, which `spec` describes for one player. `observe` gives what
    changes at each step, for arrays with trailing axes of copies; `told` what a task
    has of it. The last that is observed, `self`, follows what is told.
    """

    record: Callable[..., Any]
    spec: Callable[[Complexity], Any]
    observe: Callable[..., tuple[Array, ...]]
    told: Callable[[Complexity, Task], tuple[Array, ...]]

    def whole(self, dials: Complexity, task: Task, seen: tuple[Array, ...]) -> Any:
        """Put together what is seen and what is told."""
        return self.record(*seen[:-1], *self.told(dials, task), seen[-1])


def _tables(dials: Complexity, task: Task) -> tuple[Array, ...]:
    return shown(task.told)


def _words(dials: Complexity, task: Task) -> tuple[Array, ...]:
    return (tokens.write(task.game, dials).astype(jnp.int32),)


#: Kinds of observation by the name that `XLand` takes.
VIEWS: dict[str, View] = {
    "entities": View(entities.Entities, entities.spec, entities.observe, _tables),
    "rays": View(rays.Rays, rays.spec, rays.observe, _tables),
    "pixels": View(pixels.Pixels, pixels.spec, pixels.observe, _tables),
    "language": View(tokens.Language, tokens.spec, entities.observe, _words),
}
