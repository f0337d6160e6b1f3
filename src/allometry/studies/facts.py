"""Facts: what is known of a bundle before it trains, the same for all its runs."""

import dataclasses
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, PyTree

from allometry.environments.environment import Environment
from allometry.networks import cost
from allometry.studies.coplayers import coplayers
from allometry.studies.grid import Bundle
from allometry.studies.schema import Study


class Costs(NamedTuple):
    """FLOPs per interaction: acting, learning, and the environment.

    To act is also what co-players do.
    """

    act: float
    learn: float
    environment: float


@dataclasses.dataclass(frozen=True)
class Facts:
    """A bundle's size, costs and checkpoints; counts are those of one run.

    Those of a population are summed over its members, but parameters are one member's.
    """

    bundle: Bundle
    parameters_by_part: dict[str, int]
    """Parameters by network and part, as `policy.torso`."""
    costs: Costs
    iteration_interactions: int
    """Agent steps of one iteration: one batch of each member."""
    checkpoints: tuple[int, ...]
    """Iterations after which the curves are measured; the last is the end."""

    @property
    def parameters(self) -> int:
        """N: the parameters of the policy, all its parts."""
        parts = self.parameters_by_part.items()
        return sum(count for part, count in parts if part.startswith("policy."))

    @property
    def interactions(self) -> int:
        """Agent steps of the whole training."""
        return self.checkpoints[-1] * self.iteration_interactions

    @property
    def flops(self) -> float:
        """Training FLOPs of all runs of the bundle together."""
        each = (self.costs.act + self.costs.learn) * self.interactions
        return each * len(self.bundle.runs)


def facts(study: Study, environment: Environment, bundle: Bundle) -> Facts:
    """Find out what a bundle is, without training or building a network."""
    agent = bundle.runs[0].agent
    spec = environment.spec
    members = bundle.runs[0].members
    interactions = study.schedule.interactions(environment) * members
    shapes = jax.eval_shape(lambda key: agent.init(spec, key), jax.random.key(0))
    flops = agent.flops(spec, study.schedule)
    company = coplayers(study, environment)
    act = flops.act + (0.0 if company is None else company.flops(agent, spec))
    environment_flops = _environment_flops(environment) / spec.players
    return Facts(
        bundle=bundle,
        parameters_by_part=agent.parameters(shapes),
        costs=Costs(act, flops.learn, environment_flops),
        iteration_interactions=interactions,
        checkpoints=study.training.checkpoint_iterations(interactions),
    )


def _environment_flops(environment: Environment) -> float:
    """Count the FLOPs of one step."""
    key = jax.random.key(0)
    task = jax.eval_shape(environment.sample_task, key)
    state, timestep = jax.eval_shape(environment.reset, key, task)
    action = timestep.extras["previous_action"]

    def step(
        environment: Environment, key: Array, state: PyTree, action: PyTree
    ) -> Any:
        return environment.step(key, state, action)

    return cost.flops(step, environment, key, state, action)
