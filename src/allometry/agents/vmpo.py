"""V-MPO: a policy fitted to the better half of what it did, within bounds.

The objective is that of `allometry.agents.vmpo_objective` (Song et al. 2019,
arXiv 1909.12238). A target policy acts, and becomes the policy that learns every
`target_period` gradient steps; values are those of the network that learns, the best
estimate of what the policy that acts is worth.
"""

import dataclasses
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree
from pydantic import Field

from allometry.agents import flops, vmpo_objective
from allometry.agents.actor_critic import ActorCritic
from allometry.agents.agent import Flops, static, traced
from allometry.agents.distributions import Distribution
from allometry.agents.on_policy import (
    Count,
    NonNegative,
    OnPolicy,
    Positive,
    adam,
    bounded,
    stepped,
    values_of,
)
from allometry.agents.rollout import Batch
from allometry.agents.samples import Samples
from allometry.agents.schedule import Schedule
from allometry.agents.vmpo_objective import Multipliers, positive, stored_of
from allometry.networks.network import Network
from allometry.specs import EnvironmentSpec

Settings = dict[str, Float[Array, ""]]


class Published(NamedTuple):
    """What the paper uses for one kind of action: ε_η and η₀; ε and α₀ by part."""

    temperature_bound: float
    divergence_bounds: tuple[float, ...]
    temperature: float
    alpha: tuple[float, ...]


#: By how many parts a divergence has: 1 of discrete actions, and 2 of continuous ones,
#: the mean and the deviation. The first multipliers are recalled.
PUBLISHED = {
    1: Published(0.5, (0.001,), 1.0, (5.0,)),
    2: Published(0.05, (0.05, 5e-4), 1.0, (1.0, 1.0)),
}


class Learner(NamedTuple):
    """All that V-MPO learns, and its traced hyper-parameters; leaves are arrays.

    `target` is the policy that acts (with a value, if the two share a network) and
    `age` how many gradient steps ago it was the one that learns. `dual` is what is
    stored of the multipliers; one Adam is of the networks and of it.
    """

    networks: ActorCritic
    target: Network
    dual: Multipliers
    optimiser: PyTree
    age: Int[Array, ""]
    settings: Settings


@dataclasses.dataclass(frozen=True)
class VMPO(OnPolicy):
    """V-MPO; rates, bounds and the target's period are the published ones.

    The bounds are given as multiples of the published ones, since those depend on the
    kind of action:

    | | discrete | continuous |
    |---|---|---|
    | `temperature_bound_scale` × | .5 | .05 |
    | `divergence_bound_scale` × | .001 | .05, of the mean |
    | `deviation_bound_scale` × | | 5e-4, of the deviation |
    """

    minibatches: Count = static(
        1, "gradient steps per pass over a batch; each keeps the better half of its own"
    )
    learning_rate: Positive = traced(
        3e-4, "Adam's step at the family's default size; ∝ 1/√width and 1/√depth"
    )
    dual_learning_rate: Positive = traced(
        1e-2, "Adam's step for what is stored of the temperature and the multipliers"
    )
    temperature_bound_scale: Positive = traced(
        1.0, "what the published bound ε_η of the improved policy is multiplied by"
    )
    divergence_bound_scale: Positive = traced(
        1.0,
        "what the published bound ε_α of the divergence from the policy that acted is "
        "multiplied by; with continuous actions that of the mean",
    )
    deviation_bound_scale: Positive = traced(
        1.0,
        "what the published bound of the deviation's divergence is multiplied by; "
        "continuous actions alone have one",
    )
    value_coefficient: NonNegative = traced(1.0, "weight of the value loss")
    target_period: Annotated[float, Field(ge=1)] = traced(
        50.0, "gradient steps after which the policy that learns is the one that acts"
    )

    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Learner:
        """Build a learner with this record's hyper-parameters; the key is consumed.

        Raises `Refusal` if its networks cannot read what is observed.
        """
        networks = self.networks(spec, key)
        first = PUBLISHED[networks.distribution.parts]
        dual = stored_of(
            Multipliers(jnp.float32(first.temperature), jnp.array(first.alpha))
        )
        return Learner(
            networks,
            networks.policy,
            dual,
            adam().init((networks, dual)),
            jnp.int32(0),
            self.settings(),
        )

    def acting(self, learner: Learner) -> ActorCritic:
        """Give the networks that act: the target policy, and the value that learns."""
        return learner.networks._replace(policy=learner.target)

    def values(
        self, learner: Learner, batch: Batch
    ) -> tuple[Float[Array, "T B P"], Float[Array, "T B P"]]:
        """Value what was seen before each step and what it led to.

        One network of policy and value gave in acting what the target thinks: the
        windows are read again by the network that learns.
        """
        if self.shared and self.remembers:
            values = _read_again(learner.networks, batch)
            return values[:-1], values[1:]
        return values_of(learner.networks, batch)

    def update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step on a minibatch; move the target when it is due."""
        settings, networks, dual = learner.settings, learner.networks, learner.dual
        (of_networks, of_dual), metrics = jax.grad(_loss, has_aux=True)(
            (networks, dual), samples, settings
        )
        gradient = bounded(of_networks, self.gradient_norm), of_dual
        (of_networks, of_dual), optimiser = adam().update(gradient, learner.optimiser)
        networks = stepped(networks, of_networks, settings["learning_rate"])
        dual = stepped(dual, of_dual, settings["dual_learning_rate"])

        age = learner.age + 1
        due = age >= settings["target_period"]
        target = jax.tree.map(
            lambda new, old: jnp.where(due, new, old), networks.policy, learner.target
        )
        age = jnp.where(due, 0, age)
        return Learner(networks, target, dual, optimiser, age, settings), metrics

    def flops(self, spec: EnvironmentSpec, schedule: Schedule) -> Flops:
        """Count FLOPs per interaction when a `schedule` makes the batches.

        As for any agent that learns on policy, and the windows that are read again.
        """
        counted = super().flops(spec, schedule)
        if not (self.shared and self.remembers):
            return counted
        shapes = jax.eval_shape(lambda key: self.init(spec, key), jax.random.key(0))
        longer = schedule._replace(length=schedule.length + 1)
        rows = schedule.copies * spec.players
        again = flops.windows(_over, shapes, shapes.networks, spec, rows, longer)
        again *= longer.length / schedule.length
        return counted._replace(learn=counted.learn + again)


def bounds_of(settings: Settings, distribution: Distribution) -> Multipliers:
    """Give the bounds ε_η and ε_α for a distribution's kind of action."""
    published = PUBLISHED[distribution.parts]
    scales = settings["divergence_bound_scale"], settings["deviation_bound_scale"]
    return Multipliers(
        settings["temperature_bound_scale"] * published.temperature_bound,
        jnp.stack(scales[: distribution.parts])
        * jnp.array(published.divergence_bounds),
    )


def _loss(
    learnt: tuple[ActorCritic, Multipliers], samples: Samples, settings: Settings
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return L_π + L_η + L_α + c_V·½·E[(V − target)²], and what it tells."""
    networks, multipliers = learnt[0], positive(learnt[1])
    drawn = networks.distribution
    outputs, value = networks.over(samples.memory, samples.read, samples.first)
    rows = vmpo_objective.Samples(
        samples.advantage.ravel(),
        samples.each(drawn.log_probability)(outputs, samples.action).ravel(),
        samples.each(drawn.divergence)(samples.outputs, outputs).reshape(
            -1, drawn.parts
        ),
        _counts(samples),
    )
    total, parts = vmpo_objective.loss(rows, multipliers, bounds_of(settings, drawn))
    value_loss = samples.mean(jnp.square(value - samples.value_target)) / 2
    metrics = {
        "policy_loss": parts["policy_loss"],
        "value_loss": value_loss,
        "entropy": samples.mean(samples.each(drawn.entropy)(outputs)),
        "kl": parts["kl"],
        "temperature": multipliers.temperature,
        "alpha": multipliers.alpha.mean(),
        "kept": parts["kept"] / jnp.maximum(rows.valid.sum(), 1),
    }
    return total + settings["value_coefficient"] * value_loss, metrics


def _counts(samples: Samples) -> Array:
    """Say which rows count, windows laid out as one `[M·T]`."""
    if samples.weight is None:
        return jnp.ones(samples.advantage.size, bool)
    return samples.weight.ravel() > 0


def _read_again(networks: ActorCritic, batch: Batch) -> Float[Array, "S B P"]:
    """Value T steps and what followed, S = T + 1, from the memories before them."""

    def worth(memory: PyTree, read: PyTree, first: Array) -> Float[Array, " T"]:
        return networks.policy.window(memory[0], read, first)[1][1]

    read, first = jax.tree.map(
        lambda steps, last: jnp.concatenate([steps, last[None]]),
        (networks.read(batch.timestep), batch.timestep.first),
        (networks.read(batch.last), batch.last.first),
    )
    over_players = jax.vmap(worth, (0, 1, None), 1)
    return jax.vmap(over_players, (0, 1, 1), 1)(batch.memory, read, first)


def _over(learner: Learner, samples: Samples) -> tuple[Array, Array]:
    return learner.networks.over(samples.memory, samples.read, samples.first)
