"""Population based training: members that train side by side and copy who does best.

Every `ready` iterations the worst fifth copies the best fifth, weights and
hyper-parameters, and perturbs the hyper-parameters it copied (Jaderberg et al. 2017,
arXiv 1711.09846: truncation selection). All members train in one program and nothing
leaves the device in between; a population is one run, whose compute is the sum of its
members'.

A copy takes the learner: weights, optimiser, averages, settings; and the replay that
this learner will go back to, if any. It keeps the rest of its own loop (its copies of
the environment run on, its sampler stays) and its own key, so that it goes its own way
from there. Its memory is cleared, as before an episode: activations mean something to
the weights that made them only, and those of the parent are of other episodes than the
ones that run on here.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, UInt32
from pydantic import Field

from allometry.agents import average, lineage, perturbation, training
from allometry.agents.agent import Agent, traced_names
from allometry.agents.average import Average
from allometry.agents.coplayers import CoPlayers
from allometry.agents.finite import all_finite
from allometry.agents.lineage import Lineage
from allometry.agents.perturbation import Bounds
from allometry.agents.samplers import Sampler
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.environments.environment import Environment
from allometry.refusal import Refusal

Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclasses.dataclass(frozen=True)
class Population:
    """How many members there are, when one copies another, and what it perturbs.

    Raises `Refusal` if a population cannot be made so.
    """

    agent: Agent
    size: Annotated[int, Field(ge=2)]
    """Members, N."""
    ready: Annotated[int, Field(ge=1)] = 20
    """Iterations from one exploit to the next."""
    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """How many copy, and how many are copied from: a part of all, at least one."""
    perturb: Annotated[tuple[Factor, ...], Field(min_length=1)] = (0.8, 1.2)
    """Factors, all equally likely, for each explored hyper-parameter of a copy."""
    explored: tuple[str, ...] = ("learning_rate",)
    """Traced hyper-parameters that copies perturb."""
    spread: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    """Members begin with the explored ones times 1/spread to spread, log-uniform."""
    smoothing: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 4.0
    """Centre of mass of the fitness, in iterations."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.size < 2:
            raise Refusal(
                f"population.size is {self.size}, and one member alone has nobody to "
                "copy. Give at least 2, or train the agent without a population."
            )
        for name, sound, wanted in (
            ("ready", self.ready >= 1, "at least 1 iteration"),
            ("fraction", 0 < self.fraction <= 0.5, "more than 0 and at most 0.5"),
            ("perturb", _factors(self.perturb), "at least one factor, all above 0"),
            ("spread", 1 <= self.spread < math.inf, "a finite factor, at least 1"),
            (
                "smoothing",
                0 <= self.smoothing < math.inf,
                "a finite number, at least 0",
            ),
        ):
            if not sound:
                raise Refusal(
                    f"population.{name} is {getattr(self, name)}; give {wanted}."
                )
        for name in self.explored:
            self._check_explored(name)

    @property
    def within(self) -> Mapping[str, Bounds]:
        """The explored hyper-parameters and their bounds."""
        limits = perturbation.bounds(type(self.agent))
        return {name: limits[name] for name in self.explored}

    @property
    def exchanged(self) -> int:
        """Members that copy at an exploit, if none has diverged."""
        # The small number: 0.29 × 100 is 28.999999999999996.
        return max(1, int(self.fraction * self.size + 1e-9))

    def exploits(self, iterations: int) -> int:
        """Count the exploits of a training; there is none before it or at its end."""
        return max(0, iterations - 1) // self.ready

    def _check_explored(self, name: str) -> None:
        known = traced_names(self.agent)
        if name not in known:
            raise Refusal(
                f'population.explored holds "{name}", which is no traced '
                "hyper-parameter of the agent and cannot differ between its members. "
                f"Choose among: {', '.join(known)}."
            )
        value = getattr(self.agent, name)
        if perturbation.still(value, self.within[name]):
            raise Refusal(
                f'population.explored holds "{name}", which is {value:g} and stays so '
                "whatever the factor. Give the agent another value of it, or leave it "
                "out."
            )


class Peers(NamedTuple):
    """A population in training: all of its state. `key` is raw key data, uint32."""

    members: Member
    """Leaves have a leading axis of members `[N]`."""
    fitness: Average
    """Mean reward per step of each member since the last exploit `[N]`, smoothed."""
    lineage: Lineage
    key: UInt32[Array, "..."]


def begin(
    population: Population,
    environment: Environment,
    sampler: Sampler,
    schedule: Schedule,
    key: Key[Array, ""],
    iterations: int,
    settings: dict[str, Float[Array, ""]] | None = None,
    coplayers: CoPlayers | None = None,
) -> Peers:
    """Build the population that has not trained yet; the key is consumed.

    There is room for the lineage of so many `iterations`. The members' hyper-parameters
    are spread around `settings`, those of the agent if not given. With `coplayers` each
    member has its own. Raises `Refusal` for them where there is one player.
    """
    members_key, spread_key, own_key = jax.random.split(key, 3)

    def member(key: Key[Array, ""]) -> Member:
        parts = (population.agent, environment, sampler, schedule)
        return training.begin(*parts, key, coplayers)

    def differ(key: Key[Array, ""]) -> dict[str, Float[Array, ""]]:
        around = population.agent.settings() if settings is None else settings
        if population.spread == 1:
            return around
        return perturbation.spread(around, population.within, population.spread, key)

    members = jax.vmap(member)(jax.random.split(members_key, population.size))
    spread = jax.vmap(differ)(jax.random.split(spread_key, population.size))
    return Peers(
        members._replace(learner=members.learner._replace(settings=spread)),
        _no_fitness(population),
        lineage.start(spread, population.exploits(iterations)),
        jax.random.key_data(own_key),
    )


def advance(
    population: Population,
    environment: Environment,
    sampler: Sampler,
    schedule: Schedule,
    peers: Peers,
    first: Int[Array, ""],
    iterations: Int[Array, ""],
    coplayers: CoPlayers | None = None,
) -> tuple[Peers, dict[str, Float[Array, " N"]]]:
    """Train for `iterations` from number `first`; return means of metrics by member.

    Iteration number i begins with an exploit if i is a multiple of `ready`, but for the
    first: it is for the number to say, wherever training is cut into chunks. So every
    chunk ends with a fitness of at least one iteration. The trip count is traced.
    """
    decay = average.decay_of_centre(jnp.float32(population.smoothing))

    def iteration(
        number: Int[Array, ""], peers: Peers
    ) -> tuple[Peers, dict[str, Float[Array, " N"]]]:
        def train(member: Member) -> tuple[Member, dict[str, Float[Array, ""]]]:
            parts = (population.agent, environment, sampler, schedule)
            return training.advance(*parts, member, number, jnp.int32(1), coplayers)

        due = (number > 0) & (number % population.ready == 0)
        peers = jax.lax.cond(
            due, lambda: exploit(population, peers, number), lambda: peers
        )
        members, metrics = jax.vmap(train)(peers.members)
        fitness = average.update(peers.fitness, metrics["reward"], decay)
        return peers._replace(members=members, fitness=fitness), metrics

    return training.repeat(iteration, peers, first, iterations)


def exploit(population: Population, peers: Peers, number: Int[Array, ""]) -> Peers:
    """Let the worst copy the best and perturb what they copied, before an iteration.

    The draws follow from the population's key and the iteration's number alone.
    """
    key = jax.random.fold_in(jax.random.wrap_key_data(peers.key), number)
    parent_key, perturb_key = jax.random.split(key)
    compared = fitness(peers)
    parent = parents(compared, population.exchanged, parent_key)
    copied = parent != jnp.arange(population.size)

    def explore(member: Member, copied: Bool[Array, ""], key: Key[Array, ""]) -> Member:
        learner, loop = member.learner, member.loop
        settings = perturbation.perturbed(
            learner.settings, population.within, population.perturb, key
        )
        memory = population.agent.initial_memory(learner)
        changed = Member(
            learner._replace(settings=settings),
            loop._replace(
                memory=jax.tree.map(
                    lambda new, old: jnp.broadcast_to(new, old.shape),
                    memory,
                    loop.memory,
                )
            ),
            member.key,
        )
        return jax.tree.map(
            lambda new, old: jnp.where(copied, new, old), changed, member
        )

    loop = peers.members.loop
    learner, replay = jax.tree.map(
        lambda x: x[parent], (peers.members.learner, loop.replay)
    )
    members = jax.vmap(explore)(
        peers.members._replace(learner=learner, loop=loop._replace(replay=replay)),
        copied,
        jax.random.split(perturb_key, population.size),
    )
    written = lineage.record(
        peers.lineage, number, parent, compared, members.learner.settings
    )
    return Peers(members, _no_fitness(population), written, peers.key)


def parents(
    fitness: Float[Array, " N"], exchanged: int, key: Key[Array, ""]
) -> Int[Array, " N"]:
    """Say whom each member copies, itself if it goes on; the key is consumed.

    The `exchanged` worst each draw one of the `exchanged` best, and copy it if it is
    better than they are: equals do not copy each other. Of two equal members the one
    with the lower number ranks first. A fitness that is not finite is the worst there
    is: all who have it copy, however many, and nobody copies them; if all have it
    there is nobody to copy.
    """
    own = jnp.arange(fitness.shape[0])
    sound = jnp.isfinite(fitness)
    order = jnp.argsort(jnp.where(sound, -fitness, jnp.inf), stable=True)
    rank = jnp.argsort(order)
    best = jnp.clip(sound.sum(), 1, exchanged)
    drawn = order[jax.random.randint(key, own.shape, 0, best)]
    worst = (rank >= len(own) - exchanged) & (fitness < fitness[drawn])
    return jnp.where((worst | ~sound) & sound.any(), drawn, own)


def fitness(peers: Peers) -> Float[Array, " N"]:
    """Give the members' fitness; no number for one whose state has diverged."""
    states = (peers.members.learner, peers.members.loop.memory)
    return jnp.where(jax.vmap(all_finite)(states), peers.fitness.parameters, jnp.nan)


def _no_fitness(population: Population) -> Average:
    return Average(jnp.zeros(population.size), jnp.zeros(()))


def _factors(factors: tuple[float, ...]) -> bool:
    return bool(factors) and all(0 < factor < math.inf for factor in factors)
