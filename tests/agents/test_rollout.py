"""Rollout: what a batch holds around the end of an episode, and what begins again."""

import dataclasses
import functools
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

    def update(
        self, environment: Any, state: Any, outcomes: jax.Array, key: jax.Array
    ) -> jax.Array:
        return state + 1


class Remembering(Agent):
    """An agent that acts 1, and remembers how often it was asked in the episode."""

    def initial_memory(self, learner: Any) -> jax.Array:
        return jnp.int32(0)

    def act(self, learner, timestep, memory, key, *, explore=True):
        before = jnp.where(timestep.first, 0, memory)
        return jnp.ones(1, jnp.int32), before + 1, {"before": before}


@functools.cache
def play(ends: str, *lengths: int) -> list[Batch]:
    """Roll out in a row, the sampler told after each; give the batches."""
    agent, environment, sampler = Remembering(), Clock(ends), Numbered()
    loop = loops.start(agent, environment, sampler, (), jax.random.key(0), COPIES)
    batches = []
    for number, length in enumerate(lengths):
        key = jax.random.key(number)
        loop, batch = rollout(agent, environment, sampler, (), loop, key, length)
        state = sampler.update(environment, loop.sampler, batch.reward, key)
        loop = loop._replace(sampler=state)
        batches.append(batch)
    return batches


def times(observation: jax.Array) -> list[float]:
    """Give the times that the first copy's only player saw."""
    return np.asarray(observation)[:, 0, 0, 1].tolist()


ENDS = pytest.mark.parametrize("ends", ["terminated", "truncated"])


@ENDS
def test_an_ended_episode_is_shown_and_then_followed_by_a_new_one(ends: str) -> None:
    (batch,) = play(ends, 9)
    assert times(batch.timestep.observation) == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert batch.timestep.first[:, 0].tolist() == [True, *[False] * 3] * 2 + [True]
    # The flags of a row are what came of its action, those of its time step before it.
    flags = [False, False, True, False] * 2 + [False]
    never = [False] * 9
    expected = {"terminated": (flags, never), "truncated": (never, flags)}[ends]
    assert batch.terminated[:, 0].tolist() == expected[0]
    assert batch.truncated[:, 0].tolist() == expected[1]
    before = getattr(batch.timestep, ends)[:, 0].tolist()
    assert before == [False, *flags[:-1]]


@ENDS
def test_an_action_at_the_end_of_an_episode_is_not_taken(ends: str) -> None:
    (batch,) = play(ends, 9)
    assert batch.taken[:, 0].tolist() == [True, True, True, False] * 2 + [True]
    following = batch.timestep.first[1:]
    np.testing.assert_array_equal(following, ~batch.taken[:-1])


@ENDS
def test_what_follows_a_step_is_the_next_row(ends: str) -> None:
    (batch,) = play(ends, 7)
    shown = [*times(batch.timestep.observation), float(batch.last.observation[0, 0, 1])]
    taken = batch.taken[:, 0].tolist()
    stepped = [(t, after) for t, after in enumerate(shown[1:]) if taken[t]]
    # Each step leads one further, the last of an episode to its end.
    assert all(after == shown[t] + 1 for t, after in stepped)
    assert len(stepped) == 6
    assert not batch.last.first.any()


def test_a_rollout_may_stop_at_the_end_of_an_episode() -> None:
    first, second = play("truncated", 3, 3)
    assert first.truncated[:, 0].tolist() == [False, False, True]
    assert first.taken.all()
    assert first.last.truncated.all()
    assert times(second.timestep.observation) == [3, 0, 1]
    assert second.taken[:, 0].tolist() == [False, True, True]
    assert second.reward[:, 0, 0].tolist() == [0, 11, 11]


def test_the_reward_is_that_of_the_action_and_0_of_a_reset() -> None:
    (batch,) = play("terminated", 9)
    rewards = [11.0, 11.0, 11.0, 0.0] * 2 + [11.0]
    np.testing.assert_array_equal(batch.reward[:, 0, 0], rewards)
    assert batch.reward.shape == (9, COPIES, 1)


def test_memory_is_handed_on_from_before_the_first_step_to_after_the_last() -> None:
    first, second = play("truncated", 6, 3)
    # The end of an episode is read like any other step; then the agent clears it.
    assert first.extras["before"][:, 0, 0].tolist() == [0, 1, 2, 3, 0, 1]
    assert first.memory.tolist() == [[0]] * COPIES
    assert first.last_memory.tolist() == [[2]] * COPIES
    np.testing.assert_array_equal(second.memory, first.last_memory)
    assert second.extras["before"][:, 0, 0].tolist() == [2, 3, 0]


def test_without_episodes_every_row_is_taken() -> None:
    (batch,) = play("never", 5)
    assert batch.taken is None
    assert times(batch.timestep.observation) == [0, 1, 2, 3, 4]
    assert batch.last.observation[:, 0, 1].tolist() == [5.0] * COPIES
    assert batch.extras["before"][:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert (np.asarray(batch.reward) == 11.0).all()


def test_the_next_rollout_goes_on_where_the_last_one_stopped() -> None:
    first, second = play("terminated", 5, 4)
    assert times(first.timestep.observation) == [0, 1, 2, 3, 0]
    assert times(second.timestep.observation) == [1, 2, 3, 0]
    jax.tree.map(
        lambda began, last: np.testing.assert_array_equal(began[0], last),
        second.timestep,
        first.last,
    )


def test_new_episodes_take_the_task_that_the_sampler_has_come_to() -> None:
    tasks = [
        batch.timestep.observation[:, 0, 0, 0].tolist()
        for batch in play("truncated", 5, 6)
    ]
    # The end of an episode still belongs to its own task.
    assert tasks == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]]


def test_copies_draw_their_own_randomness() -> None:
    class Random(Remembering):
        def act(self, learner, timestep, memory, key, *, explore=True):
            return jax.random.bits(key, (1,)), memory, {}

    agent, environment, sampler = Random(), Clock("never"), Numbered()
    loop = loops.start(agent, environment, sampler, (), jax.random.key(0), COPIES)
    _, batch = rollout(agent, environment, sampler, (), loop, jax.random.key(1), 6)
    assert len(np.unique(batch.action)) == 6 * COPIES
