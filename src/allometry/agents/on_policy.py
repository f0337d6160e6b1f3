"""On policy: what agents share that learn from what they have just done.

An agent of this kind collects a batch, weighs what it did by generalised advantage
estimation, makes passes over the batch in shuffled minibatches, and throws it away.
What a gradient step is, is its own.
"""

import abc
import dataclasses
import functools
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree
from pydantic import ConfigDict, Field

from allometry.agents import flops, seen
from allometry.agents.actor import Actor
from allometry.agents.actor_critic import ActorCritic
from allometry.agents.agent import Flops, static, traced, traced_names
from allometry.agents.devices import divided
from allometry.agents.distributions import distribution
from allometry.agents.flops import Update
from allometry.agents.returns import generalised_advantage
from allometry.agents.rollout import Batch
from allometry.agents.samples import Samples, flat, lay_out, weights
from allometry.agents.schedule import Schedule
from allometry.agents.shuffle import shuffled
from allometry.environments.environment import TimeStep
from allometry.networks import cost
from allometry.networks.scale import family, learning_rate_scale, scale
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

#: The policy starts near uniform.
POLICY_HEAD_SCALE = 0.01


@dataclasses.dataclass(frozen=True)
class OnPolicy(abc.ABC):
    """The networks, the batch and the passes over it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    torso: str = static("mlp", "family of networks, for policy and value alike")
    width: Count | None = static(None, "units per layer; the family's own by default")
    depth: Annotated[int, Field(ge=0)] | None = static(
        None, "residual blocks; the family's own by default"
    )
    memory: str = static(
        "none", "kind of memory: none, gru, lstm, gru-attention, transformer-xl"
    )
    memory_length: Count = static(64, "steps that a memory keeps, if it keeps any")
    shared: bool = static(False, "one network for policy and value")
    minibatches: Count = static(4, "gradient steps per pass over a batch")
    epochs: Count = static(1, "passes over a batch")
    gradient_norm: Positive | None = static(
        None, "largest norm of a gradient over all parameters, if it is bounded"
    )
    learning_rate: Positive = traced(
        2e-3, "Adam's step at the family's default size; ∝ 1/√width and 1/√depth"
    )
    discount: Fraction = traced(0.6, "γ")
    trace: Fraction = traced(1.0, "λ of generalised advantage estimation")
    reward_scale: Positive = traced(
        1.0, "what rewards are multiplied by before anything is learned from them"
    )

    @abc.abstractmethod
    def init(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> Any:
        """Build a learner with this record's hyper-parameters; the key is consumed."""

    @abc.abstractmethod
    def update(self, learner: Any, samples: Samples) -> tuple[Any, dict[str, Array]]:
        """Take one gradient step on a minibatch; the metrics are means over it."""

    @abc.abstractmethod
    def acting(self, learner: Any) -> ActorCritic:
        """Give the networks that act."""

    def networks(self, spec: EnvironmentSpec, key: Key[Array, ""]) -> ActorCritic:
        """Build the networks of policy and value; the key is consumed.

        Raises `Refusal` if they cannot read what is observed or choose what is done.
        """
        policy_key, value_key = jax.random.split(key)
        drawn = distribution(spec.action)
        reads = spec.observation if self.memory == "none" else seen.spec(spec)
        built = functools.partial(
            scale,
            reads,
            torso=self.torso,
            width=self.width,
            depth=self.depth,
            memory=self.memory,
            memory_length=self.memory_length,
        )
        policy = built(drawn.outputs, critic=self.critic, head_scale=POLICY_HEAD_SCALE)
        value = None if self.shared else built(1)(value_key)
        return ActorCritic(policy(policy_key), value, drawn)

    def settings(self) -> dict[str, Float[Array, ""]]:
        """Give the traced hyper-parameters, the learning rate scaled to the size."""
        values = {name: getattr(self, name) for name in traced_names(self)}
        values["learning_rate"] *= self._learning_rate_scale()
        return {name: jnp.float32(value) for name, value in values.items()}

    def initial_memory(self, learner: Any) -> tuple[PyTree, PyTree]:
        """Give one player's memory before an episode's first step."""
        return self.acting(learner).initial()

    def act(
        self,
        learner: Any,
        timestep: TimeStep,
        memory: tuple[PyTree, PyTree],
        key: Key[Array, ""],
        *,
        explore: bool = True,
    ) -> tuple[PyTree, tuple[PyTree, PyTree], dict[str, Array]]:
        """Draw an action for each player, or take the likeliest; consumes the key."""
        networks = self.acting(learner)
        drawn = networks.distribution
        memory, outputs, value = jax.vmap(networks.step, (0, 0, None))(
            memory, networks.read(timestep), timestep.first
        )
        if explore:
            keys = jax.random.split(key, outputs.shape[0])
            action = jax.vmap(drawn.sample)(keys, outputs)
        else:
            action = jax.vmap(drawn.mode)(outputs)
        log_behaviour = jax.vmap(drawn.log_probability)(outputs, action)
        extras = {"log_behaviour": log_behaviour, "outputs": outputs}
        # What remembers cannot be asked again later.
        return action, memory, extras | ({"value": value} if self.remembers else {})

    def actor(self, learner: Any) -> Actor:
        """Give the policy that acts, without its value."""
        networks = self.acting(learner)
        return Actor(networks.policy, networks.distribution)

    def probabilities(
        self, learner: Any, observation: Float[Array, "..."]
    ) -> Float[Array, " A"]:
        """Give the exploring policy's action probabilities for one observation.

        Raises `Refusal` if the policy does not follow from the observation alone.
        """
        if self.remembers:
            raise Refusal(
                f'An agent whose memory is "{self.memory}" has no probabilities for '
                'one observation: they follow from all that it saw. Choose "none".'
            )
        return jax.nn.softmax(self.acting(learner).outputs(observation))

    def learn(
        self, learner: Any, batch: Batch, key: Key[Array, ""]
    ) -> tuple[Any, dict[str, Float[Array, ""]]]:
        """Make `epochs` passes over the batch in shuffled minibatches.

        Raises `Refusal` if the minibatches cannot be of equal size.
        """
        samples = self.samples(learner, batch)
        rows = self.minibatch_rows(samples.first.shape[0])
        learner, metrics = passes(
            self.update, learner, samples, key, epochs=self.epochs, rows=rows
        )
        return learner, jax.tree.map(jnp.mean, metrics)

    def samples(self, learner: Any, batch: Batch) -> Samples:
        """Compute advantages and value targets, then lay the batch out in rows."""
        networks = self.acting(learner)
        weight = weights(batch)
        v_tm1, v_t = self.values(learner, batch)
        advantage = _advantages(learner.settings, batch, v_tm1, v_t)
        learned = self.weighed(advantage, weight), advantage + v_tm1, weight
        read = networks.read(batch.timestep)
        return lay_out(batch, read, learned, windows=self.remembers)

    def values(
        self, learner: Any, batch: Batch
    ) -> tuple[Float[Array, "T B P"], Float[Array, "T B P"]]:
        """Value what was seen before each step and what it led to."""
        return values_of(self.acting(learner), batch)

    def weighed(
        self, advantage: Float[Array, "T B P"], weight: Float[Array, "T B P"] | None
    ) -> Float[Array, "T B P"]:
        """Give the advantages as the policy's gradient takes them: as they are."""
        del weight
        return advantage

    def updates(self) -> int:
        """Count the gradient steps of one call of `learn`."""
        return self.epochs * self.minibatches

    def parameters(self, learner: Any) -> dict[str, int]:
        """Count parameters by network and part."""
        networks = self.acting(learner)
        policy = cost.parameters(networks.policy)
        if networks.value is None:
            value = {"heads": cost.count(networks.policy.head.value)}
            policy["heads"] -= value["heads"]
        else:
            value = cost.parameters(networks.value)
        return {
            f"{name}.{part}": count
            for name, parts in (("policy", policy), ("value", value))
            for part, count in parts.items()
        }

    def flops(self, spec: EnvironmentSpec, schedule: Schedule) -> Flops:
        """Count FLOPs per interaction when a `schedule` makes the batches.

        Acting is one step of the networks and the draw; learning is the values of the
        batch and `epochs` gradient steps per sample. Advantages, a handful of FLOPs,
        and the shuffling are left out: they do not grow with the network. Raises
        `Refusal` if the minibatches cannot be of equal size.
        """
        shapes = jax.eval_shape(lambda key: self.init(spec, key), jax.random.key(0))
        networks = self.acting(shapes)
        update = self.per_step(self.update, shapes, spec, schedule)
        values = 0.0 if self.remembers else flops.valuing(networks, spec)
        return Flops(flops.acting(networks, spec), values + self.epochs * update)

    def per_step(
        self,
        update: Update,
        shapes: Any,
        spec: EnvironmentSpec,
        schedule: Schedule,
    ) -> float:
        """Count a function of a learner and a minibatch, per step of a batch."""
        networks, rows = self.acting(shapes), schedule.copies * spec.players
        if self.remembers:
            rows = self.minibatch_rows(rows)
            return flops.windows(update, shapes, networks, spec, rows, schedule)
        rows = self.minibatch_rows(rows * schedule.length)
        return flops.rows(update, shapes, networks, spec, rows)

    @property
    def critic(self) -> bool:
        """Say whether the policy's network gives a value too."""
        return self.shared

    @property
    def remembers(self) -> bool:
        """Say whether the past is remembered."""
        return self.memory != "none"

    def minibatch_rows(self, rows: int) -> int:
        """Count the rows of a minibatch; refuse what does not divide."""
        if rows % self.minibatches:
            made_of = "copies" if self.remembers else "copies × training.length"
            what = "windows" if self.remembers else "samples"
            raise Refusal(
                f"agent.minibatches is {self.minibatches}, and a batch of {rows:,} "
                f"{what} (training.{made_of}, for each player) cannot be cut into as "
                "many equal parts. Change one so that it divides."
            )
        return rows // self.minibatches

    def _learning_rate_scale(self) -> float:
        default = family(self.torso)
        width = default.width if self.width is None else self.width
        depth = default.depth if self.depth is None else self.depth
        return learning_rate_scale(width, depth, default.width, default.depth)


def passes(
    update: Update,
    learner: Any,
    samples: Samples,
    key: Key[Array, ""],
    *,
    epochs: int,
    rows: int,
) -> tuple[Any, dict[str, Float[Array, " steps"]]]:
    """Make `epochs` passes over samples in shuffled minibatches of so many rows.

    The key is consumed; metrics are by gradient step.
    """
    count = samples.first.shape[0]

    def step(learner: Any, chosen: Int[Array, " M"]) -> tuple[Any, dict[str, Array]]:
        # The batch is everywhere by now: each device takes its part of a minibatch.
        chosen = divided(chosen)
        return update(learner, jax.tree.map(lambda x: x[chosen], samples))

    keys = jax.random.split(key, epochs)
    order = jax.vmap(functools.partial(shuffled, count=count))(keys)
    return jax.lax.scan(step, learner, order.reshape(-1, rows))


def adam() -> optax.GradientTransformation:
    """Give Adam's directions, which the caller multiplies by the learning rate."""
    return optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


def stepped(parameters: PyTree, direction: PyTree, rate: Float[Array, ""]) -> PyTree:
    """Take a step of `rate` against a direction."""
    return jax.tree.map(lambda p, d: p - rate * d, parameters, direction)


def bounded(gradient: PyTree, norm: float | None) -> PyTree:
    """Shrink a gradient as a whole to at most `norm`, if there is a bound."""
    if norm is None:
        return gradient
    clip = optax.clip_by_global_norm(norm)
    return clip.update(gradient, clip.init(gradient))[0]


def values_of(
    networks: ActorCritic, batch: Batch
) -> tuple[Float[Array, "T B P"], Float[Array, "T B P"]]:
    """Value what was seen before each step and what it led to by these networks.

    Those that remember cannot be asked again: the values are those given in acting.
    """
    read = networks.read(batch.last)
    if networks.remembers:
        v_tm1 = batch.extras["value"]
        step = jax.vmap(jax.vmap(networks.step, (0, 0, None)))
        last = step(batch.last_memory, read, batch.last.first)[2]
    else:
        v_tm1 = _valued(networks, networks.read(batch.timestep), 3)
        last = _valued(networks, read, 2)
    return v_tm1, jnp.concatenate([v_tm1[1:], last[None]])


def _advantages(
    settings: dict[str, Float[Array, ""]],
    batch: Batch,
    v_tm1: Float[Array, "T B P"],
    v_t: Float[Array, "T B P"],
) -> Float[Array, "T B P"]:
    """Estimate advantages; nothing comes back over a row that was not taken."""
    cut = batch.truncated
    if batch.taken is not None:
        cut = cut | ~batch.taken
    estimate = functools.partial(
        generalised_advantage, discount=settings["discount"], trace=settings["trace"]
    )
    over_players = jax.vmap(estimate, in_axes=(1, 1, 1, None, None), out_axes=1)
    over_copies = jax.vmap(over_players, in_axes=1, out_axes=1)
    reward = batch.reward * settings["reward_scale"]
    return over_copies(reward, v_tm1, v_t, batch.terminated, cut)


def _valued(networks: ActorCritic, read: PyTree, axes: int) -> Float[Array, "..."]:
    """Value what is read under so many leading axes, laid out as one.

    One axis of all rows is one large matrix product; nested `vmap`s are many small.
    """
    leading = jax.tree.leaves(read)[0].shape[:axes]
    rows = jax.tree.map(lambda x: flat(x, axes), read)
    return jax.vmap(networks.worth)(divided(rows)).reshape(leading)
