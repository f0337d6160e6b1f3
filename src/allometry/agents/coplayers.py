"""Co-players: who plays the slots of an episode that are not the learner's.

Where an episode begins it is drawn whether co-players take part. If they do, one slot
is the learner's, all equally likely, and they have the others; if not, the learner
plays all slots (self-play). What co-players do is part of the environment: nothing is
learned from their slots.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key, PyTree

from allometry.agents.agent import Agent, Learner
from allometry.environments.environment import Environment, State, TimeStep
from allometry.refusal import Refusal
from allometry.specs import EnvironmentSpec


class Slots(NamedTuple):
    """Who plays an episode: which slots are the learner's, and who has the others.

    `cast` is what the co-players keep for the length of an episode: who they are, and
    what they remember. In a loop there is a leading axis of copies `[B, ...]`.
    """

    mine: Bool[Array, "*B P"]
    cast: PyTree


class Opponents(NamedTuple):
    """What `Loop.opponents` holds: from whom co-players are drawn, and who plays now.

    `pool` is one for all copies; `slots` have a leading axis of copies.
    """

    pool: PyTree
    slots: Slots


@runtime_checkable
class CoPlayers(Protocol):
    """Who may play beside the learner; static. Functions are for one copy."""

    @property
    def share(self) -> float:
        """The part of the episodes in which co-players take part."""
        ...

    def init(self, agent: Agent, learner: Learner) -> PyTree:
        """Give the pool before training."""
        ...

    def cast(self, spec: EnvironmentSpec, pool: PyTree, key: Key[Array, ""]) -> PyTree:
        """Draw who plays an episode, their memories cleared; the key is consumed."""
        ...

    def act(
        self,
        environment: Environment,
        pool: PyTree,
        cast: PyTree,
        state: State,
        timestep: TimeStep,
        key: Key[Array, ""],
    ) -> tuple[PyTree, PyTree]:
        """Choose actions for all slots `[P, ...]`; give the cast after it."""
        ...

    def update(
        self,
        agent: Agent,
        opponents: Opponents,
        learner: Learner,
        number: Int[Array, ""],
    ) -> Opponents:
        """Take note of the learner after iteration number `number`."""
        ...

    def flops(self, agent: Agent, spec: EnvironmentSpec) -> float:
        """Count the FLOPs of one interaction of co-players."""
        ...


def check_share(share: float) -> None:
    """Raise `Refusal` for a share of episodes that cannot be."""
    if not 0 < share <= 1:
        raise Refusal(
            f"Co-players with share = {share} are impossible: give the part of the "
            "episodes in which they play, above 0 and at most 1, or no co-players."
        )


def check_players(spec: EnvironmentSpec) -> None:
    """Raise `Refusal` for an environment in which there is no slot for co-players."""
    if spec.players < 2:
        raise Refusal(
            "The environment has one player, and co-players have no slot in it. Give "
            "it at least 2 players, or train without co-players."
        )


def start(
    coplayers: CoPlayers,
    agent: Agent,
    environment: Environment,
    learner: Learner,
    copies: int,
) -> Opponents:
    """Give what there is before training; the first episode's beginning draws who.

    Raises `Refusal` for an environment with one player.
    """
    spec = environment.spec
    check_players(spec)
    pool = coplayers.init(agent, learner)
    mine = jnp.ones((copies, spec.players), bool)
    cast = jax.eval_shape(lambda: coplayers.cast(spec, pool, jax.random.key(0)))
    nobody = jax.tree.map(lambda x: jnp.zeros((copies, *x.shape), x.dtype), cast)
    return Opponents(pool, Slots(mine, nobody))


def step(
    coplayers: CoPlayers,
    environment: Environment,
    pool: PyTree,
    slots: Slots,
    state: State,
    timestep: TimeStep,
    action: PyTree,
    key: Key[Array, ""],
) -> tuple[PyTree, Slots]:
    """Put what co-players do in the place of the learner's `action` in their slots.

    Where the time step is a `first` it is drawn who plays; the key is consumed.
    """
    slot_key, cast_key, act_key = jax.random.split(key, 3)
    spec = environment.spec
    anew = Slots(
        assigned(coplayers.share, spec.players, slot_key),
        coplayers.cast(spec, pool, cast_key),
    )
    mine, cast = jax.tree.map(
        lambda new, old: jnp.where(timestep.first, new, old), anew, slots
    )
    theirs, cast = coplayers.act(environment, pool, cast, state, timestep, act_key)

    def own(learners: Array, others: Array) -> Array:
        return jnp.where(mine.reshape(-1, *[1] * (others.ndim - 1)), learners, others)

    return jax.tree.map(own, action, theirs), Slots(mine, cast)


def assigned(share: float, players: int, key: Key[Array, ""]) -> Bool[Array, " P"]:
    """Draw which slots are the learner's: one, or all; the key is consumed.

    Both are independent of who is there: a slot whose player is away may be drawn.
    """
    share_key, slot_key = jax.random.split(key)
    selfplay = jax.random.uniform(share_key) >= share
    slot = jax.random.randint(slot_key, (), 0, players)
    return selfplay | (jnp.arange(players) == slot)
