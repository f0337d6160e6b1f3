"""From gymnax: its environments (version 1.0) behind our contract.

gymnax resets by itself at the end of an episode, and draws the start there. Here a task
is the parameters together with the start that was drawn for them, so that an episode
begins at no cost and ends where it ends. https://github.com/RobertTLange/gymnax
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from allometry.environments.environment import TimeStep
from allometry.environments.foreign import alike, missing
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

#: A bound as large as this is none.
_ENDLESS = float(np.finfo(np.float32).max)


class Task(NamedTuple):
    """gymnax's parameters, the state that was drawn with them, and what it shows."""

    params: Any
    start: Any
    observation: Array


class State(NamedTuple):
    """gymnax's parameters and state."""

    params: Any
    inner: Any


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["params"],
    meta_fields=["inner", "spec"],
)
@dataclasses.dataclass(frozen=True)
class Gymnax:
    """An environment of gymnax, `inner`; `params` are those of the tasks it draws.

    The bounds of an observation are the widest of any of its numbers.
    """

    inner: Any
    params: Any
    spec: EnvironmentSpec

    def sample_task(self, key: Key[Array, ""]) -> Task:
        """Draw a start with the parameters of this environment."""
        return self.task(key, self.params)

    def task(self, key: Key[Array, ""], params: Any) -> Task:
        """Draw a start with `params`, which are like `self.params`."""
        observation, state = self.inner.reset_env(key, params)
        action = jnp.zeros(self.spec.action.shape, self.spec.action.dtype)
        after = jax.eval_shape(self.inner.step_env, key, state, action, params)[1]
        return Task(params, alike(after, state), self._shown(observation))

    def reset(self, key: Key[Array, ""], task: Task) -> tuple[State, TimeStep]:
        """Begin where the task begins; the key is not used."""
        del key
        action = self.spec.action
        return State(task.params, task.start), self._timestep(
            task.observation,
            jnp.zeros(1),
            jnp.zeros((1, *action.shape), action.dtype),
            first=True,
        )

    def step(
        self, key: Key[Array, ""], state: State, action: Array
    ) -> tuple[State, TimeStep]:
        """Advance by gymnax's `step_env`, which does not reset."""
        params = state.params
        observation, after, reward, terminated, _ = self.inner.step_env(
            key, state.inner, action[0], params
        )
        truncated = jnp.asarray(self.inner.is_truncated(after, params))
        return State(params, alike(state.inner, after)), self._timestep(
            self._shown(observation),
            jnp.asarray(reward, jnp.float32).reshape(1),
            action,
            terminated=jnp.asarray(terminated),
            truncated=truncated,
        )

    def _shown(self, observation: Any) -> Array:
        spec = self.spec.observation
        return jnp.asarray(observation).astype(spec.dtype).reshape(1, *spec.shape)

    def _timestep(
        self,
        observation: Array,
        reward: Array,
        action: Array,
        *,
        first: bool = False,
        terminated: Array | bool = False,
        truncated: Array | bool = False,
    ) -> TimeStep:
        terminated = jnp.asarray(terminated, bool)
        truncated = jnp.asarray(truncated, bool) & ~terminated
        return TimeStep(
            observation=observation,
            reward=reward,
            first=jnp.array(first),
            trial_end=terminated | truncated,
            terminated=terminated,
            truncated=truncated,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )


def load(id: str = "CartPole-v1", **parameters: Any) -> Gymnax:
    """Make the environment that gymnax calls `id`.

    `parameters` are fields of its `EnvParams` (`max_steps_in_episode=200`) or arguments
    of its constructor (`size=10`).

    Raises `Refusal` if gymnax is not installed or is older than 1.0, and for an id or a
    parameter that it does not know or cannot use.
    """
    try:
        import gymnax
    except ModuleNotFoundError as error:
        raise missing("gymnax", error) from error
    if not hasattr(gymnax.environments.environment.Environment, "is_truncated"):
        raise Refusal(
            "This gymnax is older than 1.0: its steps do not tell an episode's end "
            "from a time limit. Install gymnax 1.0 or newer."
        )
    if id not in gymnax.registered_envs:
        known = ", ".join(gymnax.registered_envs)
        raise Refusal(f'gymnax has no environment "{id}". Choose one of: {known}.')
    inner, params = _made(gymnax.make, id, parameters)
    return Gymnax(inner, params, _spec(inner, params))


def _made(
    make: Callable[..., Any], id: str, parameters: dict[str, Any]
) -> tuple[Any, Any]:
    """Make gymnax's environment; its parameters become arrays of their own types."""
    inner, params = make(id)
    fields = [field.name for field in dataclasses.fields(params)]
    arguments = list(inspect.signature(type(inner)).parameters)
    for name in parameters:
        if name not in fields + arguments:
            raise Refusal(
                f'gymnax\'s {id} has no parameter "{name}". '
                f"It has: {', '.join(arguments + fields)}."
            )
    given = {name: parameters[name] for name in parameters if name in arguments}
    changed = {name: parameters[name] for name in parameters if name in fields}
    try:
        if given:
            inner, params = make(id, **given)
        model = jax.tree.map(jnp.asarray, params)
        return inner, alike(model, params.replace(**changed))
    except (TypeError, ValueError) as error:
        raise Refusal(
            f"gymnax's {id} cannot be made with {parameters}: {error}"
        ) from error


def _spec(inner: Any, params: Any) -> EnvironmentSpec:
    observation = _array_spec(inner.observation_space(params), inner.name)
    if observation.num_values is None:
        # Some spaces say int32 where what is shown is float32, and some the reverse.
        observation = dataclasses.replace(observation, dtype="float32")
    return EnvironmentSpec(
        observation, _array_spec(inner.action_space(params), inner.name)
    )


def _array_spec(space: Any, name: str) -> ArraySpec:
    kind = type(space).__name__
    if kind == "Discrete":
        return discrete(int(space.n))
    if kind != "Box":
        raise Refusal(
            f"gymnax's {name} has a {kind} space; only Box and Discrete can be adapted."
        )
    low, high = float(np.min(space.low)), float(np.max(space.high))
    return ArraySpec(
        tuple(space.shape),
        np.dtype(space.dtype).name,
        low if low > -_ENDLESS else None,
        high if high < _ENDLESS else None,
    )
