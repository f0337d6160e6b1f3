"""Actor-critic: what decides what is done and what it is worth."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Bool, Float, PyTree

from allometry.agents import seen
from allometry.agents.distributions import Distribution
from allometry.environments.environment import TimeStep
from allometry.networks.memories import NoMemory
from allometry.networks.network import Network


class ActorCritic(NamedTuple):
    """A network of the policy and one of the value, or one of both (`value` is `None`).

    What the policy's network gives are the numbers of `distribution`; beside a network
    of the value it may give an auxiliary value, which only `over` of it alone tells.
    Functions are for one player; callers `vmap`. A memory is a pair: the policy's and
    the value's.
    """

    policy: Network
    value: Network | None
    distribution: Distribution

    @property
    def remembers(self) -> bool:
        """Say whether the past is remembered."""
        return not isinstance(self.policy.memory, NoMemory)

    def initial(self) -> tuple[PyTree, PyTree]:
        """Give the memory before an episode's first step."""
        return self.policy.initial(), () if self.value is None else self.value.initial()

    def read(self, timestep: TimeStep) -> PyTree:
        """Give what the networks read of a time step, whatever its leading axes."""
        return seen.seen(timestep) if self.remembers else timestep.observation

    def step(
        self, memory: tuple[PyTree, PyTree], read: PyTree, first: Bool[Array, ""]
    ) -> tuple[tuple[PyTree, PyTree], Float[Array, " outputs"], Float[Array, ""]]:
        """Read one step; give the numbers of the policy and the value."""
        of_policy, given = self.policy.step(memory[0], read, first)
        if self.value is None:
            return (of_policy, ()), *given
        of_value, value = self.value.step(memory[1], read, first)
        return (of_policy, of_value), _outputs(given), value[0]

    def outputs(self, read: PyTree) -> Float[Array, " outputs"]:
        """Give the numbers of the policy for what is read, from no past."""
        return _outputs(self.policy(read))

    def worth(self, read: PyTree) -> Float[Array, ""]:
        """Value what is read, from no past."""
        return self.policy(read)[1] if self.value is None else self.value(read)[0]

    def over(
        self, memory: tuple[PyTree, PyTree], read: PyTree, first: Bool[Array, "M *T"]
    ) -> tuple[Float[Array, "M *T outputs"], Float[Array, "M *T"]]:
        """Read M steps that have no past, or M windows of steps if this remembers."""
        given = over(self.policy, memory[0], read, first)
        if self.value is None:
            return given
        return _outputs(given), over(self.value, memory[1], read, first)[..., 0]


def policy_over(
    policy: Network, memory: PyTree, read: PyTree, first: Bool[Array, "M *T"]
) -> Float[Array, "M *T outputs"]:
    """Read as `ActorCritic.over`, and give the numbers of the policy alone."""
    return _outputs(over(policy, memory, read, first))


def over(
    network: Network, memory: PyTree, read: PyTree, first: Bool[Array, "M *T"]
) -> Any:
    """Read as `ActorCritic.over`, and give all that one network gives."""
    if isinstance(network.memory, NoMemory):
        return jax.vmap(network)(read)
    return jax.vmap(network.window)(memory, read, first)[1]


def _outputs(given: Any) -> Array:
    """Leave out a value that the policy's network gives too."""
    return given[0] if isinstance(given, tuple) else given
