"""Actor: what acts, without what only learning needs.

A past learner that plays on has no use for its optimiser, its averages and its value.
"""

from typing import NamedTuple

import jax
from jaxtyping import Array, Bool, Key, PyTree

from allometry.agents import seen
from allometry.agents.distributions import Distribution
from allometry.environments.environment import TimeStep
from allometry.networks.memories import NoMemory
from allometry.networks.network import Network


class Actor(NamedTuple):
    """The network of a policy and what its outputs mean; all leaves are arrays."""

    policy: Network
    distribution: Distribution

    @property
    def remembers(self) -> bool:
        """Say whether the past is remembered."""
        return not isinstance(self.policy.memory, NoMemory)

    def initial(self) -> PyTree:
        """Give one player's memory before an episode's first step."""
        return self.policy.initial()

    def read(self, timestep: TimeStep) -> PyTree:
        """Give what is read of a time step, whatever its leading axes."""
        return seen.seen(timestep) if self.remembers else timestep.observation

    def step(
        self, memory: PyTree, read: PyTree, first: Bool[Array, ""], key: Key[Array, ""]
    ) -> tuple[PyTree, PyTree]:
        """Draw one player's action; give the memory after it. Consumes the key."""
        memory, given = self.policy.step(memory, read, first)
        # A network of policy and value gives both.
        outputs = given[0] if isinstance(given, tuple) else given
        return self.distribution.sample(key, outputs), memory

    def act(
        self, timestep: TimeStep, memory: PyTree, key: Key[Array, ""]
    ) -> tuple[PyTree, PyTree]:
        """Draw the players' actions `[P, ...]` from memories `[P, ...]`.

        They are those of the agent's own `act`; the key is consumed.
        """
        keys = jax.random.split(key, timestep.reward.shape[0])
        step = jax.vmap(self.step, (0, 0, None, 0))
        return step(memory, self.read(timestep), timestep.first, keys)
