"""Layers: the dense and convolutional maps that every network is made of.

Their only leaves are arrays, so a network made of them may be a `scan` carry, a
`vmap` output and a `jit` argument as it is: its skeleton is its tree structure.

Weights start as N(0, gain²/inputs) and biases at 0: a unit's input then has the
same variance at every width. Orthogonal weights would not keep it where a layer
widens (a layer from n to m > n units shrinks each unit by √(n/m)), and in a family
that is scaled by width that would be a second thing that changes.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


class Dense(eqx.Module):
    """An affine map `[inputs] -> [outputs]`."""

    weight: Float[Array, "outputs inputs"]
    bias: Float[Array, " outputs"]

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Return W x + b."""
        return self.weight @ x + self.bias


def dense(key: Key[Array, ""], inputs: int, outputs: int, gain: float = 1.0) -> Dense:
    """Build a dense layer with weights N(0, gain²/inputs); the key is consumed."""
    weight = jax.random.normal(key, (outputs, inputs)) * (gain * inputs**-0.5)
    return Dense(weight, jnp.zeros(outputs))
