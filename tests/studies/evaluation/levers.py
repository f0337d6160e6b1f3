"""Levers: an environment so small that the right answers are known, and its players.

Of three levers one pays 1 a step: which, is the task. A trial is four steps, an episode
two trials. A player who tries levers in their order needs as many steps as the number
of the one that pays, and none again if it remembers.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from allometry.environments.environment import TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

LEVERS, DURATION, TRIALS = 3, 4, 2
TASKS = jnp.arange(LEVERS)
#: Reward per step of a trial in which nothing is known, by task.
ALONE = (1.0, 0.75, 0.5)


class State(NamedTuple):
    task: jax.Array
    time: jax.Array


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=[],
    meta_fields=["players", "rows", "dies"],
)
@dataclasses.dataclass(frozen=True)
class Levers:
    """`rows` is the size of the observation; one that `dies` ends after one step."""

    players: int = 1
    rows: int = 1
    dies: bool = False

    @property
    def spec(self):
        seen = ArraySpec((self.rows,), "float32", 0.0, 1.0)
        return EnvironmentSpec(seen, discrete(LEVERS), self.players, (0.0, 1.0))

    def sample_task(self, key):
        return jax.random.randint(key, (), 0, LEVERS)

    def reset(self, key, task):
        nothing = jnp.zeros(self.players, jnp.int32)
        return State(task, jnp.int32(0)), self._shown(
            jnp.zeros(self.players), nothing, jnp.int32(0), first=True
        )

    def step(self, key, state, action):
        time = state.time + 1
        reward = (action == state.task).astype(jnp.float32)
        return State(state.task, time), self._shown(reward, action, time, first=False)

    def _shown(self, reward, action, time, *, first):
        begun = jnp.array(not first)
        return TimeStep(
            observation=jnp.zeros((self.players, self.rows)),
            reward=reward,
            first=jnp.array(first),
            trial_end=begun & (time % DURATION == 0),
            terminated=begun & self.dies,
            truncated=begun & (time == TRIALS * DURATION) & (not self.dies),
            player_mask=jnp.ones(self.players, bool),
            extras={"previous_action": action},
        )


class Searcher(NamedTuple):
    """Tries one lever after the other until one pays; its memory is the lever.

    The memory is cleared where an episode begins, as agents do.
    """

    def initial_memory(self, learner):
        return jnp.int32(0)

    def act(self, learner, timestep, memory, key, *, explore=True):
        failed = (timestep.reward == 0) & ~timestep.first
        lever = jnp.where(timestep.first, 0, memory + failed).astype(jnp.int32)
        return lever, lever, {}


class Constant(NamedTuple):
    """Pulls the lever that its learner is, or if it is not to explore, the first."""

    def initial_memory(self, learner):
        return ()

    def act(self, learner, timestep, memory, key, *, explore=True):
        lever = learner if explore else jnp.zeros_like(learner)
        return jnp.broadcast_to(lever, timestep.reward.shape), memory, {}


class Weighted(NamedTuple):
    """Reads its observation by weights, and can read none of another size."""

    def initial_memory(self, learner):
        return ()

    def act(self, learner, timestep, memory, key, *, explore=True):
        lever = (timestep.observation @ learner > 0).astype(jnp.int32)
        return lever, memory, {}


class Chancy(NamedTuple):
    """Pulls the lever that its key says, without the cost of drawing one."""

    def initial_memory(self, learner):
        return ()

    def act(self, learner, timestep, memory, key, *, explore=True):
        lever = (jax.random.key_data(key)[-1] % LEVERS).astype(jnp.int32)
        return jnp.broadcast_to(lever, timestep.reward.shape), memory, {}
