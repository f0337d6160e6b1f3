"""Heads: what is made of features at the end of a network."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from allometry.networks.layers import Dense, dense


class PolicyAndValue(eqx.Module):
    """Two heads on the same features: what a policy is made of, and a value."""

    policy: Dense
    value: Dense

    def __call__(
        self, features: Float[Array, " width"]
    ) -> tuple[Float[Array, " outputs"], Float[Array, ""]]:
        """Return the numbers of the policy, and the value."""
        return self.policy(features), self.value(features)[0]


class DetachedValue(PolicyAndValue):
    """The same two heads; what the value is taught does not reach the features."""

    def __call__(
        self, features: Float[Array, " width"]
    ) -> tuple[Float[Array, " outputs"], Float[Array, ""]]:
        """Return the numbers of the policy, and the value."""
        apart = jax.lax.stop_gradient(features)
        return self.policy(features), self.value(apart)[0]


def policy_and_value(
    key: Key[Array, ""], width: int, outputs: int, policy_scale: float
) -> PolicyAndValue:
    """Build a `PolicyAndValue`; `policy_scale` multiplies the policy's first weights.

    The key is consumed.
    """
    policy, value = jax.random.split(key)
    return PolicyAndValue(
        dense(policy, width, outputs, policy_scale), dense(value, width, 1)
    )
