"""Probes: environments so small that the right answer is known in closed form.

Each isolates one thing that an agent can get wrong; an agent that solves none but
the first two, say, does not discount. They are tables of states, and every agent is
tested on all of them. `values` is written down, not computed from the tables; a test
compares it with what value iteration makes of them. The tables are NumPy's, so that
importing this file takes no memory on an accelerator.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key

from allometry.environments.environment import TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec

Values = Callable[[float], tuple[float, ...]]

#: Stands for "the episode ends here" among the successors.
END = -1


class State(NamedTuple):
    """The state of the table, and the steps taken since `reset`."""

    state: Int[Array, ""]
    steps: Int[Array, ""]


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["observations", "rewards", "successors"],
    meta_fields=[
        "name",
        "starts",
        "limit",
        "values",
        "optimal_actions",
        "optimal_return",
    ],
)
@dataclasses.dataclass(frozen=True)
class Probe:
    """A table of S states and A actions with its solution.

    `observations` `[S, D]`, `rewards` `[S, A]` and `successors` `[S, A, 2]`: one of
    two equally likely states follows, or `END`. An episode begins in one of the first
    `starts` states, uniformly, and is truncated after `limit` steps, if any.
    `values(discount)` are those of the S states under an optimal policy, of which
    `optimal_actions` gives an action per state (`None` where all are equally good) and
    `optimal_return` the mean undiscounted return of an episode.
    """

    name: str
    observations: Any
    rewards: Any
    successors: Any
    starts: int
    limit: int | None
    values: Values
    optimal_actions: tuple[int | None, ...]
    optimal_return: float

    @property
    def spec(self) -> EnvironmentSpec:
        """One player sees a vector `[D]` in [−1, 1] and takes one of A actions."""
        observation = ArraySpec(
            tuple(self.observations.shape[1:]), "float32", -1.0, 1.0
        )
        action = ArraySpec((), "int32", num_values=self.rewards.shape[1])
        return EnvironmentSpec(observation, action, reward_range=(-1.0, 1.0))

    def sample_task(self, key: Key[Array, ""]) -> Int[Array, ""]:
        """Give the only task, number 0."""
        del key
        return jnp.int32(0)

    def reset(
        self, key: Key[Array, ""], task: Int[Array, ""]
    ) -> tuple[State, TimeStep]:
        """Begin in one of the first states; the key is consumed."""
        del task
        state = State(jax.random.randint(key, (), 0, self.starts), jnp.int32(0))
        ended = jnp.array(False)
        return state, self._show(
            state,
            reward=jnp.zeros(1),
            action=jnp.zeros(1, jnp.int32),
            first=True,
            terminated=ended,
            truncated=ended,
        )

    def step(
        self, key: Key[Array, ""], state: State, action: Int[Array, " 1"]
    ) -> tuple[State, TimeStep]:
        """Follow the table; the key is consumed. After the end the state stays."""
        branch = jax.random.randint(key, (), 0, 2)
        successor = jnp.asarray(self.successors)[state.state, action[0], branch]
        terminated = successor == END
        reward = jnp.asarray(self.rewards)[state.state, action]
        steps = state.steps + 1
        late = jnp.array(False) if self.limit is None else steps >= self.limit
        state = State(jnp.where(terminated, state.state, successor), steps)
        return state, self._show(
            state,
            reward=reward,
            action=action,
            first=False,
            terminated=terminated,
            truncated=late & ~terminated,
        )

    def _show(
        self,
        state: State,
        *,
        reward: Array,
        action: Array,
        first: bool,
        terminated: Bool[Array, ""],
        truncated: Bool[Array, ""],
    ) -> TimeStep:
        return TimeStep(
            observation=jnp.asarray(self.observations)[state.state][None],
            reward=reward,
            first=jnp.array(first),
            trial_end=terminated | truncated,
            terminated=terminated,
            truncated=truncated,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )


def _table(
    name: str,
    *,
    observations: Sequence[Sequence[float]],
    rewards: Sequence[Sequence[float]],
    successors: Sequence[Sequence[Sequence[int]]],
    values: Values,
    optimal_actions: tuple[int | None, ...],
    optimal_return: float,
    starts: int = 1,
    limit: int | None = None,
) -> Probe:
    return Probe(
        name=name,
        observations=np.asarray(observations, np.float32),
        rewards=np.asarray(rewards, np.float32),
        successors=np.asarray(successors, np.int32),
        starts=starts,
        limit=limit,
        values=values,
        optimal_actions=optimal_actions,
        optimal_return=optimal_return,
    )


ENDS = [END, END]


#: Reward 1 and the end: is a value learnt at all, and not bootstrapped?
ONE_VALUE = _table(
    "one_value",
    observations=[[1.0]],
    rewards=[[1.0, 1.0]],
    successors=[[ENDS, ENDS]],
    values=lambda discount: (1.0,),
    optimal_actions=(None,),
    optimal_return=1.0,
)

#: Observe −1 or 1, get it as reward and end: does the value see?
OBSERVED_VALUE = _table(
    "observed_value",
    observations=[[-1.0], [1.0]],
    rewards=[[-1.0, -1.0], [1.0, 1.0]],
    successors=[[ENDS, ENDS], [ENDS, ENDS]],
    values=lambda discount: (-1.0, 1.0),
    optimal_actions=(None, None),
    optimal_return=0.0,
    starts=2,
)

#: Reward 1 after two steps: V₀ = γ, V₁ = 1.
DISCOUNTED_VALUE = _table(
    "discounted_value",
    observations=[[-1.0], [1.0]],
    rewards=[[0.0, 0.0], [1.0, 1.0]],
    successors=[[[1, 1], [1, 1]], [ENDS, ENDS]],
    values=lambda discount: (discount, 1.0),
    optimal_actions=(None, None),
    optimal_return=1.0,
)

#: Chance leads to 1 or to 0: V₀ = γ/2, an average over what follows.
CHANCE_VALUE = _table(
    "chance_value",
    observations=[[0.0], [-1.0], [1.0]],
    rewards=[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]],
    successors=[[[1, 2], [1, 2]], [ENDS, ENDS], [ENDS, ENDS]],
    values=lambda discount: (discount / 2, 0.0, 1.0),
    optimal_actions=(None, None, None),
    optimal_return=0.5,
)

#: Action 1 gets 1, action 0 gets −1: does the policy move the right way?
CHOSEN_REWARD = _table(
    "chosen_reward",
    observations=[[1.0]],
    rewards=[[-1.0, 1.0]],
    successors=[[ENDS, ENDS]],
    values=lambda discount: (1.0,),
    optimal_actions=(1,),
    optimal_return=1.0,
)

#: The action that matches the observation gets 1, the other −1.
MATCHED_REWARD = _table(
    "matched_reward",
    observations=[[-1.0], [1.0]],
    rewards=[[1.0, -1.0], [-1.0, 1.0]],
    successors=[[ENDS, ENDS], [ENDS, ENDS]],
    values=lambda discount: (1.0, 1.0),
    optimal_actions=(0, 1),
    optimal_return=1.0,
    starts=2,
)

#: The first action decides the reward of the second step: V₀ = γ, credit back.
DELAYED_REWARD = _table(
    "delayed_reward",
    observations=[[0.0], [-1.0], [1.0]],
    rewards=[[0.0, 0.0], [-1.0, -1.0], [1.0, 1.0]],
    successors=[[[1, 1], [2, 2]], [ENDS, ENDS], [ENDS, ENDS]],
    values=lambda discount: (discount, -1.0, 1.0),
    optimal_actions=(1, None, None),
    optimal_return=1.0,
)

#: Reward 1 for ever, cut every 4 steps: V = 1/(1 − γ), as if never cut.
TRUNCATED_VALUE = _table(
    "truncated_value",
    observations=[[1.0]],
    rewards=[[1.0, 1.0]],
    successors=[[[0, 0], [0, 0]]],
    values=lambda discount: (1 / (1 - discount),),
    optimal_actions=(None,),
    optimal_return=4.0,
    limit=4,
)

#: Every probe by its name.
PROBES: dict[str, Probe] = {
    probe.name: probe
    for probe in (
        ONE_VALUE,
        OBSERVED_VALUE,
        DISCOUNTED_VALUE,
        CHANCE_VALUE,
        CHOSEN_REWARD,
        MATCHED_REWARD,
        DELAYED_REWARD,
        TRUNCATED_VALUE,
    )
}
