"""FLOPs of agents with a memory: windows, counted by hand and in one piece."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from allometry.agents import flops, seen
from allometry.agents.ppo import PPO
from allometry.agents.schedule import Schedule
from allometry.networks import cost, recurrent
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

INPUTS, ACTIONS = 20, 10
SPEC = EnvironmentSpec(ArraySpec((INPUTS,)), discrete(ACTIONS), episodic=False)
#: What one step is for a network that remembers: observation, action, reward.
READ = INPUTS + ACTIONS + 1
AGENT = PPO(depth=0, minibatches=2, memory_length=3, shared=True)


def gru_products(width: int) -> int:
    """Count the matrix products of a GRU: three gates of the features and the state."""
    return 2 * (3 * width * width + 3 * width * width)


def products(width: int) -> int:
    """Count those of a step of the policy's network with its head of two."""
    return 2 * READ * width + gru_products(width) + 2 * width * (ACTIONS + 1)


def test_acting_takes_a_step_of_the_memory() -> None:
    # Beside the products: gates, ELUs, biases and what is cleared, some 40 per unit.
    agent = dataclasses.replace(AGENT, memory="gru", width=512)
    act = agent.flops(SPEC, Schedule(copies=64, length=16)).act
    assert act == pytest.approx(products(512), rel=0.02)
    assert act > products(512)


def test_learning_takes_windows_of_one_network_and_the_proximal_one() -> None:
    # Forward and twice that backward, less the gradient by what is read; the proximal
    # network forward. The first step's state is data: no gradient by it, a share of a
    # 16th of what the state adds. Adam, shared by 32 × 16 steps, takes the rest.
    width, length = 512, 16
    agent = dataclasses.replace(AGENT, memory="gru", width=width)
    learn = agent.flops(SPEC, Schedule(copies=64, length=length)).learn
    state = 2 * 3 * width * width / length
    expected = 4 * products(width) - 2 * READ * width - state
    learner = jax.eval_shape(lambda key: agent.init(SPEC, key), jax.random.key(0))
    parameters = sum(agent.parameters(learner).values())
    expected += 17 * parameters / (32 * length)
    assert learn == pytest.approx(expected, rel=0.02)


def test_separate_networks_take_twice_as_much() -> None:
    one, two = (
        dataclasses.replace(AGENT, memory="gru", width=256, shared=shared)
        for shared in (True, False)
    )
    schedule = Schedule(copies=64, length=8)
    # Acting takes both, since what a memory makes of a step cannot be asked later.
    ratio = two.flops(SPEC, schedule).act / one.flops(SPEC, schedule).act
    assert ratio == pytest.approx(2, rel=0.03)
    # Of seven passes four are the policy's (the proximal one too), three the value's.
    ratio = two.flops(SPEC, schedule).learn / one.flops(SPEC, schedule).learn
    assert ratio == pytest.approx(7 / 4, rel=0.05)


@pytest.mark.parametrize("memory", ["lstm", "gru-attention"])
def test_a_longer_window_costs_what_it_is_extrapolated_to(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unroll all of a window, so that it can be counted in one piece."""
    length, copies = 9, 4
    # Episodes are counted by a cumulative sum, which takes n log n: width hides it.
    agent = dataclasses.replace(AGENT, memory=memory, width=32)
    learner = jax.eval_shape(lambda key: agent.init(SPEC, key), jax.random.key(0))
    found = agent.flops(SPEC, Schedule(copies, length)).learn
    monkeypatch.setattr(recurrent, "UNROLLED", length + 1)
    windows = flops.samples(learner.networks, SPEC, (copies // 2, length))
    direct = cost.flops(agent.update, learner, windows) / (copies // 2 * length)
    assert found == pytest.approx(direct, rel=1e-3)


def test_epochs_multiply_windows() -> None:
    one, three = (
        dataclasses.replace(AGENT, memory="gru", width=8, epochs=epochs)
        for epochs in (1, 3)
    )
    schedule = Schedule(copies=4, length=8)
    assert three.flops(SPEC, schedule).learn == pytest.approx(
        3 * one.flops(SPEC, schedule).learn
    )


def test_what_is_read_is_what_was_seen() -> None:
    shapes = seen.spec(SPEC)
    networks = jax.eval_shape(
        lambda key: (
            dataclasses.replace(AGENT, memory="gru", width=8).init(SPEC, key).networks
        ),
        jax.random.key(0),
    )
    assert networks.policy.torso.embedding.weight.shape == (8, READ)
    assert shapes.action == SPEC.action
    assert jnp.dtype(shapes.reward.dtype) == jnp.float32
