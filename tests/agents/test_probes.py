"""Probes: every agent solves every probe, in value and in policy."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import training
from allometry.agents.agent import Agent
from allometry.agents.ppg import PPG
from allometry.agents.ppo import PPO
from allometry.agents.registry import AGENTS
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.agents.vmpo import VMPO
from allometry.environments.probes import END, PROBES, Probe

#: Each agent as it is small and quick; its learner has a network `value`.
SMALL = {
    "ppo": PPO(
        width=16, depth=0, minibatches=2, learning_rate=0.01, discount=0.7, entropy=0.0
    ),
    "ppg": PPG(
        width=16,
        depth=0,
        minibatches=2,
        learning_rate=0.01,
        auxiliary_learning_rate=0.005,
        discount=0.7,
        entropy=0.0,
        period=8,
        auxiliary_epochs=2,
    ),
    "vmpo": VMPO(
        width=16,
        depth=0,
        minibatches=2,
        learning_rate=0.01,
        discount=0.7,
        divergence_bound_scale=10.0,
        target_period=4.0,
    ),
}
SCHEDULE = Schedule(copies=64, length=16)
ITERATIONS = 150
STATES = max(len(probe.observations) for probe in PROBES.values())


def test_every_agent_is_probed() -> None:
    assert SMALL.keys() == AGENTS.keys()
    assert all(type(agent) is AGENTS[name] for name, agent in SMALL.items())


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
@pytest.mark.parametrize("agent", SMALL.values(), ids=SMALL)
def test_solves_the_probe(agent: Agent, probe: Probe) -> None:
    values, policy = train(agent, padded(probe), jax.random.key(0))
    expected = probe.values(agent.discount)
    for state in visited(probe):
        assert float(values[state]) == pytest.approx(expected[state], abs=0.05)
        action = probe.optimal_actions[state]
        if action is not None:
            assert policy[state, action] > 0.95


@functools.partial(jax.jit, static_argnums=0)
def train(agent: Agent, probe: Probe, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Train on a probe; give the values `[S]` and the policy `[S, A]` of its states."""
    parts = (agent, probe, Uniform(), SCHEDULE)
    member = training.begin(*parts, key)
    member, _ = training.advance(*parts, member, jnp.int32(0), jnp.int32(ITERATIONS))
    learner, seen = member.learner, jnp.asarray(probe.observations)
    policy = jax.vmap(lambda x: agent.probabilities(learner, x))(seen)
    return jax.vmap(agent.acting(learner).worth)(seen), policy


def padded(probe: Probe) -> Probe:
    """Add states that are never seen and forget the answers.

    Probes that then differ in their numbers alone share one compilation.
    """
    more = (0, STATES - len(probe.observations))
    return dataclasses.replace(
        probe,
        observations=np.pad(probe.observations, (more, (0, 0))),
        rewards=np.pad(probe.rewards, (more, (0, 0))),
        successors=np.pad(probe.successors, (more, (0, 0), (0, 0))),
        name="padded",
        values=PROBES["one_value"].values,
        optimal_actions=(),
        optimal_return=0.0,
    )


def visited(probe: Probe) -> set[int]:
    """Find the states of optimal play: of others an optimal policy learns nothing."""
    found: set[int] = set()
    ahead = set(range(probe.starts))
    while ahead:
        state = ahead.pop()
        found.add(state)
        action = probe.optimal_actions[state]
        chosen = probe.successors[state, slice(None) if action is None else action]
        ahead |= {int(s) for s in np.ravel(chosen) if s != END} - found
    return found
