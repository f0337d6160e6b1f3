"""Episode: what happened from a task's first trial to its last, on the host."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt8

from allometry.environments.xland.complexity import Complexity
from allometry.environments.xland.pictures.exhibit import QUICK
from allometry.environments.xland.pictures.eyes import look
from allometry.environments.xland.tasks.task import Task
from allometry.environments.xland.xland import State, XLand

#: Draws the actions `[P, …]` of all players; consumes the key.
Policy = Callable[[Key[Array, ""]], Array]
#: What each player sees at each step, RGB.
Views = UInt8[np.ndarray, "T P H W 3"]


class Episode(NamedTuple):
    """The states of an episode, the first included: T + 1; `reward` is 0 at the first.

    A state at the end of a trial but the last is the beginning of the next.
    """

    states: tuple[State, ...]
    reward: Float[np.ndarray, "T P"]


def play(environment: XLand, task: Task, policy: Policy, seed: int) -> Episode:
    """Play one episode of a task in one compiled program."""

    def advance(state: State, key: Key[Array, ""]) -> tuple[State, Any]:
        action_key, step_key = jax.random.split(key)
        after, answer = environment.step(step_key, state, policy(action_key))
        return after, (after, answer.reward)

    @functools.partial(jax.jit, compiler_options=QUICK)
    def played(key: Key[Array, ""], task: Task) -> Any:
        reset_key, key = jax.random.split(key)
        first, _ = environment.reset(reset_key, task)
        keys = jax.random.split(key, environment.dials.steps)
        return first, jax.lax.scan(advance, first, keys)[1]

    first, (after, reward) = jax.tree.map(
        np.asarray, played(jax.random.key(seed), task)
    )
    states = [
        jax.tree.map(lambda leaf, t=t: leaf[t], after) for t in range(len(reward))
    ]
    return begun_with(first, states, reward)


def at_random(dials: Complexity) -> Policy:
    """Give the policy that draws every action uniformly."""
    spec = XLand(dials).spec.action

    def act(key: Key[Array, ""]) -> Array:
        shape = (dials.players, *spec.shape)
        if spec.num_values is None:
            return jax.random.uniform(key, shape, jnp.float32, -1.0, 1.0)
        return jax.random.randint(key, shape, 0, spec.num_values)

    return act


def views(episode: Episode, dials: Complexity) -> Views:
    """Draw what each player sees at each step, first-person."""
    return np.stack([look(state, dials) for state in episode.states])


def begun_with(
    first: State, after: Sequence[State], reward: Float[np.ndarray, "T P"]
) -> Episode:
    """Give the episode of a first state, and of the states and rewards of each step."""
    nothing = np.zeros((1, reward.shape[1]), reward.dtype)
    return Episode((first, *after), np.concatenate([nothing, reward]))
