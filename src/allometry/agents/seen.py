"""Seen: what an agent with a memory reads at a step.

Beside the observation it reads its previous action and the reward of it: what a rule
does can only be learned from both (Duan et al. 2016, arXiv 1611.02779; Wang et al.
2016, arXiv 1611.05763).
"""

import math
from typing import Any, NamedTuple

from jaxtyping import PyTree

from allometry.environments.environment import TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec


class Seen(NamedTuple):
    """An observation, the action before it and its reward; or the spec of them."""

    observation: PyTree
    action: Any
    reward: Any


def spec(environment: EnvironmentSpec) -> Seen:
    """Describe what one player sees."""
    low, high = environment.reward_range
    reward = ArraySpec(
        (),
        minimum=low if math.isfinite(low) else None,
        maximum=high if math.isfinite(high) else None,
    )
    return Seen(environment.observation, environment.action, reward)


def seen(timestep: TimeStep) -> Seen:
    """Give what players see, whatever the leading axes."""
    return Seen(
        timestep.observation, timestep.extras["previous_action"], timestep.reward
    )
