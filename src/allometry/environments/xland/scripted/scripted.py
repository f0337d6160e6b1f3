"""Scripted: players with full knowledge, who play tasks by the solver's chain.

`plan` writes down, in lines of skills, what players have to do; `play` lets a director,
which decides anew whenever objects change, play many tasks at once.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.scripted import view
from allometry.environments.xland.scripted.director import Director
from allometry.environments.xland.scripted.view import View
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.xland import XLand
from allometry.refusal import Refusal


class Played(NamedTuple):
    """Episodes of a batch of tasks: rewards `[B, T, P]`, and what was done in each.

    `said` holds, by task, the last trial's lines: the agent step at which each ended,
    the player, the line, and "done" or why it was given up.
    """

    rewards: Float[np.ndarray, "B T P"]
    said: tuple[tuple[tuple[int, int, str, str], ...], ...]


def plan(task: Task, dials: Complexity) -> list[list[str]]:
    """Write down what each player has to do for its goal, in lines of skills.

    It is the chain from the start if nothing comes in between. Players whose goal is
    another's too, or cannot be reached, do what the others' chains ask of them.
    """
    world = view.world(task, dials)
    director = Director(world, view.start(world, task))
    lines: list[list[str]] = [[] for _ in range(dials.players)]
    done: list[list[tuple[int, str]]] = []
    for player in range(dials.players):
        steps = director.plan(player)
        if steps not in done:
            done.append(steps)
            for who, line in steps:
                lines[who].append(line)
    return lines


def play(environment: XLand, tasks: Task, *, seed: int = 0, attempt: int = 0) -> Played:
    """Play an episode of each of a batch of tasks; `attempt` varies the choices made.

    Raises `Refusal` for an environment whose actions are not factored.
    """
    dials = environment.dials
    if dials.actions != "factored":
        raise Refusal("Scripts play with factored actions: set actions to factored.")
    count = len(tasks.x)
    begin, step = _compiled(environment)
    host = jax.device_get(tasks)
    worlds = [view.world(_one(host, n), dials) for n in range(count)]
    key = jax.random.key(seed)
    state, _ = begin(jax.random.split(key, count), tasks)
    none = np.zeros((count, dials.players), np.float32)
    rewards, directors, trial, last = [], list[Director](), -1, none
    for number in range(dials.steps):
        seen = _views(state, count)
        if seen[0].trial != trial:
            trial, last = seen[0].trial, none
            directors = [
                Director(world, each, attempt)
                for world, each in zip(worlds, seen, strict=True)
            ]
        actions = [
            director.act(each, reward)
            for director, each, reward in zip(directors, seen, last, strict=True)
        ]
        keys = jax.random.split(jax.random.fold_in(key, number), count)
        state, answer = step(keys, state, jnp.array(actions, jnp.int32))
        last = np.asarray(answer.reward)
        rewards.append(last)
    said = tuple(tuple(director.said) for director in directors)
    return Played(np.stack(rewards, 1), said)


def _views(state: Any, count: int) -> list[View]:
    """See all copies."""
    fields = state.bodies, state.players, state.time, state.trial
    host = jax.device_get(fields)
    return [view.view(*_one(host, n)) for n in range(count)]


def _one(batch: Any, number: int) -> Any:
    return jax.tree.map(lambda field: field[number], batch)


@functools.lru_cache(maxsize=2)
def _compiled(environment: XLand) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return jax.jit(jax.vmap(environment.reset)), jax.jit(jax.vmap(environment.step))
