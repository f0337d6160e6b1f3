"""To PettingZoo: an environment for any number of players as a `ParallelEnv`.

https://pettingzoo.farama.org
"""

from typing import Any

import jax
import numpy as np

from allometry.environments.environment import Environment, Task, TimeStep
from allometry.environments.foreign import missing
from allometry.environments.spaces import metadata, picture, plain, space
from allometry.environments.to_gymnasium import Play, advance, begin, begun, key_of

try:
    from gymnasium.utils import seeding
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    raise missing("pettingzoo", error) from error


class AsPettingZoo(ParallelEnv):
    """An environment as PettingZoo's, with players player_0, player_1 and so on.

    Tasks, seeds and pictures are as in `AsGymnasium`. All players act at once. Who
    leaves before the end has terminated; the end of the episode is everyone's.

    Raises `Refusal` for a `render_mode` that there is not.
    """

    def __init__(
        self,
        environment: Environment,
        task: Task | None = None,
        render_mode: str | None = None,
    ):
        self.environment, self.task, self.render_mode = environment, task, render_mode
        self.metadata = {
            "name": type(environment).__name__,
            **metadata(environment, render_mode),
        }
        spec = environment.spec
        self.possible_agents = [f"player_{n}" for n in range(spec.players)]
        self.agents: list[str] = []
        self.observation_spaces = {
            agent: space(spec.observation) for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: space(spec.action) for agent in self.possible_agents
        }
        self._play: Play | None = None

    def observation_space(self, agent: str) -> Any:
        """Give the space of a player's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Give the space of a player's actions."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; return observations and infos by player."""
        if seed is not None or self._play is None:
            key = key_of(seeding.np_random(seed)[0])
        else:
            key = self._play.key
        self._play = begin(
            self.environment, key, (options or {}).get("task", self.task)
        )
        said = jax.device_get(self._play.timestep)
        self.agents = self._those(said.player_mask)
        return self._seen(said), self._infos(said)

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Act; return observations, rewards, terminations, truncations and infos."""
        spec, acting = self.environment.spec, self.agents
        given = np.zeros((spec.players, *spec.action.shape), spec.action.dtype)
        for agent in acting:
            given[self._number(agent)] = actions[agent]
        self._play = advance(self.environment, begun(self._play), given)
        said = jax.device_get(self._play.timestep)
        staying = self._those(said.player_mask)
        answer = (
            self._seen(said),
            {agent: float(said.reward[self._number(agent)]) for agent in acting},
            {agent: bool(said.terminated) or agent not in staying for agent in acting},
            {agent: bool(said.truncated) and agent in staying for agent in acting},
            self._infos(said),
        )
        ended = bool(said.terminated or said.truncated)
        self.agents = [] if ended else [agent for agent in acting if agent in staying]
        return answer

    def render(self) -> np.ndarray | None:
        """Draw the state, RGB uint8 `[H, W, 3]`, if `render_mode` says so."""
        state = begun(self._play).state
        return picture(self.environment, self.render_mode, state)

    def _number(self, agent: str) -> int:
        return self.possible_agents.index(agent)

    def _those(self, mask: np.ndarray) -> list[str]:
        return [agent for agent in self.possible_agents if mask[self._number(agent)]]

    def _seen(self, said: TimeStep) -> dict[str, Any]:
        def of(number: int) -> Any:
            own = jax.tree.map(lambda leaf: leaf[number], said.observation)
            return plain(self.environment.spec.observation, own)

        return {agent: of(self._number(agent)) for agent in self.agents}

    def _infos(self, said: TimeStep) -> dict[str, dict[str, Any]]:
        return {agent: {"trial_end": bool(said.trial_end)} for agent in self.agents}
