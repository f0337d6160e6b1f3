"""To Gymnasium: an environment for one player as `gymnasium.Env`, alone or in copies.

For other people's agents, which step from the host and wait for the device at every
step; ours stay inside JAX. https://gymnasium.farama.org
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from allometry.environments.environment import Environment, State, Task, TimeStep
from allometry.environments.foreign import missing
from allometry.environments.spaces import metadata, picture, plain, space
from allometry.refusal import Refusal

try:
    import gymnasium
    from gymnasium.envs.registration import EnvSpec
    from gymnasium.error import ResetNeeded
    from gymnasium.utils import seeding
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ModuleNotFoundError as error:
    raise missing("gymnasium", error) from error

_SEEDS = 2**32


class Play(NamedTuple):
    """An episode under way: the key of all that comes, the state, what was said last.

    Copies of it lie along a leading axis.
    """

    key: Key[Array, "..."]
    state: State
    timestep: TimeStep


def _begin(environment: Environment, key: Key[Array, ""], task: Task | None) -> Play:
    """Begin an episode of `task`, or of one that the environment's sampler draws."""
    key, task_key, reset_key = jax.random.split(key, 3)
    if task is None:
        task = environment.sample_task(task_key)
    return Play(key, *environment.reset(reset_key, task))


def _advance(environment: Environment, play: Play, action: Array) -> Play:
    """Take the players' `action` `[P, ...]`."""
    key, step_key = jax.random.split(play.key)
    return Play(key, *environment.step(step_key, play.state, action))


begin, advance = jax.jit(_begin), jax.jit(_advance)


def key_of(generator: np.random.Generator) -> Key[Array, ""]:
    """Draw a key from Gymnasium's source of chance."""
    return jax.random.key(int(generator.integers(_SEEDS)))


def begun(play: Play | None) -> Play:
    """Give the episode under way; raises `ResetNeeded` before the first."""
    if play is None:
        raise ResetNeeded("Call `reset` before `step` and `render`.")
    return play


class AsGymnasium(gymnasium.Env):
    """An environment for one player as Gymnasium's.

    Each `reset` draws a task from the environment's sampler, unless a `task` is given
    here, or for one episode by `options={"task": …}`; a `seed` determines all that
    comes after it. `info` has `trial_end`; an observation of several arrays is a dict.
    `render_mode="rgb_array"` is for environments that can be drawn.

    Raises `Refusal` for several players and for a `render_mode` that there is not.
    """

    def __init__(
        self,
        environment: Environment,
        task: Task | None = None,
        render_mode: str | None = None,
    ):
        _check_alone(environment)
        self.environment, self.task, self.render_mode = environment, task, render_mode
        self.observation_space = space(environment.spec.observation)
        self.action_space = space(environment.spec.action)
        self.metadata = metadata(environment, render_mode)
        # Gymnasium makes another one like this by its spec, `check_env` for one.
        self.spec = EnvSpec(
            f"{type(environment).__name__}-v0",
            entry_point=functools.partial(type(self), environment, task),
        )
        self._play: Play | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; return its observation and info."""
        super().reset(seed=seed)
        if seed is not None or self._play is None:
            key = key_of(self.np_random)
        else:
            key = self._play.key
        self._play = begin(
            self.environment, key, (options or {}).get("task", self.task)
        )
        observation, _, _, _, info = self._said()
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act; return observation, reward, terminated, truncated and info."""
        spec = self.environment.spec.action
        actions = np.asarray(action, spec.dtype).reshape(1, *spec.shape)
        self._play = advance(self.environment, begun(self._play), actions)
        return self._said()

    def render(self) -> np.ndarray | None:
        """Draw the state, RGB uint8 `[H, W, 3]`, if `render_mode` says so."""
        state = begun(self._play).state
        return picture(self.environment, self.render_mode, state)

    def _said(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        said = jax.device_get(begun(self._play).timestep)
        mine = jax.tree.map(lambda leaf: leaf[0], said.observation)
        return (
            plain(self.environment.spec.observation, mine),
            float(said.reward[0]),
            bool(said.terminated),
            bool(said.truncated),
            {"trial_end": bool(said.trial_end)},
        )


class AsGymnasiumVector(VectorEnv):
    """Copies of an environment for one player as Gymnasium's, in one program.

    Copy n with seed s is `AsGymnasium` with seed s + n, up to rounding; seeds may be
    given one by one. A copy whose episode has ended begins the next at its next step
    (`AutoresetMode.NEXT_STEP`), whose action is not used.

    Raises `Refusal` as `AsGymnasium` does.
    """

    def __init__(
        self,
        environment: Environment,
        num_envs: int,
        task: Task | None = None,
        render_mode: str | None = None,
    ):
        _check_alone(environment)
        if num_envs < 1:
            raise Refusal(f"There cannot be {num_envs} copies: give at least 1.")
        self.environment, self.task, self.render_mode = environment, task, render_mode
        self.num_envs = num_envs
        self.single_observation_space = space(environment.spec.observation)
        self.single_action_space = space(environment.spec.action)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = metadata(environment, render_mode)
        self.metadata["autoreset_mode"] = AutoresetMode.NEXT_STEP
        self._play: Play | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every copy; return observations and infos."""
        task = (options or {}).get("task", self.task)
        self._play = _begin_copies(self.environment, self._keys(seed), task)
        observations, _, _, _, infos = self._said()
        return observations, infos

    def step(
        self, actions: Any
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Act in every copy; return arrays `[B]`, observations and infos."""
        spec, play = self.environment.spec.action, begun(self._play)
        shape = self.num_envs, 1, *spec.shape
        given = np.asarray(actions, spec.dtype).reshape(shape)
        if _ended(play.timestep).any():
            play = _advance_or_begin_copies(self.environment, play, given, self.task)
        else:
            play = _advance_copies(self.environment, play, given)
        self._play = play
        return self._said()

    def render(self) -> tuple[Any, ...] | None:
        """Draw each copy, RGB uint8 `[H, W, 3]`, if `render_mode` says so."""
        if self.render_mode is None:
            return None
        states = jax.device_get(begun(self._play).state)
        copies = (
            jax.tree.map(lambda leaf, n=n: leaf[n], states)
            for n in range(self.num_envs)
        )
        return tuple(
            picture(self.environment, self.render_mode, state) for state in copies
        )

    def _keys(self, seed: int | Sequence[int] | None) -> Key[Array, " B"]:
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            seed = range(int(seed), int(seed) + self.num_envs)
        if seed is not None:
            if len(seed) != self.num_envs:
                raise Refusal(
                    f"There are {len(seed)} seeds for {self.num_envs} copies: give one "
                    "for each, or a single number."
                )
            sources = [seeding.np_random(int(one))[0] for one in seed]
            return jnp.stack([key_of(source) for source in sources])
        if self._play is not None:
            return self._play.key
        return jax.random.split(key_of(self.np_random), self.num_envs)

    def _said(self) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        said = jax.device_get(begun(self._play).timestep)
        mine = jax.tree.map(lambda leaf: leaf[:, 0], said.observation)
        return (
            plain(self.environment.spec.observation, mine),
            np.array(said.reward[:, 0]),
            np.array(said.terminated),
            np.array(said.truncated),
            {
                "trial_end": np.array(said.trial_end),
                "_trial_end": np.ones(self.num_envs, bool),
            },
        )


def _advance_or_begin(
    environment: Environment, play: Play, action: Array, task: Task | None
) -> Play:
    """Advance copies `[B]`, and begin anew where the episode has ended."""
    ended = _ended(play.timestep)

    def choose(fresh: Array, old: Array) -> Array:
        return jnp.where(ended.reshape(-1, *[1] * (fresh.ndim - 1)), fresh, old)

    fresh = jax.vmap(_begin, (None, 0, None))(environment, play.key, task)
    after = jax.vmap(_advance, (None, 0, 0))(environment, play, action)
    return jax.tree.map(choose, fresh, after)


_begin_copies = jax.jit(jax.vmap(_begin, (None, 0, None)))
_advance_copies = jax.jit(jax.vmap(_advance, (None, 0, 0)))
_advance_or_begin_copies = jax.jit(_advance_or_begin)


def _ended(timestep: TimeStep) -> Array:
    return timestep.terminated | timestep.truncated


def _check_alone(environment: Environment) -> None:
    players = environment.spec.players
    if players != 1:
        raise Refusal(
            f"This environment has {players} players and Gymnasium knows one; use "
            "AsPettingZoo of allometry.environments.to_pettingzoo."
        )
