"""Recall: a probe of memory whose answer is known in closed form.

The first observation of an episode shows one of `cues` cues, nothing follows for
`delay` steps, then the agent is asked, and the action that equals the cue earns 1.
What remembers the cue earns 1 per episode, what does not 1/`cues` at best.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import register_static
from jaxtyping import Array, Bool, Float, Int, Key

from allometry.environments.environment import TimeStep
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete


class State(NamedTuple):
    """The cue, and the steps taken since `reset`."""

    cue: Int[Array, ""]
    steps: Int[Array, ""]


@register_static
@dataclasses.dataclass(frozen=True)
class Recall:
    """Remember one of `cues` cues for `delay` steps; an episode takes `delay` + 2.

    Raises `Refusal` where there is nothing to remember.
    """

    cues: int = 4
    delay: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no question."""
        if self.cues < 2 or self.delay < 0:
            raise Refusal(
                f"Recall with cues = {self.cues} and delay = {self.delay} is "
                "impossible: give at least 2 cues, and a delay of at least 0 steps."
            )

    @property
    def spec(self) -> EnvironmentSpec:
        """One player sees a 1 in the place of the cue; the last place asks."""
        return EnvironmentSpec(
            ArraySpec((self.cues + 1,), "float32", 0.0, 1.0),
            discrete(self.cues),
            reward_range=(0.0, 1.0),
        )

    def sample_task(self, key: Key[Array, ""]) -> Int[Array, ""]:
        """Draw the cue; the key is consumed."""
        return jax.random.randint(key, (), 0, self.cues)

    def reset(
        self, key: Key[Array, ""], task: Int[Array, ""]
    ) -> tuple[State, TimeStep]:
        """Show the cue."""
        del key
        return self._show(
            State(task, jnp.int32(0)),
            reward=jnp.zeros(1),
            action=jnp.zeros(1, jnp.int32),
            ended=jnp.array(False),
            first=True,
        )

    def step(
        self, key: Key[Array, ""], state: State, action: Int[Array, " 1"]
    ) -> tuple[State, TimeStep]:
        """Go on; the answer to the question ends the episode."""
        del key
        ended = state.steps > self.delay
        right = ended & (action == state.cue)
        return self._show(
            State(state.cue, state.steps + 1),
            reward=right.astype(jnp.float32),
            action=action,
            ended=ended,
            first=False,
        )

    def _show(
        self,
        state: State,
        *,
        reward: Float[Array, " 1"],
        action: Int[Array, " 1"],
        ended: Bool[Array, ""],
        first: bool,
    ) -> tuple[State, TimeStep]:
        cue = (state.steps == 0) * jax.nn.one_hot(state.cue, self.cues)
        question = (state.steps == self.delay + 1).astype(jnp.float32)
        return state, TimeStep(
            observation=jnp.append(cue, question)[None],
            reward=reward,
            first=jnp.array(first),
            trial_end=ended,
            terminated=ended,
            truncated=jnp.array(False),
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )
