"""Network: torso, memory and head, one example in and one example out."""

import equinox as eqx
from jaxtyping import Array, Float

from allometry.networks.layers import Dense
from allometry.networks.torsos import Torso


class Network(eqx.Module):
    """What an agent thinks with: features, what it remembers, outputs.

    All leaves are arrays (see `layers`). `memory` is `None` where a network has
    none; the field stands here so that its parameters have a name of their own.
    """

    torso: Torso
    memory: None
    head: Dense

    def __call__(self, observation: Float[Array, "..."]) -> Float[Array, " outputs"]:
        """Return the outputs (logits or a value) for one observation."""
        return self.head(self.torso(observation))
