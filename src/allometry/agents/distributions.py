"""Distributions over actions: draws, log-probability, entropy and divergence.

`distribution` chooses by an action's spec: a frozen record of static values, a pytree
without leaves, whose methods are of what a network's head gives for one player.
`sample`, `log_probability`, `entropy` and `divergence` are of the logits of one
discrete action.
"""

import math
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float, Key

from allometry.agents.categorical import Categorical as Categorical
from allometry.agents.categorical import divergence as divergence
from allometry.agents.categorical import entropy as entropy
from allometry.agents.categorical import log_probability as log_probability
from allometry.agents.categorical import sample as sample
from allometry.agents.factored import Factored
from allometry.agents.normal import Normal
from allometry.refusal import Refusal
from allometry.specs import ArraySpec


@runtime_checkable
class Distribution(Protocol):
    """What a head's outputs say about one player's action; callers `vmap`."""

    @property
    def outputs(self) -> int:
        """How many numbers a head gives."""
        ...

    @property
    def parts(self) -> int:
        """How many parts a divergence has."""
        ...

    def sample(self, key: Key[Array, ""], outputs: Float[Array, " O"]) -> Any:
        """Draw an action; the key is consumed."""
        ...

    def mode(self, outputs: Float[Array, " O"]) -> Any:
        """Give the likeliest action."""
        ...

    def log_probability(
        self, outputs: Float[Array, " O"], action: Any
    ) -> Float[Array, ""]:
        """Return log π(a), or the log of its density."""
        ...

    def entropy(self, outputs: Float[Array, " O"]) -> Float[Array, ""]:
        """Return the entropy, in nats; of a density it may be negative."""
        ...

    def divergence(
        self, p_outputs: Float[Array, " O"], q_outputs: Float[Array, " O"]
    ) -> Float[Array, " parts"]:
        """Return KL(p‖q) by part, in nats."""
        ...

    def random(self, key: Key[Array, ""]) -> Any:
        """Draw uniformly from the allowed actions; the key is consumed."""
        ...


def distribution(spec: ArraySpec) -> Distribution:
    """Choose how to draw the actions of a spec.

    | spec | distribution |
    |---|---|
    | `num_values`, shape `()` | `Categorical` |
    | `num_values`, any other shape | `Factored`, one group for each element |
    | floats between bounds | `Normal` |

    Raises `Refusal` for any other spec.
    """
    if spec.num_values is not None:
        if spec.num_values < 1 or spec.size < 1:
            raise Refusal(
                f"An action of shape {spec.shape} out of {spec.num_values} values "
                "leaves nothing to choose. Give at least one group and one value."
            )
        if spec.shape == ():
            return Categorical(spec.num_values)
        return Factored(spec.shape, spec.num_values)
    low, high = spec.minimum, spec.maximum
    if "float" not in spec.dtype or low is None or high is None:
        raise Refusal(
            f"An action of {spec.dtype} between {low} and {high} is of no kind that "
            "agents draw. Give `num_values` if it is discrete, or a float dtype with "
            "`minimum` and `maximum` if it is continuous."
        )
    if not 0 < high - low < math.inf:
        raise Refusal(
            f"An action between {low} and {high} has no range to draw from. Give a "
            "`minimum` below a `maximum`, both finite."
        )
    return Normal(spec.shape, low, high)
