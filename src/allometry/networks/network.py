"""Network: torso, memory, another look, and head; one example in and one out.

What a network reads may be any pytree that its torso knows; what it gives is what its
head gives. One without a memory is called with an observation; one with a memory reads
step by step, or a window of steps at once, and both give the same numbers.
"""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, PyTree

from allometry.networks.encoder import Regards
from allometry.networks.memory import Memory, State
from allometry.networks.torsos import Torso


class Network(eqx.Module):
    """What an agent thinks with: features, what it remembers, outputs.

    `look` is what reads sets again in the light of what the memory gives, if there are
    both. All leaves are arrays (see `layers`).
    """

    torso: Torso
    memory: Memory
    look: Regards | None
    head: Any

    def __call__(self, observation: PyTree) -> Any:
        """Return the outputs (logits or a value) for one observation, from no past."""
        return self.head(self.torso(observation))

    def initial(self) -> State:
        """Give the memory before an episode's first step."""
        return self.memory.initial()

    def step(
        self, state: State, observation: PyTree, first: Bool[Array, ""]
    ) -> tuple[State, Any]:
        """Read one step; where it is an episode's `first` the past is forgotten."""
        state = self.memory.cleared(state, first)
        state, features = self.memory.step(state, self.torso(observation))
        return state, self._answer(observation, features)

    def window(
        self, state: State, observation: PyTree, first: Bool[Array, " T"]
    ) -> tuple[State, Any]:
        """Read T steps, along the first axis of all that is given."""
        features = jax.vmap(self.torso)(observation)
        state, features = self.memory.window(state, features, first)
        return state, jax.vmap(self._answer)(observation, features)

    def _answer(self, observation: PyTree, features: Float[Array, " width"]) -> Any:
        """Give the outputs for what the memory gave."""
        if self.look is not None:
            features = features + self.look(observation, features)
        return self.head(features)
