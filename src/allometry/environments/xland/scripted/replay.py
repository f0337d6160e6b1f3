"""Replay: scripted players carry out their plans in the simulator."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from allometry.environments.xland.scripted import skills, view
from allometry.environments.xland.scripted.actor import Actor
from allometry.environments.xland.xland import State, XLand
from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Replay:
    """What came of plans: `rewards` `[T, P]`, and how each skill ended.

    `said` holds, for each player, pairs of a line and "done" or why it was given up.
    `states` are those after each step, if they were asked for.
    """

    rewards: Float[np.ndarray, "T P"]
    said: tuple[tuple[tuple[str, str], ...], ...]
    states: tuple[Any, ...] = ()


def replay(
    environment: XLand,
    state: State,
    plans: Sequence[Sequence[str]],
    seed: int = 0,
    *,
    places: Mapping[str, tuple[int, int]] | None = None,
    steps: int | None = None,
    keep_states: bool = False,
) -> Replay:
    """Play an episode from `state` with a plan for each player, anew in each trial.

    `places` are the cells of the marks that plans name; `steps` ends the episode early.
    A skill over a thing that there is not, or to which there is no way, waits for it.
    Raises `Refusal` for plans that cannot be read, or actions that are not factored.
    """
    dials = environment.dials
    if dials.actions != "factored":
        raise Refusal("Plans are replayed with factored actions: set actions so.")
    if len(plans) != dials.players:
        raise Refusal(
            f"There are {len(plans)} plans for {dials.players} players: give each one."
        )
    read = [[skills.parse(line) for line in plan] for plan in plans]
    world = view.world(state.task, dials, places)
    step = stepper(environment)
    rewards, states, actors = [], [], list[Actor]()
    said: list[list[tuple[str, str]]] = [[] for _ in plans]
    trial = -1
    for number in range(dials.steps if steps is None else steps):
        host = jax.device_get((state.bodies, state.players, state.time, state.trial))
        seen = view.view(*host)
        if seen.trial != trial:
            _close(actors, said)
            trial = seen.trial
            actors = [Actor(world, n, seen, plan) for n, plan in enumerate(read)]
        action = np.array([actor.act(seen) for actor in actors], np.int32)
        key = jax.random.fold_in(jax.random.key(seed), number)
        state, answer = step(key, state, jnp.asarray(action))
        rewards.append(np.asarray(answer.reward))
        if keep_states:
            states.append(jax.device_get(state))
    _close(actors, said)
    spoken = tuple(tuple(lines) for lines in said)
    return Replay(np.array(rewards), spoken, tuple(states))


def _close(actors: Sequence[Actor], said: list[list[tuple[str, str]]]) -> None:
    """Write down what was said in a trial."""
    for number, actor in enumerate(actors):
        said[number].extend(actor.said)


@functools.lru_cache(maxsize=2)
def stepper(environment: XLand) -> Callable[..., Any]:
    """Compile a step of an environment, once for all replays."""
    return jax.jit(environment.step)
