"""Small agents, and how tests begin and train one: compiled once for a shape."""

import functools

import jax

from allometry.agents import training
from allometry.agents.agent import Agent
from allometry.agents.ppg import PPG
from allometry.agents.ppo import PPO
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.agents.vmpo import VMPO
from allometry.environments.environment import Environment

#: Each agent with all that it may carry along: averages, targets, a replay.
SMALL: dict[str, Agent] = {
    "ppo": PPO(width=4, depth=0, minibatches=2, proximal="average"),
    "ppg": PPG(width=4, depth=0, minibatches=2, period=3, auxiliary_epochs=2),
    "vmpo": VMPO(width=4, depth=0, minibatches=2, target_period=3.0),
}


@functools.partial(jax.jit, static_argnums=(0, 1))
def begin(
    schedule: Schedule, agent: Agent, environment: Environment, key: jax.Array
) -> Member:
    return training.begin(agent, environment, Uniform(), schedule, key)


@functools.partial(jax.jit, static_argnums=(0, 1))
def advance(
    schedule: Schedule,
    agent: Agent,
    environment: Environment,
    member: Member,
    first: int,
    iterations: int,
) -> tuple[Member, dict]:
    parts = (agent, environment, Uniform(), schedule)
    return training.advance(*parts, member, first, iterations)
