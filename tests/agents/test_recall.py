"""Recall: every memory keeps a cue within a window, some from before it."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from allometry.agents import loop as loops
from allometry.agents import training
from allometry.agents.ppg import PPG
from allometry.agents.ppo import PPO
from allometry.agents.rollout import rollout
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.environments.recall import Recall
from allometry.networks.memories import MEMORIES

REMEMBERING = [kind for kind in MEMORIES if kind != "none"]
COPIES = 64
EPISODES = 1024


AGENT = PPO(
    memory_length=16,
    width=16,
    depth=0,
    shared=True,
    minibatches=4,
    learning_rate=3.5e-3,
    discount=0.9,
    trace=0.95,
)


def successes(
    player: PPO, environment: Recall, *, length: int, iterations: int
) -> float:
    """Train, then play: the share of episodes in which the cue was recalled."""
    schedule = Schedule(COPIES, length)

    @jax.jit
    def train_and_play(key: jax.Array) -> jax.Array:
        parts = (player, environment, Uniform(), schedule)
        member = training.begin(*parts, key)
        count = jnp.int32(iterations)
        learner = training.advance(*parts, member, jnp.int32(0), count)[0].learner
        loop = loops.start(player, environment, Uniform(), learner, key, EPISODES)
        steps = environment.delay + 2
        _, batch = rollout(player, environment, Uniform(), learner, loop, key, steps)
        return batch.reward.sum(0).mean()

    return float(train_and_play(jax.random.key(0)))


@pytest.mark.slow
@pytest.mark.parametrize("memory", REMEMBERING)
def test_every_memory_recalls_within_the_window(memory: str) -> None:
    player = dataclasses.replace(AGENT, memory=memory)
    found = successes(player, Recall(cues=4, delay=3), length=16, iterations=60)
    assert found > 0.9


@pytest.mark.slow
def test_windows_are_gone_back_to_with_the_memory_before_them() -> None:
    """PPG recalls within the window as PPO does."""
    fields = {**vars(AGENT), "memory": "gru"}
    player = PPG(**fields, period=8, auxiliary_learning_rate=1e-3)
    found = successes(player, Recall(cues=4, delay=3), length=16, iterations=60)
    assert found > 0.9


@pytest.mark.slow
def test_what_remembers_nothing_does_not_beat_chance() -> None:
    # Four standard errors of 1,024 answers of which a quarter is right.
    bound = 4 * (0.25 * 0.75 / EPISODES) ** 0.5
    found = successes(AGENT, Recall(cues=4, delay=3), length=16, iterations=60)
    assert found == pytest.approx(0.25, abs=bound)


@pytest.mark.slow
def test_cached_activations_recall_from_before_the_window() -> None:
    """No window of 4 steps holds both the cue and the question 5 steps later.

    What is kept of the cue gets no gradient, but its keys and values are there, and
    later steps learn to look at them.
    """
    player = dataclasses.replace(
        AGENT,
        memory="transformer-xl",
        memory_length=8,
        width=32,
        learning_rate=3e-4,
        entropy=0.05,
        gradient_norm=0.5,
    )
    found = successes(player, Recall(cues=2, delay=4), length=4, iterations=800)
    assert found > 0.9
