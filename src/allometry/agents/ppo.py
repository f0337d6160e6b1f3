"""PPO with an exponentially weighted proximal policy (PPO-EWMA).

Schulman et al. 2017 (arXiv 1707.06347) with the two roles of the old policy apart:
the *behaviour* policy collected the data and corrects the importance weights, the
*proximal* policy bounds the step and is an average of past weights (Hilton, Cobbe,
Schulman 2021, arXiv 2110.00641). Policy and value networks are separate, as in the
digits experiments of Hilton, Tang, Schulman 2023 (arXiv 2301.13442).
"""

import dataclasses
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree
from pydantic import ConfigDict, Field

from allometry.agents import average, distributions
from allometry.agents.agent import Flops, static, traced, traced_names
from allometry.agents.average import Average
from allometry.agents.returns import generalised_advantage
from allometry.agents.rollout import Batch
from allometry.environments.environment import TimeStep
from allometry.networks import cost
from allometry.networks.network import Network
from allometry.networks.scale import family, learning_rate_scale, scale
from allometry.specs import EnvironmentSpec

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

#: Importance ratios are capped here, as in the released code.
RATIO_CAP = 100.0
#: The policy starts near uniform.
POLICY_HEAD_SCALE = 0.01


class Learner(NamedTuple):
    """All that PPO learns, and its traced hyper-parameters; leaves are arrays."""

    policy: Network
    value: Network
    proximal: Average
    optimiser: PyTree
    settings: dict[str, Float[Array, ""]]


class Samples(NamedTuple):
    """What one minibatch holds, one row per player and step."""

    observation: Any  # [M, ...]; arrays here, shapes only where FLOPs are counted
    action: Any  # [M]
    log_behaviour: Any  # [M]
    advantage: Any  # [M]
    value_target: Any  # [M]


@dataclasses.dataclass(frozen=True)
class PPO:
    """PPO-EWMA for discrete actions; the defaults are those for digits."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    torso: str = static("mlp", "family of networks, for policy and value alike")
    width: Count | None = static(None, "units per layer; the family's own by default")
    depth: Annotated[int, Field(ge=0)] | None = static(
        None, "residual blocks; the family's own by default"
    )
    minibatches: Count = static(4, "gradient steps per pass over a batch")
    epochs: Count = static(1, "passes over a batch")
    learning_rate: Positive = traced(
        3e-3, "Adam's step at the family's default size; ∝ 1/√width and 1/√depth"
    )
    discount: Fraction = traced(0.6, "γ")
    trace: Fraction = traced(1.0, "λ of generalised advantage estimation")
    clip: Positive = traced(0.2, "bound on the ratio to the proximal policy, ± clip")
    entropy: NonNegative = traced(0.01, "weight of the entropy bonus, per nat")
    value_coefficient: NonNegative = traced(0.5, "weight of the value loss")
    kl_penalty: NonNegative = traced(0.0, "weight of ½·(log-ratio to proximal)²")
    ewma_centre: NonNegative = traced(
        8.0, "centre of mass of the proximal policy, in gradient steps"
    )

    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Learner:
        """Build a learner with this record's hyper-parameters; the key is consumed."""
        policy_key, value_key = jax.random.split(key)
        actions = spec.action.num_values
        assert actions is not None, "PPO acts on a discrete number of actions"
        policy = self._network(spec, actions, POLICY_HEAD_SCALE)(policy_key)
        value = self._network(spec, 1, 1.0)(value_key)
        return Learner(
            policy,
            value,
            average.start(policy),
            _adam().init((policy, value)),
            self.settings(),
        )

    def settings(self) -> dict[str, Float[Array, ""]]:
        """Give the traced hyper-parameters, the learning rate scaled to the size."""
        values = {name: getattr(self, name) for name in traced_names(self)}
        values["learning_rate"] *= self._learning_rate_scale()
        return {name: jnp.float32(value) for name, value in values.items()}

    def initial_memory(self, learner: Learner) -> tuple[()]:
        """Give an empty memory."""
        return ()

    def act(
        self,
        learner: Learner,
        timestep: TimeStep,
        memory: tuple[()],
        key: Key[Array, ""],
        *,
        explore: bool = True,
    ) -> tuple[Int[Array, " P"], tuple[()], dict[str, Array]]:
        """Sample an action for each player, or take the likeliest; consumes the key."""
        logits = jax.vmap(learner.policy)(timestep.observation)
        if explore:
            keys = jax.random.split(key, logits.shape[0])
            action = jax.vmap(distributions.sample)(keys, logits)
        else:
            action = jnp.argmax(logits, axis=-1)
        log_behaviour = jax.vmap(distributions.log_probability)(logits, action)
        return action, memory, {"log_behaviour": log_behaviour}

    def probabilities(
        self, learner: Learner, observation: Float[Array, "..."]
    ) -> Float[Array, " A"]:
        """Give the exploring policy's action probabilities for one observation."""
        return jax.nn.softmax(learner.policy(observation))

    def learn(
        self, learner: Learner, batch: Batch, key: Key[Array, ""]
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Make `epochs` passes over the batch in shuffled minibatches."""
        samples = _samples(learner, batch)
        rows = samples.action.shape[0]

        def step(
            learner: Learner, rows: Int[Array, " M"]
        ) -> tuple[Learner, dict[str, Array]]:
            return self.update(learner, jax.tree.map(lambda x: x[rows], samples))

        def shuffle(key: Key[Array, ""]) -> Int[Array, "minibatches M"]:
            return jax.random.permutation(key, rows).reshape(self.minibatches, -1)

        order = jax.vmap(shuffle)(jax.random.split(key, self.epochs))
        order = order.reshape(self.updates(), -1)
        learner, metrics = jax.lax.scan(step, learner, order)
        return learner, jax.tree.map(jnp.mean, metrics)

    def update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step on a minibatch and move the proximal policy."""
        networks = (learner.policy, learner.value)
        gradient, metrics = jax.grad(loss, has_aux=True)(networks, learner, samples)
        direction, optimiser = _adam().update(gradient, learner.optimiser)
        rate = learner.settings["learning_rate"]
        policy, value = jax.tree.map(lambda p, d: p - rate * d, networks, direction)
        centre = learner.settings["ewma_centre"]
        decay = average.decay_of_centre(centre)
        proximal = average.update(learner.proximal, policy, decay)
        return Learner(policy, value, proximal, optimiser, learner.settings), metrics

    def updates(self) -> int:
        """Count the gradient steps of one call of `learn`."""
        return self.epochs * self.minibatches

    def parameters(self, learner: Learner) -> dict[str, int]:
        """Count parameters by network and part."""
        return {
            f"{name}.{part}": count
            for name, network in (("policy", learner.policy), ("value", learner.value))
            for part, count in cost.parameters(network).items()
        }

    def flops(self, spec: EnvironmentSpec, samples: int) -> Flops:
        """Count FLOPs per interaction when `samples` interactions make a batch.

        Acting is one pass of the policy and the draw; learning is the values of the
        batch and `epochs` gradient steps per sample. Advantages, a handful of FLOPs,
        and the shuffling are left out: they do not grow with the network.
        """
        shapes = jax.eval_shape(lambda key: self.init(spec, key), jax.random.key(0))
        seen = spec.observation
        observation = jax.ShapeDtypeStruct(seen.shape, seen.dtype)
        rows = samples // self.minibatches
        minibatch = _minibatch_shapes(observation, rows)
        act = cost.flops(_act_once, shapes.policy, observation, jax.random.key(0))
        value = cost.flops(lambda net, x: net(x), shapes.value, observation)
        update = cost.flops(self.update, shapes, minibatch) / rows
        values = 2 if spec.episodic else 1
        return Flops(act, values * value + self.epochs * update)

    def _network(self, spec: EnvironmentSpec, outputs: int, head_scale: float) -> Any:
        return scale(
            spec.observation,
            outputs,
            torso=self.torso,
            width=self.width,
            depth=self.depth,
            head_scale=head_scale,
        )

    def _learning_rate_scale(self) -> float:
        default = family(self.torso)
        width = default.width if self.width is None else self.width
        depth = default.depth if self.depth is None else self.depth
        return learning_rate_scale(width, depth, default.width, default.depth)


def loss(
    networks: tuple[Network, Network], learner: Learner, samples: Samples
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Return the loss of PPO-EWMA on a minibatch, and its parts.

    −min(ρ·A, clip(π/π_prox, 1 ± ε)·(π_prox/π_behav)·A) with ρ = π/π_behav, minus the
    entropy bonus, plus the value loss and the KL penalty: arXiv 2110.00641, eq. 4.
    """
    policy, value = networks
    settings = learner.settings
    logits = jax.vmap(policy)(samples.observation)
    proximal_logits = jax.vmap(learner.proximal.parameters)(samples.observation)
    log_probability = jax.vmap(distributions.log_probability)
    log_pi = log_probability(logits, samples.action)
    log_proximal = log_probability(proximal_logits, samples.action)

    clip = settings["clip"]
    to_proximal = jnp.exp(log_pi - log_proximal)
    clipped = jnp.clip(to_proximal, 1 - clip, 1 + clip)
    weight = _capped_ratio(log_proximal - samples.log_behaviour)
    gain = jnp.minimum(
        _capped_ratio(log_pi - samples.log_behaviour) * samples.advantage,
        clipped * weight * samples.advantage,
    )
    entropy = jax.vmap(distributions.entropy)(logits).mean()
    kl = 0.5 * jnp.square(log_pi - log_proximal).mean()
    error = jax.vmap(value)(samples.observation)[:, 0] - samples.value_target
    metrics = {
        "policy_loss": -gain.mean(),
        "value_loss": jnp.square(error).mean(),
        "entropy": entropy,
        "kl": kl,
        "clip_fraction": (jnp.abs(to_proximal - 1) > clip).mean(),
    }
    total = (
        metrics["policy_loss"]
        - settings["entropy"] * entropy
        + settings["value_coefficient"] * metrics["value_loss"]
        + settings["kl_penalty"] * kl
    )
    return total, metrics


def _capped_ratio(log_ratio: Float[Array, " M"]) -> Float[Array, " M"]:
    return jnp.exp(jnp.minimum(log_ratio, jnp.log(RATIO_CAP)))


def _samples(learner: Learner, batch: Batch) -> Samples:
    """Compute advantages and value targets, then lay the batch out in rows."""
    values_of = _over(3, lambda observation: learner.value(observation)[0])
    v_tm1 = values_of(batch.observation)
    if batch.successor is None:
        last = _over(2, lambda observation: learner.value(observation)[0])(batch.last)
        v_t = jnp.concatenate([v_tm1[1:], last[None]])
    else:
        v_t = values_of(batch.successor)

    def advantage(
        r_t: Array, v_tm1: Array, v_t: Array, terminated: Array, truncated: Array
    ) -> Array:
        settings = learner.settings
        return generalised_advantage(
            r_t,
            v_tm1,
            v_t,
            terminated,
            truncated,
            settings["discount"],
            settings["trace"],
        )

    over_players = jax.vmap(advantage, in_axes=(1, 1, 1, None, None), out_axes=1)
    advantages = jax.vmap(over_players, in_axes=1, out_axes=1)(
        batch.reward, v_tm1, v_t, batch.terminated, batch.truncated
    )
    spread = advantages.std() + 1e-8
    samples = Samples(
        observation=batch.observation,
        action=batch.action,
        log_behaviour=batch.extras["log_behaviour"],
        advantage=(advantages - advantages.mean()) / spread,
        value_target=advantages + v_tm1,
    )
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), samples)


def _over(axes: int, function: Any) -> Any:
    """Map a function of one observation over leading axes."""
    for _ in range(axes):
        function = jax.vmap(function)
    return function


def _act_once(policy: Network, observation: Array, key: Key[Array, ""]) -> Array:
    return distributions.sample(key, policy(observation))


def _minibatch_shapes(observation: jax.ShapeDtypeStruct, rows: int) -> Samples:
    column = jax.ShapeDtypeStruct((rows,), jnp.float32)
    return Samples(
        jax.ShapeDtypeStruct((rows, *observation.shape), observation.dtype),
        jax.ShapeDtypeStruct((rows,), jnp.int32),
        column,
        column,
        column,
    )


def _adam() -> optax.GradientTransformation:
    return optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)
