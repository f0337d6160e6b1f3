"""Play: episodes of given tasks, and the reward of each trial.

An agent that adapts is scored by trial: what it does better in the last trial than in
the first, it has learnt within the episode (Adaptive Agent Team 2023, arXiv
2301.07608, section 2). To take its memory away at each trial is the control.
"""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from allometry.environments.contract import random_action
from allometry.environments.environment import Environment, State, Task, TimeStep
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec

#: Episodes that are played side by side, unless told otherwise.
AT_ONCE = 256


@runtime_checkable
class Player(Protocol):
    """What plays: an agent, as far as playing needs it (see `agents.agent`)."""

    def initial_memory(self, learner: Any) -> PyTree:
        """Give one player's memory before an episode."""
        ...

    def act(
        self,
        learner: Any,
        timestep: TimeStep,
        memory: PyTree,
        key: Key[Array, ""],
        *,
        explore: bool = True,
    ) -> tuple[PyTree, PyTree, dict[str, Any]]:
        """Choose the players' actions `[P, ...]`; memories are `[P, ...]` too."""
        ...


@dataclasses.dataclass(frozen=True)
class RandomPolicy:
    """Acts uniformly at random within the bounds of an action; remembers nothing."""

    spec: EnvironmentSpec

    def initial_memory(self, learner: Any) -> tuple[()]:
        """Give no memory."""
        del learner
        return ()

    def act(
        self,
        learner: Any,
        timestep: TimeStep,
        memory: PyTree,
        key: Key[Array, ""],
        *,
        explore: bool = True,
    ) -> tuple[Array, PyTree, dict[str, Any]]:
        """Draw every player's action, whether or not it is to explore."""
        del learner, timestep, explore
        return random_action(self.spec, key), memory, {}


@dataclasses.dataclass(frozen=True)
class Episodes:
    """How episodes are played; static.

    Raises `Refusal` for less than one trial, step, repetition or episode at once.
    """

    trials: int
    """Trials of an episode, k."""
    steps: int
    """Agent steps of an episode, at most."""
    repetitions: int = 1
    """Episodes of each task."""
    explore: bool = True
    """Whether actions are drawn from the policy, or are its mode."""
    forget: bool = False
    """Whether the memory is cleared at each trial's start: nothing can be adapted to.
    What the observation itself says stays, such as the trials that are left and, at a
    trial's first step, XLand's last reward."""
    at_once: int = AT_ONCE
    """Episodes that are played side by side; more take more memory."""

    def __post_init__(self) -> None:
        for name in ("trials", "steps", "repetitions", "at_once"):
            check_count(name, getattr(self, name))


class _Course(NamedTuple):
    """An episode as it goes: reward and steps of each trial so far."""

    state: State
    timestep: TimeStep
    memory: PyTree
    trial: Int[Array, ""]
    over: Bool[Array, ""]
    reward: Float[Array, "k P"]
    steps: Float[Array, " k"]


def check_count(name: str, count: Any) -> None:
    """Raise `Refusal` for what is no whole number from 1 on."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise Refusal(f"{name} is {count!r}: give a whole number from 1 on.")


def play(
    player: Player,
    environment: Environment,
    episodes: Episodes,
    learner: Any,
    tasks: Task,
    key: Key[Array, ""],
) -> Float[Array, "n R k P"]:
    """Play n `tasks` R times each; give the mean reward per agent step of each trial.

    Tasks have a leading axis `[n, ...]`; the key is consumed. It is a pure function
    that may be called under `jit`, and under `vmap` over learners. How many episodes
    are played at once changes no draw. A trial that an episode did not come to is not
    a number.
    """
    count = jax.tree.leaves(tasks)[0].shape[0]
    total = count * episodes.repetitions
    wide = min(episodes.at_once, total)
    # The last chunk is filled up with the last episode: one shape, one program.
    padded = jnp.minimum(jnp.arange(-(-total // wide) * wide), total - 1)

    def one(number: Int[Array, ""]) -> Float[Array, "k P"]:
        which, repetition = jnp.divmod(number, episodes.repetitions)
        task = jax.tree.map(lambda field: field[which], tasks)
        own = jax.random.fold_in(jax.random.fold_in(key, which), repetition)
        return episode(player, environment, episodes, learner, task, own)

    found = jax.lax.map(jax.vmap(one), padded.reshape(-1, wide))
    rewards = found.reshape(-1, *found.shape[2:])[:total]
    return rewards.reshape(count, episodes.repetitions, *rewards.shape[1:])


class Stage:
    """Plays `play`, compiled once for each player, kind of environment and way to play.

    What it compiled goes when it goes: a program takes thousands of memory mappings, of
    which a process of Linux may have 65,530 unless told otherwise.
    """

    def __init__(self) -> None:
        """Compile nothing yet."""
        # Of a function of its own: JAX keeps what it compiles as long as the function.
        self._play = jax.jit(lambda *given: play(*given), static_argnums=(0, 2))

    def played(
        self,
        player: Player,
        environment: Environment,
        episodes: Episodes,
        learner: Any,
        tasks: Task,
        key: Key[Array, ""],
    ) -> Float[Array, "n R k P"]:
        """Do as `play` does."""
        given = player, environment, episodes, learner, tasks, key
        found: Float[Array, "n R k P"] = self._play(*given)
        return found


#: Where whoever has no stage of their own plays; it stays.
STAGE = Stage()


def episode(
    player: Player,
    environment: Environment,
    episodes: Episodes,
    learner: Any,
    task: Task,
    key: Key[Array, ""],
) -> Float[Array, "k P"]:
    """Play one episode; give the mean reward per agent step of each trial."""
    reset_key, steps_key = jax.random.split(key)
    state, timestep = environment.reset(reset_key, task)
    players, trials = timestep.reward.shape[0], jnp.arange(episodes.trials)
    memory = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (players, *jnp.shape(leaf))),
        player.initial_memory(learner),
    )

    def step(course: _Course, key: Key[Array, ""]) -> tuple[_Course, None]:
        act_key, step_key = jax.random.split(key)
        shown = course.timestep
        if episodes.forget:
            shown = _begun_anew(shown)
        action, memory, _ = player.act(
            learner, shown, course.memory, act_key, explore=episodes.explore
        )
        state, after = environment.step(step_key, course.state, action)
        counts = (trials == course.trial) & ~course.over
        ended = after.terminated | after.truncated
        return _Course(
            state=state,
            timestep=after,
            memory=memory,
            trial=course.trial + after.trial_end,
            over=course.over | ended,
            reward=course.reward + counts[:, None] * after.reward,
            steps=course.steps + counts,
        ), None

    begun = _Course(
        state=state,
        timestep=timestep,
        memory=memory,
        trial=jnp.int32(0),
        over=jnp.array(False),
        reward=jnp.zeros((episodes.trials, players)),
        steps=jnp.zeros(episodes.trials),
    )
    keys = jax.random.split(steps_key, episodes.steps)
    course, _ = jax.lax.scan(step, begun, keys)
    return course.reward / course.steps[:, None]


def _begun_anew(timestep: TimeStep) -> TimeStep:
    """Show the start of a trial as that of an episode, which clears the memory."""
    begins = timestep.first | timestep.trial_end

    def cleared(field: Array) -> Array:
        return jnp.where(begins, jnp.zeros_like(field), field)

    previous = timestep.extras["previous_action"]
    return timestep._replace(
        first=begins,
        reward=cleared(timestep.reward),
        extras=timestep.extras | {"previous_action": jax.tree.map(cleared, previous)},
    )
