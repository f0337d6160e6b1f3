"""PPO with an exponentially weighted proximal policy (PPO-EWMA).

The objective is that of `allometry.agents.objective`; the proximal policy is an
average of past weights, moved after every gradient step (Hilton, Cobbe, Schulman
2021, arXiv 2110.00641). Policy and value networks are separate by default, as in the
digits experiments of Hilton, Tang, Schulman 2023 (arXiv 2301.13442); agents with a
memory mostly share one.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
from jaxtyping import Array, Float, Key, PyTree

from allometry.agents import average, objective
from allometry.agents.actor_critic import ActorCritic
from allometry.agents.agent import static, traced
from allometry.agents.average import Average
from allometry.agents.on_policy import (
    NonNegative,
    OnPolicy,
    Positive,
    adam,
    bounded,
    stepped,
)
from allometry.agents.samples import Samples, mean
from allometry.networks.network import Network
from allometry.specs import EnvironmentSpec


class Learner(NamedTuple):
    """All that PPO learns, and its traced hyper-parameters; leaves are arrays.

    `proximal` is `None` where the behaviour policy is the proximal one.
    """

    networks: ActorCritic
    proximal: Average | None
    optimiser: PyTree
    settings: dict[str, Float[Array, ""]]


@dataclasses.dataclass(frozen=True)
class PPO(OnPolicy):
    """PPO-EWMA; the defaults are those for digits."""

    proximal: Literal["average", "behaviour"] = static(
        "average",
        "what bounds the step: an average of past weights (PPO-EWMA), or the policy "
        "that collected the batch (PPO)",
    )
    clip: Positive = traced(0.2, "bound on the ratio to the proximal policy, ± clip")
    entropy: NonNegative = traced(0.01, "weight of the entropy bonus, per nat")
    value_coefficient: NonNegative = traced(0.5, "weight of the value loss")
    kl_penalty: NonNegative = traced(0.0, "weight of ½·(log-ratio to proximal)²")
    ewma_centre: NonNegative = traced(
        8.0, "centre of mass of the proximal policy, in gradient steps"
    )

    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Learner:
        """Build a learner with this record's hyper-parameters; the key is consumed.

        Raises `Refusal` if its networks cannot read what is observed.
        """
        networks = self.networks(spec, key)
        averaged = self.proximal == "average"
        return Learner(
            networks,
            average.start(networks.policy) if averaged else None,
            adam().init(networks),
            self.settings(),
        )

    def acting(self, learner: Learner) -> ActorCritic:
        """Give the networks that act: those that learn."""
        return learner.networks

    def weighed(
        self, advantage: Float[Array, "T B P"], weight: Float[Array, "T B P"] | None
    ) -> Float[Array, "T B P"]:
        """Normalise advantages over the batch, before it is cut into minibatches."""
        centred = advantage - mean(advantage, weight)
        return centred / (mean(centred**2, weight) ** 0.5 + 1e-8)

    def update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step on a minibatch and move the proximal policy."""
        proximal = learner.proximal
        gradient, metrics = jax.grad(self.loss, has_aux=True)(
            learner.networks,
            None if proximal is None else proximal.parameters,
            samples,
            learner.settings,
        )
        gradient = bounded(gradient, self.gradient_norm)
        direction, optimiser = adam().update(gradient, learner.optimiser)
        rate = learner.settings["learning_rate"]
        networks = stepped(learner.networks, direction, rate)
        if proximal is not None:
            decay = average.decay_of_centre(learner.settings["ewma_centre"])
            proximal = average.update(proximal, networks.policy, decay)
        return Learner(networks, proximal, optimiser, learner.settings), metrics

    def loss(
        self,
        networks: ActorCritic,
        proximal: Network | None,
        samples: Samples,
        settings: Mapping[str, Float[Array, ""]],
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        """Return what a gradient step lowers on a minibatch, and its parts."""
        return objective.loss(networks, proximal, samples, settings)
