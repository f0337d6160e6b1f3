"""FLOPs of agents that learn on policy: of acting, of valuing, of a gradient step.

Nothing is computed: networks and samples are shapes.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from allometry.agents import seen
from allometry.agents.actor import Actor
from allometry.agents.actor_critic import ActorCritic
from allometry.agents.samples import Samples
from allometry.agents.schedule import Schedule
from allometry.networks import cost
from allometry.specs import ArraySpec, EnvironmentSpec

#: Windows of so many steps have no loop. What a window costs is a quadratic function
#: of its length, because of attention, and as many points decide it.
LENGTHS = (1, 2, 3)

#: A gradient step, or another function of a learner and a minibatch.
Update = Callable[[Any, Samples], PyTree]


def acting(networks: ActorCritic, spec: EnvironmentSpec) -> float:
    """Count one step of one player: the networks that it takes, and the draw."""
    read = _shapes(_read(networks, spec))
    if networks.remembers:
        return cost.flops(_act_from_memory, networks, read, jax.random.key(0))
    return cost.flops(_act, networks, read, jax.random.key(0))


def playing(actor: Actor, spec: EnvironmentSpec) -> float:
    """Count one step of one player of an actor."""
    return cost.flops(_play, actor, _shapes(_read(actor, spec)), jax.random.key(0))


def valuing(networks: ActorCritic, spec: EnvironmentSpec) -> float:
    """Count the value of one observation."""
    return cost.flops(ActorCritic.worth, networks, _shapes(_read(networks, spec)))


def rows(
    update: Update,
    learner: Any,
    networks: ActorCritic,
    spec: EnvironmentSpec,
    count: int,
) -> float:
    """Count a gradient step on `count` rows, per row."""
    return cost.flops(update, learner, samples(networks, spec, (count,))) / count


def windows(
    update: Update,
    learner: Any,
    networks: ActorCritic,
    spec: EnvironmentSpec,
    count: int,
    schedule: Schedule,
) -> float:
    """Count a gradient step on `count` windows of `schedule.length`, per step."""
    found = [
        cost.flops(update, learner, samples(networks, spec, (count, length)))
        for length in LENGTHS
    ]
    powers = np.vander(LENGTHS, increasing=True)
    of_window = np.linalg.solve(powers, found) @ schedule.length ** np.arange(3.0)
    return float(of_window) / (count * schedule.length)


def samples(
    networks: ActorCritic, spec: EnvironmentSpec, leading: tuple[int, ...]
) -> Samples:
    """Give the shapes of samples `[M]`, or `[M, T]` of windows and their steps."""
    column = jax.ShapeDtypeStruct(leading, jnp.float32)
    memory = jax.eval_shape(lambda networks: networks.initial(), networks)
    outputs = (*leading, networks.distribution.outputs)
    return Samples(
        read=_shapes(_read(networks, spec), leading),
        first=jax.ShapeDtypeStruct(leading, jnp.bool_),
        memory=jax.tree.map(
            lambda x: jax.ShapeDtypeStruct((*leading[:1], *x.shape), x.dtype), memory
        ),
        action=_shapes(spec.action, leading),
        log_behaviour=column,
        outputs=jax.ShapeDtypeStruct(outputs, jnp.float32),
        advantage=column,
        value_target=column,
        weight=column if spec.episodic or spec.players > 1 else None,
    )


def _act(networks: ActorCritic, read: PyTree, key: Key[Array, ""]) -> Array:
    return networks.distribution.sample(key, networks.outputs(read))


def _act_from_memory(
    networks: ActorCritic, read: PyTree, key: Key[Array, ""]
) -> PyTree:
    memory, outputs, value = networks.step(networks.initial(), read, jnp.array(False))
    return memory, value, networks.distribution.sample(key, outputs)


def _play(actor: Actor, read: PyTree, key: Key[Array, ""]) -> PyTree:
    return actor.step(actor.initial(), read, jnp.array(False), key)


def _read(networks: ActorCritic | Actor, spec: EnvironmentSpec) -> PyTree:
    return seen.spec(spec) if networks.remembers else spec.observation


def _shapes(spec: PyTree, leading: tuple[int, ...] = ()) -> PyTree:
    def shape(array: ArraySpec) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((*leading, *array.shape), jnp.dtype(array.dtype))

    return jax.tree.map(shape, spec)
