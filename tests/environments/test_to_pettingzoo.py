"""To PettingZoo: its own tests pass, and players come and go as ours do."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Int

from allometry.environments.environment import TimeStep
from allometry.environments.registry import make
from allometry.environments.xland import XLand, preset
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

pytest.importorskip("pettingzoo", reason="pettingzoo is not installed")

from pettingzoo.test import parallel_api_test, parallel_seed_test

from allometry.environments.to_pettingzoo import AsPettingZoo

WORLD = XLand(preset("reach", players=2, duration=10))


@functools.partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=[])
@dataclasses.dataclass(frozen=True)
class Leaving:
    """Two players count steps from 0 or ½, the task, and are paid their action.

    The second leaves after two; the episode is cut after four.
    """

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(
            ArraySpec((1,), "float32", 0.0, 5.0), discrete(3), players=2
        )

    def sample_task(self, key: Any) -> Array:
        return jax.random.bernoulli(key) / 2

    def reset(self, key: Any, task: Array) -> tuple[Array, TimeStep]:
        return task, self._said(task, jnp.zeros(2, jnp.int32), first=True)

    def step(
        self, key: Any, state: Array, action: Int[Array, "2"]
    ) -> tuple[Array, TimeStep]:
        return state + 1, self._said(state + 1, action, first=False)

    def _said(self, state: Array, action: Array, first: bool) -> TimeStep:
        return TimeStep(
            observation=jnp.full((2, 1), state),
            reward=action.astype(jnp.float32),
            first=jnp.array(first),
            trial_end=state >= 4,
            terminated=jnp.array(False),
            truncated=state >= 4,
            player_mask=jnp.array([True, state < 2]),
            extras={"previous_action": action},
        )


def test_pettingzoos_tests_pass_for_xland() -> None:
    parallel_api_test(AsPettingZoo(WORLD), num_cycles=30)
    parallel_seed_test(lambda: AsPettingZoo(WORLD), num_cycles=10)


def test_pettingzoos_tests_pass_where_a_player_leaves() -> None:
    parallel_api_test(AsPettingZoo(Leaving()), num_cycles=10)
    parallel_seed_test(lambda: AsPettingZoo(Leaving()), num_cycles=10)


def test_pettingzoos_tests_pass_for_one_player() -> None:
    parallel_api_test(AsPettingZoo(make("truncated_value")), num_cycles=10)


def test_who_leaves_has_terminated_and_the_cut_is_of_those_who_stay() -> None:
    environment = AsPettingZoo(Leaving(), jnp.float32(0.0))
    environment.reset(seed=0)
    both = {"player_0": 1, "player_1": 2}
    _, rewards, gone, cut, _ = environment.step(both)
    assert rewards == {"player_0": 1.0, "player_1": 2.0}
    assert not any((*gone.values(), *cut.values()))
    seen, _, gone, cut, infos = environment.step(both)
    assert seen.keys() == infos.keys() == {"player_0", "player_1"}
    assert gone == {"player_0": False, "player_1": True}
    assert environment.agents == ["player_0"]
    environment.step({"player_0": 1})
    seen, _, gone, cut, infos = environment.step({"player_0": 1})
    assert seen == {"player_0": 4.0}
    assert infos == {"player_0": {"trial_end": True}}
    assert (gone, cut) == ({"player_0": False}, {"player_0": True})
    assert environment.agents == []


def test_players_see_their_own_and_move_by_their_own_action() -> None:
    environment = AsPettingZoo(WORLD)
    seen, _ = environment.reset(seed=0)
    for agent in environment.agents:
        assert seen[agent] in environment.observation_space(agent)
    assert not np.array_equal(seen["player_0"]["floor"], seen["player_1"]["floor"])
    stand, turn = [0] * 6, [0, 0, 1, 0, 0, 0]
    after, *_ = environment.step({"player_0": stand, "player_1": turn})
    still, turned = (
        np.array_equal(seen[agent]["floor"], after[agent]["floor"])
        for agent in ("player_0", "player_1")
    )
    assert (still, turned) == (True, False)


def test_a_task_is_drawn_at_each_reset_unless_one_is_given() -> None:
    def starts(environment: AsPettingZoo, **options: Any) -> set[float]:
        seen = [environment.reset(options=options)[0] for _ in range(8)]
        return {float(one["player_0"][0]) for one in seen}

    assert starts(AsPettingZoo(Leaving())) == {0.0, 0.5}
    assert starts(AsPettingZoo(Leaving(), jnp.float32(0.5))) == {0.5}
    assert starts(AsPettingZoo(Leaving()), task=jnp.float32(0.0)) == {0.0}


def test_a_picture_is_drawn_if_there_is_one() -> None:
    environment = AsPettingZoo(WORLD, render_mode="rgb_array")
    environment.reset(seed=0)
    picture = environment.render()
    assert (picture.shape[2], picture.dtype) == (3, np.uint8)
    with pytest.raises(Refusal, match="and Leaving has none"):
        AsPettingZoo(Leaving(), render_mode="rgb_array")
