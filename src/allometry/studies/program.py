"""Program: a bundle compiled, from one checkpoint of its curves to the next.

One compilation serves every chunk, whatever its length: the trip count is traced and
the curve is measured inside. The environment travels as an argument, so that its data
are not baked into the program.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from allometry.agents import training
from allometry.agents.agent import Agent
from allometry.agents.samplers import Uniform
from allometry.agents.training import Member, Schedule
from allometry.environments.environment import Environment, Measured
from allometry.networks import cost
from allometry.refusal import Refusal
from allometry.studies.grid import Bundle


class Costs(NamedTuple):
    """FLOPs per interaction: acting, learning, and the environment."""

    act: float
    learn: float
    environment: float


class Chunk(NamedTuple):
    """What came of one chunk; arrays have a leading axis of members `[M]`.

    Where a member is not `finite` its state is the last good one.
    """

    members: Member
    metrics: dict[str, Float[Array, " M"]]
    performance: dict[str, Float[Array, " M"]]
    finite: Bool[Array, " M"]


class Program:
    """The compiled training of one bundle."""

    def __init__(self, bundle: Bundle, environment: Environment, schedule: Schedule):
        """Prepare the program; it is compiled at the first `advance`."""
        if not isinstance(environment, Measured):
            raise Refusal(
                "This environment cannot be studied yet: it has no exact measure of "
                "performance (Environment.performance). Study digits."
            )
        self._bundle = bundle
        self._environment = environment
        self._schedule = schedule
        self._agent = bundle.runs[0].agent
        self.compilations = 0
        self._chunk = jax.jit(self._traced_chunk)

    def start(self) -> Member:
        """Build the members before training, stacked along a leading axis."""
        begin = functools.partial(_begin, self._agent, self._schedule)
        runs = self._bundle.runs
        settings = jax.tree.map(
            lambda *values: jnp.stack(values), *[run.agent.settings() for run in runs]
        )
        keys = jnp.stack([run.key for run in runs])
        return jax.jit(jax.vmap(begin, (None, 0, 0)))(self._environment, settings, keys)

    def advance(self, members: Member, first: int, iterations: int) -> Chunk:
        """Train all members for `iterations` from iteration number `first`."""
        counts = np.int32(first), np.int32(iterations)
        return self._chunk(self._environment, members, *counts)

    @property
    def iteration_interactions(self) -> int:
        """Agent steps of one iteration of one member."""
        return self._schedule.interactions(self._environment)

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters by network and part."""
        key = jax.random.key(0)
        spec = self._environment.spec
        shapes = jax.eval_shape(lambda key: self._agent.init(spec, key), key)
        return self._agent.parameters(shapes)

    @functools.cached_property
    def flops(self) -> Costs:
        """FLOPs per interaction."""
        spec = self._environment.spec
        agent = self._agent.flops(spec, self.iteration_interactions)
        return Costs(
            agent.act, agent.learn, _environment_flops(self._environment) / spec.players
        )

    def _traced_chunk(
        self, environment: Measured, members: Member, first: Array, iterations: Array
    ) -> Chunk:
        self.compilations += 1  # runs when JAX traces, which it does once per program
        chunk = functools.partial(_chunk, self._agent, self._schedule, environment)
        return jax.vmap(chunk, (0, None, None))(members, first, iterations)


def _begin(
    agent: Agent,
    schedule: Schedule,
    environment: Environment,
    settings: dict[str, Array],
    key: Array,
) -> Member:
    member = training.begin(agent, environment, Uniform(), schedule, key)
    return member._replace(learner=member.learner._replace(settings=settings))


def _chunk(
    agent: Agent,
    schedule: Schedule,
    environment: Measured,
    member: Member,
    first: Array,
    iterations: Array,
) -> Chunk:
    """Train one member, measure it, and keep its last good state if it diverged."""
    trained, metrics = training.advance(
        agent, environment, Uniform(), schedule, member, first, iterations
    )
    finite = _all_finite((trained, metrics))
    kept = jax.tree.map(lambda new, old: jnp.where(finite, new, old), trained, member)
    policy = functools.partial(agent.probabilities, kept.learner)
    return Chunk(kept, metrics, environment.performance(jax.vmap(policy)), finite)


def _all_finite(tree: PyTree) -> Bool[Array, ""]:
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()


def _environment_flops(environment: Environment) -> float:
    key = jax.random.key(0)
    task = jax.eval_shape(environment.sample_task, key)
    state, timestep = jax.eval_shape(environment.reset, key, task)
    action = timestep.extras["previous_action"]

    def step(
        environment: Environment, key: Array, state: PyTree, action: PyTree
    ) -> Any:
        return environment.step(key, state, action)

    return cost.flops(step, environment, key, state, action)
