"""PPG: PPO-EWMA whose policy learns the values too, in a phase of its own.

After every N_π iterations of PPO-EWMA an auxiliary phase goes back to all of their
batches: the policy's network learns to value through an auxiliary head, and is held to
the policy that it was (Cobbe, Hilton, Klimov, Schulman 2020, arXiv 2009.04416). The
proximal policy begins anew after the phase (Hilton, Cobbe, Schulman 2021, arXiv
2110.00641, PPG-EWMA).

As in the released code of the latter (openai/ppo-ewma, `ppg.py`): each kind of phase
has one Adam over all parameters, kept from one such phase to the next; the policy that
the clone is held to is the one that learns, as it is when the phase begins, and not the
average; value targets are those of the policy phase, and windows begin with the memory
that they were collected with. Otherwise than there, as we chose: auxiliary minibatches
are as large as those of the policy phase (there half as large), and the number of an
iteration says when a phase is due, so that one may come at the end of training, too
(there none does).

Policy and value are two networks by default. Where they are one (`shared`), the value
has one head: what it is taught does not reach the features in the policy phase, and
does in the auxiliary phase (arXiv 2009.04416, the single network).
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from allometry.agents import average, flops, objective
from allometry.agents.actor_critic import ActorCritic, over, policy_over
from allometry.agents.agent import Flops, static, traced
from allometry.agents.on_policy import (
    Count,
    NonNegative,
    Positive,
    adam,
    bounded,
    passes,
    stepped,
)
from allometry.agents.ppo import PPO, Learner
from allometry.agents.rollout import Batch
from allometry.agents.samples import Samples, flat
from allometry.agents.schedule import Schedule
from allometry.networks import cost
from allometry.networks.heads import DetachedValue
from allometry.networks.network import Network
from allometry.specs import EnvironmentSpec


class Optimisers(NamedTuple):
    """One Adam for each kind of phase, both over all parameters."""

    policy: PyTree
    auxiliary: PyTree


@dataclasses.dataclass(frozen=True)
class PPG(PPO):
    """PPG-EWMA; the auxiliary phase is the published one, the rest as for PPO.

    Its learner is that of PPO with `Optimisers`. Each member keeps what it observed in
    `period` batches.
    """

    period: Count = static(
        32,
        "iterations from one auxiliary phase to the next, N_π; their batches are kept",
    )
    auxiliary_epochs: Count = static(
        6, "passes of an auxiliary phase over what is kept"
    )
    auxiliary_learning_rate: Positive = traced(
        5e-4,
        "Adam's step in the auxiliary phase at the family's default size; ∝ 1/√width "
        "and 1/√depth",
    )
    clone: NonNegative = traced(
        1.0, "weight of the divergence from the policy before the auxiliary phase, β"
    )

    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Learner:
        """Build a learner with this record's hyper-parameters; the key is consumed.

        Raises `Refusal` if its networks cannot read what is observed.
        """
        learner = super().init(spec, key)
        auxiliary = adam().init(learner.networks)
        return learner._replace(optimiser=Optimisers(learner.optimiser, auxiliary))

    def settings(self) -> dict[str, Float[Array, ""]]:
        """Give the traced hyper-parameters, both learning rates scaled to the size."""
        settings = super().settings()
        rate = self.auxiliary_learning_rate * self._learning_rate_scale()
        return settings | {"auxiliary_learning_rate": jnp.float32(rate)}

    def update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step of the policy phase on a minibatch, as PPO does."""
        optimisers = learner.optimiser
        learner, metrics = super().update(
            learner._replace(optimiser=optimisers.policy), samples
        )
        optimisers = optimisers._replace(policy=learner.optimiser)
        return learner._replace(optimiser=optimisers), metrics

    def loss(
        self,
        networks: ActorCritic,
        proximal: Network | None,
        samples: Samples,
        settings: Mapping[str, Float[Array, ""]],
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        """Return what a step of the policy phase lowers, and its parts.

        It is PPO's loss, and teaches the policy's features nothing of values.
        """
        if self.shared:
            networks = networks._replace(policy=_detached(networks.policy))
        return objective.loss(networks, proximal, samples, settings)

    def replay(
        self, learner: Learner, spec: EnvironmentSpec, schedule: Schedule
    ) -> Samples:
        """Give room for the samples of `period` batches, `[N_π, M]`."""
        rows = schedule.copies * spec.players
        leading: tuple[int, ...] = (rows * schedule.length,)
        if self.remembers:
            leading = rows, schedule.length
        shapes = _needed(flops.samples(learner.networks, spec, leading))
        return jax.tree.map(
            lambda x: jnp.zeros((self.period, *x.shape), x.dtype), shapes
        )

    def kept(self, learner: Learner, batch: Batch) -> Samples:
        """Keep what was observed, the memory before it, and what values should be."""
        return _needed(self.samples(learner, batch))

    def reflect(
        self, learner: Learner, replay: Samples, key: Key[Array, ""]
    ) -> Learner:
        """Make the passes of an auxiliary phase; the proximal policy begins anew.

        Raises `Refusal` if the minibatches cannot be of equal size.
        """
        samples = asked(learner.networks.policy, replay)
        rows = self.minibatch_rows(samples.first.shape[1])
        samples = jax.tree.map(lambda x: flat(x, 2), samples)
        learner, _ = passes(
            self.auxiliary_update,
            learner,
            samples,
            key,
            epochs=self.auxiliary_epochs,
            rows=rows,
        )
        if learner.proximal is None:
            return learner
        return learner._replace(proximal=average.start(learner.networks.policy))

    def auxiliary_update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step of the auxiliary phase on a minibatch."""
        settings, optimisers = learner.settings, learner.optimiser
        gradient, metrics = jax.grad(auxiliary_loss, has_aux=True)(
            learner.networks, samples, settings["clone"]
        )
        gradient = bounded(gradient, self.gradient_norm)
        direction, auxiliary = adam().update(gradient, optimisers.auxiliary)
        rate = settings["auxiliary_learning_rate"]
        networks = stepped(learner.networks, direction, rate)
        optimisers = optimisers._replace(auxiliary=auxiliary)
        return learner._replace(networks=networks, optimiser=optimisers), metrics

    def updates(self) -> int:
        """Count the gradient steps of an iteration, those of phases shared out."""
        return (self.epochs + self.auxiliary_epochs) * self.minibatches

    def parameters(self, learner: Learner) -> dict[str, int]:
        """Count parameters by network and part; the auxiliary head is no policy's."""
        counted = super().parameters(learner)
        if learner.networks.value is None:
            return counted
        auxiliary = cost.count(learner.networks.policy.head.value)
        heads = {"policy.heads": counted["policy.heads"] - auxiliary}
        return counted | heads | {"auxiliary.heads": auxiliary}

    def flops(self, spec: EnvironmentSpec, schedule: Schedule) -> Flops:
        """Count FLOPs per interaction when a `schedule` makes the batches.

        As for any agent that learns on policy, and the auxiliary phase, shared out
        among the interactions that it goes back to: each is asked about once and learnt
        from `auxiliary_epochs` times.
        """
        counted = super().flops(spec, schedule)
        shapes = jax.eval_shape(lambda key: self.init(spec, key), jax.random.key(0))
        asking = self.per_step(_ask, shapes, spec, schedule)
        update = self.per_step(self.auxiliary_update, shapes, spec, schedule)
        learn = counted.learn + asking + self.auxiliary_epochs * update
        return counted._replace(learn=learn)

    @property
    def critic(self) -> bool:
        """Say that the policy's network gives a value too, if only an auxiliary one."""
        return True


def asked(policy: Network, replay: Samples) -> Samples:
    """Add to what was kept the `outputs` of a policy, `[N_π, M]` or `[N_π, M, T]`.

    One batch is read after the other: all at once would take their activations at once.
    """

    def ask(samples: Samples) -> Array:
        return policy_over(policy, samples.memory[0], samples.read, samples.first)

    return replay._replace(outputs=jax.lax.map(ask, replay))


def auxiliary_loss(
    networks: ActorCritic, samples: Samples, clone: Float[Array, ""]
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return what the auxiliary phase lowers on a minibatch, and its parts.

    L = ½·E[(V_aux − target)²] + β·E[KL(π_old‖π)] + ½·E[(V − target)²], where π_old is
    the policy of the samples' `outputs` (arXiv 2009.04416, the joint loss and the value
    loss). One network of both has one value, and the last term is the first.
    """
    given = over(networks.policy, samples.memory[0], samples.read, samples.first)
    outputs, auxiliary = given
    divergence = samples.each(networks.distribution.divergence)
    metrics = {
        "auxiliary_loss": _half_square(samples, auxiliary),
        "clone": samples.mean(divergence(samples.outputs, outputs).sum(-1)),
    }
    total = metrics["auxiliary_loss"] + clone * metrics["clone"]
    if networks.value is not None:
        value = over(networks.value, samples.memory[1], samples.read, samples.first)
        metrics["value_loss"] = _half_square(samples, value[..., 0])
        total += metrics["value_loss"]
    return total, metrics


def _half_square(samples: Samples, value: Float[Array, "M *T"]) -> Float[Array, ""]:
    return samples.mean(jnp.square(value - samples.value_target)) / 2


def _needed(samples: Samples) -> Samples:
    """Leave out what the auxiliary phase does not ask for."""
    return samples._replace(action=(), log_behaviour=(), outputs=(), advantage=())


def _detached(policy: Network) -> Network:
    head = DetachedValue(policy.head.policy, policy.head.value)
    return dataclasses.replace(policy, head=head)


def _ask(learner: Learner, samples: Samples) -> Array:
    policy = learner.networks.policy
    return policy_over(policy, samples.memory[0], samples.read, samples.first)
