"""PPO with an exponentially weighted proximal policy (PPO-EWMA).

The objective is that of `allometry.agents.objective`; the proximal policy is an
average of past weights, moved after every gradient step (Hilton, Cobbe, Schulman
2021, arXiv 2110.00641). Policy and value networks are separate, as in the digits
experiments of Hilton, Tang, Schulman 2023 (arXiv 2301.13442).
"""

import dataclasses
import functools
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree
from pydantic import ConfigDict, Field

from allometry.agents import average, distributions
from allometry.agents.agent import Flops, static, traced, traced_names
from allometry.agents.average import Average
from allometry.agents.objective import Samples, loss
from allometry.agents.returns import generalised_advantage
from allometry.agents.rollout import Batch
from allometry.environments.environment import TimeStep
from allometry.networks import cost
from allometry.networks.network import Network
from allometry.networks.scale import family, learning_rate_scale, scale
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

#: The policy starts near uniform.
POLICY_HEAD_SCALE = 0.01


class Learner(NamedTuple):
    """All that PPO learns, and its traced hyper-parameters; leaves are arrays."""

    policy: Network
    value: Network
    proximal: Average
    optimiser: PyTree
    settings: dict[str, Float[Array, ""]]


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
        2e-3, "Adam's step at the family's default size; ∝ 1/√width and 1/√depth"
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
        """Build a learner with this record's hyper-parameters; the key is consumed.

        Raises `Refusal` if the environment's actions are not discrete.
        """
        policy_key, value_key = jax.random.split(key)
        actions = spec.action.num_values
        if actions is None:
            raise Refusal(
                'The agent "ppo" chooses among a number of discrete actions, which '
                "this environment does not have. Choose another environment."
            )
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
        """Make `epochs` passes over the batch in shuffled minibatches.

        Raises `Refusal` if the minibatches cannot be of equal size.
        """
        count = batch.action.size
        minibatches = (self.minibatches, self._minibatch_rows(count))
        samples = _samples(learner, batch)

        def step(
            learner: Learner, rows: Int[Array, " M"]
        ) -> tuple[Learner, dict[str, Array]]:
            return self.update(learner, jax.tree.map(lambda x: x[rows], samples))

        def shuffle(key: Key[Array, ""]) -> Int[Array, "minibatches M"]:
            return jax.random.permutation(key, count).reshape(minibatches)

        order = jax.vmap(shuffle)(jax.random.split(key, self.epochs))
        order = order.reshape(self.updates(), -1)
        learner, metrics = jax.lax.scan(step, learner, order)
        return learner, jax.tree.map(jnp.mean, metrics)

    def update(
        self, learner: Learner, samples: Samples
    ) -> tuple[Learner, dict[str, Float[Array, ""]]]:
        """Take one gradient step on a minibatch and move the proximal policy."""
        networks = (learner.policy, learner.value)
        gradient, metrics = jax.grad(loss, has_aux=True)(
            networks, learner.proximal.parameters, samples, learner.settings
        )
        direction, optimiser = _adam().update(gradient, learner.optimiser)
        rate = learner.settings["learning_rate"]
        policy, value = jax.tree.map(lambda p, d: p - rate * d, networks, direction)
        decay = average.decay_of_centre(learner.settings["ewma_centre"])
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
        and the shuffling are left out: they do not grow with the network. Raises
        `Refusal` if the minibatches cannot be of equal size.
        """
        shapes = jax.eval_shape(lambda key: self.init(spec, key), jax.random.key(0))
        seen = spec.observation
        observation = jax.ShapeDtypeStruct(seen.shape, seen.dtype)
        rows = self._minibatch_rows(samples)
        minibatch = _minibatch_shapes(observation, rows)
        act = cost.flops(_act_once, shapes.policy, observation, jax.random.key(0))
        value = cost.flops(lambda net, x: net(x), shapes.value, observation)
        update = cost.flops(self.update, shapes, minibatch) / rows
        values = 2 if spec.episodic else 1
        return Flops(act, values * value + self.epochs * update)

    def _minibatch_rows(self, samples: int) -> int:
        if samples % self.minibatches:
            raise Refusal(
                f"agent.minibatches is {self.minibatches}, and a batch of {samples:,} "
                "samples (training.copies × training.length, for each player) cannot "
                "be cut into as many equal parts. Change one so that it divides."
            )
        return samples // self.minibatches

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


def _samples(learner: Learner, batch: Batch) -> Samples:
    """Compute advantages and value targets, then lay the batch out in rows.

    Advantages are normalised over the whole batch, before it is cut into minibatches.
    """
    v_tm1, v_t = _values(learner.value, batch)
    advantage = _advantages(learner.settings, batch, v_tm1, v_t)
    spread = advantage.std() + 1e-8
    samples = Samples(
        observation=batch.observation,
        action=batch.action,
        log_behaviour=batch.extras["log_behaviour"],
        advantage=(advantage - advantage.mean()) / spread,
        value_target=advantage + v_tm1,
    )
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), samples)


def _values(
    network: Network, batch: Batch
) -> tuple[Float[Array, "T B P"], Float[Array, "T B P"]]:
    """Value what was seen before each step and what it led to, before any reset."""

    def value(observation: Array) -> Float[Array, ""]:
        return network(observation)[0]

    v_tm1 = _over(3, value)(batch.observation)
    if batch.successor is not None:
        return v_tm1, _over(3, value)(batch.successor)
    last = _over(2, value)(batch.last)
    return v_tm1, jnp.concatenate([v_tm1[1:], last[None]])


def _advantages(
    settings: dict[str, Float[Array, ""]],
    batch: Batch,
    v_tm1: Float[Array, "T B P"],
    v_t: Float[Array, "T B P"],
) -> Float[Array, "T B P"]:
    estimate = functools.partial(
        generalised_advantage, discount=settings["discount"], trace=settings["trace"]
    )
    over_players = jax.vmap(estimate, in_axes=(1, 1, 1, None, None), out_axes=1)
    over_copies = jax.vmap(over_players, in_axes=1, out_axes=1)
    return over_copies(batch.reward, v_tm1, v_t, batch.terminated, batch.truncated)


def _over(axes: int, function: Any) -> Any:
    """Map a function of one observation over leading axes, laid out as one.

    One axis of all rows is one large matrix product; nested `vmap`s are many small.
    """

    def mapped(observations: Array) -> Array:
        leading = observations.shape[:axes]
        rows = observations.reshape(-1, *observations.shape[axes:])
        return jax.vmap(function)(rows).reshape(leading)

    return mapped


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
