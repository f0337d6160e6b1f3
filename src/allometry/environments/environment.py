"""The environment contract: pure functions of state, action and key.

Written for one instance; callers `vmap`. An environment is a frozen pytree: its
data are array leaves (passed through `jit`, never baked into a program), the rest
is static. There is no hidden auto-reset: the rollout resets, with a task from the
caller's sampler. `allometry.environments.contract` executes all of this as checks
that every environment must pass.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Bool, Float, Key, PyTree

from allometry.specs import EnvironmentSpec

Task = Any
State = Any


class TimeStep(NamedTuple):
    """What an environment says after `reset` or `step`; P is the number of players.

    `reward` is the reward of the action that led here (0 after `reset`), and
    `extras["previous_action"]` is that action (0 after `reset`): agents with memory
    read both. `terminated` ends the episode in the task's own sense (the value of
    what follows is 0), `truncated` cuts it (bootstrap). `trial_end` closes a trial
    within an episode; the end of an episode closes its last. `player_mask` says which
    players are present.
    """

    observation: PyTree
    reward: Float[Array, " P"]
    first: Bool[Array, ""]
    trial_end: Bool[Array, ""]
    terminated: Bool[Array, ""]
    truncated: Bool[Array, ""]
    player_mask: Bool[Array, " P"]
    extras: dict[str, PyTree]


@runtime_checkable
class Environment(Protocol):
    """An environment as the agents see it."""

    @property
    def spec(self) -> EnvironmentSpec:
        """Observation, action and players; static."""
        ...

    def sample_task(self, key: Key[Array, ""]) -> Task:
        """Draw a training task, a pytree of arrays. May be heavy; consumes the key."""
        ...

    def reset(self, key: Key[Array, ""], task: Task) -> tuple[State, TimeStep]:
        """Begin an episode of `task`: at most twice the cost of a step."""
        ...

    def step(
        self, key: Key[Array, ""], state: State, action: PyTree
    ) -> tuple[State, TimeStep]:
        """Advance by the players' `action` `[P, ...]`; the key is consumed."""
        ...


@runtime_checkable
class Graded(Environment, Protocol):
    """An environment that knows how complex what it asks for is."""

    def size(self) -> dict[str, float]:
        """Give natural logarithms of the numbers of states, games and so on."""
        ...


@runtime_checkable
class Measured(Environment, Protocol):
    """An environment that knows what a policy is worth, without sampling."""

    def performance(
        self, policy: Callable[[Float[Array, "B ..."]], Float[Array, "B A"]]
    ) -> dict[str, Float[Array, ""]]:
        """Give the exact mean reward per step by split; "train" is one of them.

        `policy` maps observations to action probabilities, each one alone.
        """
        ...
