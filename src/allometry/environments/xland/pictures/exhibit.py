"""Exhibit: tasks chosen to be shown, by the numbers of their worlds and games."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.card import Scene
from allometry.environments.xland.probes.probe import Probe
from allometry.environments.xland.tasks.novelty import Novelty
from allometry.environments.xland.tasks.task import POOL, make
from allometry.environments.xland.xland import State, XLand
from allometry.refusal import Refusal

#: What is shown runs a few times only: XLA is to compile fast, not well.
QUICK = {"xla_backend_optimization_level": 0}


class Numbers(NamedTuple):
    """The number of a task's world and of its game; held-out ones are odd."""

    world: int
    game: int

    @property
    def title(self) -> str:
        """Name the task, and its split where world and game are of one."""
        split = {(0, 0): " · training", (1, 1): " · held out"}
        parity = self.world % 2, self.game % 2
        return f"World {self.world} · game {self.game}{split.get(parity, '')}"


def choose(
    count: int,
    seed: int,
    *,
    held_out: bool = False,
    world: int | None = None,
    game: int | None = None,
) -> tuple[Numbers, ...]:
    """Draw numbers of tasks of a split; a world or a game that is given is kept.

    Raises `Refusal` for a number that no world or game has.
    """
    for name, number in (("world", world), ("game", game)):
        if number is not None and not 0 <= number < 2 * POOL:
            raise Refusal(
                f"There is no {name} {number}: they are numbered from 0 to "
                f"{2 * POOL - 1}."
            )
        if held_out and number is not None and number % 2 == 0:
            raise Refusal(
                f"{name.capitalize()} {number} is of the training split, and held-out "
                "ones are odd: give an odd number, or do not ask for held-out tasks."
            )
    drawn = 2 * np.random.default_rng(seed).integers(POOL, size=(count, 2)) + held_out
    return tuple(
        Numbers(
            int(of_world) if world is None else world,
            int(of_game) if game is None else game,
        )
        for of_world, of_game in drawn
    )


def sampled(
    chosen: Sequence[Numbers],
    dials: Complexity,
    seed: int,
    novelty: Novelty | None = None,
) -> tuple[Scene, ...]:
    """Make the tasks of these numbers and begin each; states are on the host."""
    reset = jax.jit(XLand(dials).reset, compiler_options=QUICK)
    made = jax.jit(
        functools.partial(make, dials=dials, novelty=novelty), compiler_options=QUICK
    )
    keys = jax.random.split(jax.random.key(seed), len(chosen))
    return tuple(
        _scene(reset(key, made(*one))[0], dials, one.title)
        for key, one in zip(keys, chosen, strict=True)
    )


def by_hand(probe: Probe, seed: int) -> Scene:
    """Begin a probe's task."""
    reset = jax.jit(XLand(probe.dials).reset, compiler_options=QUICK)
    state, _ = reset(jax.random.key(seed), probe.task)
    return _scene(state, probe.dials, f"{probe.name}: {probe.asks}")


def _scene(state: State, dials: Complexity, title: str) -> Scene:
    return Scene(jax.tree.map(np.asarray, state), dials, title)
