"""On policy: windows give what was acted, rows not taken do not count, players."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import loop as loops
from allometry.agents import training
from allometry.agents.actor_critic import policy_over
from allometry.agents.ppg import PPG
from allometry.agents.ppo import PPO, Learner
from allometry.agents.rollout import Batch, rollout
from allometry.agents.samplers import Prefetched, Uniform
from allometry.agents.samples import weights
from allometry.agents.schedule import Schedule
from allometry.environments.environment import TimeStep
from allometry.environments.xland import XLand, preset
from allometry.networks.memories import MEMORIES
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

REMEMBERING = [kind for kind in MEMORIES if kind != "none"]
COPIES, STEPS = 3, 11
AGENT = PPO(width=8, depth=0, memory_length=3, minibatches=2, discount=0.8, trace=0.7)
KEY = jax.random.key(0)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Meeting:
    """Players see noise; a reward tells what each did; it ends after 2 to 5 steps.

    `ends` is how, and with `absent` the last player is away in every other step.
    """

    players: int = 2
    ends: str = "truncated"
    absent: bool = False

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(
            ArraySpec((2,)),
            discrete(3),
            players=self.players,
            episodic=self.ends != "never",
        )

    def sample_task(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 2, 6)

    def reset(self, key: jax.Array, task: jax.Array) -> tuple[Any, TimeStep]:
        none = jnp.zeros(self.players, jnp.int32)
        return self._show(key, (task, jnp.int32(0)), none, first=True)

    def step(self, key: jax.Array, state: Any, action: jax.Array) -> Any:
        return self._show(key, (state[0], state[1] + 1), action, first=False)

    def _show(self, key: Any, state: Any, action: jax.Array, first: bool) -> Any:
        limit, time = state
        over = jnp.array(not first) & (time >= limit)
        there = jnp.ones(self.players, bool)
        if self.absent:
            there = there.at[-1].set(time % 2 == 0)
        return state, TimeStep(
            observation=jax.random.normal(key, (self.players, 2)),
            reward=action.astype(jnp.float32),
            first=jnp.array(first),
            trial_end=over & (self.ends != "never"),
            terminated=over & (self.ends == "terminated"),
            truncated=over & (self.ends == "truncated"),
            player_mask=there,
            extras={"previous_action": action},
        )


@functools.cache
def played(agent: PPO, environment: Meeting) -> tuple[Learner, Batch]:
    """Roll out twice, so that the second window begins amid an episode."""

    @jax.jit
    def play(key: jax.Array) -> tuple[Learner, Batch]:
        learner = agent.init(environment.spec, key)
        sampler = Uniform()
        loop = loops.start(agent, environment, sampler, learner, key, COPIES)
        for number in range(2):
            key = jax.random.fold_in(key, number)
            loop, batch = rollout(
                agent, environment, sampler, learner, loop, key, STEPS
            )
        return learner, batch

    return play(KEY)


def by_window(x: jax.Array) -> np.ndarray:
    """Lay `[T, B, P, ...]` out as one window of each player of each copy."""
    return np.moveaxis(np.asarray(x), 0, 2).reshape(-1, len(x), *x.shape[3:])


@pytest.mark.parametrize(
    ("memory", "shared", "players"),
    [*((memory, True, 1) for memory in REMEMBERING), ("gru", False, 2)],
)
def test_windows_give_what_was_given_in_acting(
    memory: str, shared: bool, players: int
) -> None:
    agent = dataclasses.replace(AGENT, memory=memory, shared=shared)
    learner, batch = played(agent, Meeting(players))
    # Episodes end within windows, and windows begin within episodes.
    assert batch.timestep.first[1:].any()
    assert not batch.timestep.first[0].all()
    samples = jax.jit(agent.samples)(learner, batch)
    assert samples.first.shape == (COPIES * players, STEPS)
    networks = learner.networks
    outputs, value = jax.jit(type(networks).over)(
        networks, samples.memory, samples.read, samples.first
    )
    np.testing.assert_allclose(outputs, by_window(batch.extras["outputs"]), atol=1e-5)
    np.testing.assert_allclose(outputs, samples.outputs, atol=1e-5)
    np.testing.assert_allclose(value, by_window(batch.extras["value"]), atol=1e-5)
    alone = policy_over(networks.policy, samples.memory[0], samples.read, samples.first)
    np.testing.assert_allclose(alone, samples.outputs, atol=1e-5)
    # It matters what was remembered: without it the outputs are others.
    fresh = jax.tree.map(jnp.zeros_like, samples.memory[0])
    forgetful = policy_over(networks.policy, fresh, samples.read, samples.first)
    assert np.abs(forgetful - samples.outputs).max() > 1e-5


def test_rows_lie_as_their_reads() -> None:
    """Without a memory a row is a step; all of its fields are of one player's step."""
    learner, batch = played(AGENT, Meeting())
    samples = AGENT.samples(learner, batch)
    np.testing.assert_array_equal(
        samples.read, np.asarray(batch.timestep.observation).reshape(-1, 2)
    )
    outputs = jax.vmap(learner.networks.policy)(samples.read)
    np.testing.assert_allclose(outputs, samples.outputs, atol=1e-5)
    np.testing.assert_array_equal(samples.action, np.asarray(batch.action).ravel())


def by_hand(learner: Learner, batch: Batch, v: np.ndarray) -> np.ndarray:
    """Estimate advantages one step after the other; `v` `[T + 1, B, P]`."""
    discount = float(learner.settings["discount"])
    trace = float(learner.settings["trace"])
    reward = np.asarray(batch.reward, float)
    found = np.zeros_like(reward)
    for t in reversed(range(STEPS)):
        for b in range(COPIES):
            if batch.taken is not None and not batch.taken[t, b]:
                continue
            ahead = 0 if batch.terminated[t, b] else v[t + 1, b]
            found[t, b] = reward[t, b] + discount * ahead - v[t, b]
            over = batch.terminated[t, b] | batch.truncated[t, b]
            if t + 1 < STEPS and not over:
                found[t, b] += discount * trace * found[t + 1, b]
    return found


@pytest.mark.parametrize("memory", ["none", "gru"])
@pytest.mark.parametrize("ends", ["truncated", "terminated", "never"])
def test_advantages_are_those_of_the_steps_that_were_taken(
    ends: str, memory: str
) -> None:
    """The value of what ended an episode bootstraps where it was truncated."""
    agent = dataclasses.replace(AGENT, memory=memory)
    learner, batch = played(agent, Meeting(ends=ends))
    networks = learner.networks
    if memory == "none":
        worth = jax.vmap(jax.vmap(networks.worth))
        v = jax.vmap(worth)(batch.timestep.observation)
        last = worth(batch.last.observation)
    else:
        v = batch.extras["value"]
        step = jax.vmap(jax.vmap(networks.step, (0, 0, None)))
        last = step(batch.last_memory, networks.read(batch.last), batch.last.first)[2]
    v = np.concatenate([v, np.asarray(last)[None]])
    advantage = by_hand(learner, batch, v)
    taken = np.ones((STEPS, COPIES, 2), bool)
    if batch.taken is not None:
        taken &= np.asarray(batch.taken)[..., None]
        assert 0 < taken.mean() < 1
    spread = advantage[taken].std() + 1e-8
    expected = (advantage - advantage[taken].mean()) / spread

    samples = agent.samples(learner, batch)

    def laid_out(x: np.ndarray) -> np.ndarray:
        return x.ravel() if memory == "none" else by_window(x)

    counts = laid_out(taken)
    np.testing.assert_array_equal(samples.weight, counts)
    np.testing.assert_allclose(
        np.asarray(samples.advantage)[counts], laid_out(expected)[counts], atol=1e-4
    )
    np.testing.assert_allclose(
        np.asarray(samples.value_target)[counts],
        laid_out(advantage + v[:-1])[counts],
        atol=1e-4,
    )


def test_players_who_are_away_do_not_count() -> None:
    _, batch = played(AGENT, Meeting(absent=True))
    samples = AGENT.samples(played(AGENT, Meeting())[0], batch)
    expected = np.asarray(batch.taken)[..., None] & batch.timestep.player_mask
    assert not batch.timestep.player_mask.all()
    np.testing.assert_array_equal(samples.weight, np.ravel(expected))
    # Nor where nothing ends, and all rows are taken.
    endless = weights(batch._replace(taken=None))
    np.testing.assert_array_equal(endless, batch.timestep.player_mask)


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_nothing_is_learnt_of_a_row_that_was_not_taken(memory: str) -> None:
    agent = dataclasses.replace(AGENT, memory=memory)
    learner, batch = played(agent, Meeting(ends="terminated"))
    end = ~batch.taken[..., None]
    # What was done at an end led to nothing, and so might have been anything else.
    other = batch._replace(
        action=jnp.where(end, (batch.action + 1) % 3, batch.action),
        extras=batch.extras
        | {"log_behaviour": batch.extras["log_behaviour"] - 2.0 * end},
    )
    learn = jax.jit(agent.learn)
    jax.tree.map(
        lambda p, q: np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-7),
        learn(learner, batch, KEY),
        learn(learner, other, KEY),
    )


@pytest.mark.parametrize("agent", [PPO(torso="encoder", width=8), PPG(torso="encoder")])
def test_a_part_of_what_is_seen_may_have_no_elements(agent: PPO) -> None:
    """Games without rules show a table of no rules; nothing is compiled here."""
    environment = XLand(preset("reach"))
    parts = agent, environment, Prefetched(4, 1), Schedule(2, 8)

    def train(key: jax.Array) -> Any:
        member = training.begin(*parts, key)
        return training.advance(*parts, member, jnp.int32(0), jnp.int32(1))

    assert environment.spec.observation.rules.shape[0] == 0
    assert jax.eval_shape(train, KEY)[0].loop.timestep.first.shape == (2,)
