"""Rollout: what a batch holds around the end of an episode, and what begins again."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import loop as loops
from allometry.agents.agent import Agent
from allometry.agents.rollout import Batch, rollout
from allometry.agents.samplers import Sampler
from allometry.environments.environment import TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

COPIES = 2


@dataclasses.dataclass(frozen=True)
class Clock:
    """Shows its task and the time; its episodes end as `ends` says, at time 3."""

    ends: str

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(
            ArraySpec((2,)), discrete(2), episodic=self.ends != "never"
        )

    def sample_task(self, key: jax.Array) -> jax.Array:
        raise AssertionError("the rollout asks its sampler, not the environment")

    def reset(self, key: jax.Array, task: jax.Array) -> tuple[Any, TimeStep]:
        return self._show((task, jnp.int32(0)), jnp.zeros(1), first=True)

    def step(self, key: jax.Array, state: Any, action: jax.Array) -> Any:
        task, time = state
        return self._show((task, time + 1), 10.0 + action, first=False)

    def _show(self, state: Any, reward: jax.Array, first: bool) -> Any:
        task, time = state
        over = (time >= 3) & (not first)
        terminated = over & (self.ends == "terminated")
        truncated = over & (self.ends == "truncated")
        return state, TimeStep(
            observation=jnp.stack([task, time.astype(jnp.float32)])[None],
            reward=reward,
            first=jnp.array(first),
            trial_end=terminated | truncated,
            terminated=terminated,
            truncated=truncated,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": jnp.zeros(1, jnp.int32)},
        )


class Numbered(Sampler):
    """A sampler whose task is how many rollouts there were before."""

    def init(self, environment: Any, key: jax.Array) -> jax.Array:
        return jnp.float32(0)

    def sample(self, environment: Any, state: Any, key: jax.Array) -> jax.Array:
        return state

    def update(self, state: Any, outcomes: jax.Array) -> jax.Array:
        return state + 1


class Remembering(Agent):
    """An agent that acts 1, and remembers the steps of the episode."""

    def initial_memory(self, learner: Any) -> jax.Array:
        return jnp.int32(0)

    def act(self, learner, timestep, memory, key, *, explore=True):
        return jnp.ones(1, jnp.int32), memory + 1, {"memory": memory}


def play(ends: str, *lengths: int) -> list[Batch]:
    """Roll out in a row; give the batches."""
    agent, environment, sampler = Remembering(), Clock(ends), Numbered()
    loop = loops.start(agent, environment, sampler, (), jax.random.key(0), COPIES)
    batches = []
    for number, length in enumerate(lengths):
        key = jax.random.key(number)
        loop, batch = rollout(agent, environment, sampler, (), loop, key, length)
        batches.append(batch)
    return batches


def times(observation: jax.Array) -> list[float]:
    """Give the times that the first copy's only player saw."""
    return np.asarray(observation)[:, 0, 0, 1].tolist()


@pytest.mark.parametrize("ends", ["terminated", "truncated"])
def test_an_ended_episode_is_followed_by_a_new_one(ends: str) -> None:
    (batch,) = play(ends, 7)
    assert times(batch.observation) == [0, 1, 2, 0, 1, 2, 0]
    flags = [False, False, True, False, False, True, False]
    never = [False] * 7
    expected = {"terminated": (flags, never), "truncated": (never, flags)}[ends]
    assert batch.terminated[:, 0].tolist() == expected[0]
    assert batch.truncated[:, 0].tolist() == expected[1]


@pytest.mark.parametrize("ends", ["terminated", "truncated"])
def test_the_successor_is_what_came_before_the_reset(ends: str) -> None:
    (batch,) = play(ends, 7)
    assert times(batch.successor) == [1, 2, 3, 1, 2, 3, 1]
    assert batch.last[0, 0].tolist() == [0, 1]


def test_the_reward_is_that_of_the_action_and_not_of_the_reset() -> None:
    (batch,) = play("terminated", 4)
    assert (np.asarray(batch.reward) == 11.0).all()
    assert batch.reward.shape == (4, COPIES, 1)


def test_memory_begins_again_with_the_episode() -> None:
    (batch,) = play("truncated", 7)
    assert batch.extras["memory"][:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_without_episodes_nothing_is_kept_twice() -> None:
    (batch,) = play("never", 5)
    assert batch.successor is None
    assert times(batch.observation) == [0, 1, 2, 3, 4]
    assert batch.last[:, 0, 1].tolist() == [5.0] * COPIES
    assert batch.extras["memory"][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_the_next_rollout_goes_on_where_the_last_one_stopped() -> None:
    first, second = play("terminated", 4, 4)
    assert times(first.observation) == [0, 1, 2, 0]
    assert times(second.observation) == [1, 2, 0, 1]
    np.testing.assert_array_equal(second.observation[0], first.last)


def test_new_episodes_take_the_task_that_the_sampler_has_come_to() -> None:
    tasks = [
        batch.observation[:, 0, 0, 0].tolist() for batch in play("truncated", 4, 5)
    ]
    assert tasks == [[0, 0, 0, 0], [0, 0, 1, 1, 1]]


def test_copies_draw_their_own_randomness() -> None:
    class Random(Remembering):
        def act(self, learner, timestep, memory, key, *, explore=True):
            return jax.random.bits(key, (1,)), memory, {}

    agent, environment, sampler = Random(), Clock("never"), Numbered()
    loop = loops.start(agent, environment, sampler, (), jax.random.key(0), COPIES)
    _, batch = rollout(agent, environment, sampler, (), loop, jax.random.key(1), 6)
    assert len(np.unique(batch.action)) == 6 * COPIES
