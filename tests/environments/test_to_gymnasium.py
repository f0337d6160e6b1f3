"""To Gymnasium: its own checker passes, and an episode says what ours said."""

import dataclasses
import functools
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from allometry.environments.environment import TimeStep
from allometry.environments.registry import make
from allometry.environments.xland import XLand, preset
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")

from gymnasium import spaces  # noqa: E402
from gymnasium.utils.env_checker import check_env  # noqa: E402

from allometry.environments.spaces import plain, space  # noqa: E402
from allometry.environments.to_gymnasium import (  # noqa: E402
    AsGymnasium,
    AsGymnasiumVector,
)

#: Small worlds without rules, for two trials of three steps.
WORLD = XLand(preset("reach", trials=2, duration=3))


@functools.partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=[])
@dataclasses.dataclass(frozen=True)
class Numbered:
    """An environment that shows its task, a number in [0, 1], and never ends."""

    @property
    def spec(self) -> EnvironmentSpec:
        return EnvironmentSpec(ArraySpec((), "float32", 0.0, 1.0), discrete(2))

    def sample_task(self, key: Any) -> Array:
        return jax.random.uniform(key)

    def reset(self, key: Any, task: Array) -> tuple[Array, TimeStep]:
        no = jnp.array(False)
        shown, none = task[None], jnp.zeros(1, jnp.int32)
        extras = {"previous_action": none}
        return task, TimeStep(
            shown, jnp.zeros(1), ~no, no, no, no, jnp.ones(1, bool), extras
        )

    def step(self, key: Any, state: Array, action: Array) -> tuple[Array, TimeStep]:
        state, timestep = self.reset(key, state)
        return state, timestep._replace(first=jnp.array(False))


class Parts(NamedTuple):
    """An observation of three arrays, or their specs."""

    picture: object
    number: object
    numbers: object


@pytest.mark.parametrize("name", ["chance_value", "truncated_value", "digits"])
def test_gymnasiums_checker_passes(name: str) -> None:
    check_env(AsGymnasium(make(name)))


def test_gymnasiums_checker_passes_for_xland_with_pictures() -> None:
    check_env(AsGymnasium(WORLD, render_mode="rgb_array"))


def test_specs_become_spaces() -> None:
    specs = Parts(
        ArraySpec((2, 2), "float32", 0.0, 1.0),
        discrete(5),
        ArraySpec((3,), "uint8", num_values=4),
    )
    whole = space(specs)
    assert whole["picture"] == spaces.Box(0.0, 1.0, (2, 2), np.float32)
    assert whole["number"] == spaces.Discrete(5)
    assert whole["numbers"] == spaces.MultiDiscrete([4, 4, 4], np.uint8)
    seen = plain(
        specs, Parts(np.zeros((2, 2), np.float32), np.int32(4), np.zeros(3, np.uint8))
    )
    assert seen in whole
    assert seen["number"] == 4
    assert tuple(space((discrete(2), discrete(3)))) == (
        spaces.Discrete(2),
        spaces.Discrete(3),
    )


def test_bounds_that_are_none_are_those_of_the_type() -> None:
    assert space(ArraySpec((2,))) == spaces.Box(-np.inf, np.inf, (2,), np.float32)
    assert space(ArraySpec((2,), "uint8")) == spaces.Box(0, 255, (2,), np.uint8)


def test_a_structure_that_gymnasium_does_not_know_is_refused() -> None:
    with pytest.raises(Refusal, match="structured by list; Gymnasium can be given"):
        space([ArraySpec((1,))])


def test_what_is_seen_may_be_written_to() -> None:
    environment = AsGymnasium(make("chance_value"))
    seen, _ = environment.reset(seed=0)
    seen[:] = 7


def test_an_episode_says_trials_and_its_end() -> None:
    environment = AsGymnasium(WORLD)
    _, info = environment.reset(seed=0)
    assert info == {"trial_end": False}
    said = [environment.step(environment.action_space.sample()) for _ in range(6)]
    assert [info["trial_end"] for *_, info in said] == [False, False, True] * 2
    assert [truncated for _, _, _, truncated, _ in said] == [False] * 5 + [True]
    assert not any(terminated for _, _, terminated, _, _ in said)


def test_a_matching_action_is_rewarded() -> None:
    environment = AsGymnasium(make("matched_reward"))
    for action in (0, 1) * 4:
        seen, _ = environment.reset()
        _, reward, terminated, truncated, _ = environment.step(action)
        assert reward == (1.0 if action == (seen[0] > 0) else -1.0)
        assert (terminated, truncated) == (True, False)


def test_each_reset_draws_a_task_unless_one_is_given() -> None:
    def shown(environment: AsGymnasium, **options: Any) -> list[float]:
        return [float(environment.reset(options=options)[0]) for _ in range(4)]

    drawn = AsGymnasium(Numbered())
    assert len(set(shown(drawn))) == 4
    assert shown(drawn, task=jnp.float32(0.25)) == [0.25] * 4
    fixed = AsGymnasium(Numbered(), jnp.float32(0.5))
    assert shown(fixed) == [0.5] * 4
    assert shown(fixed, task=jnp.float32(0.25)) == [0.25] * 4
    copies = AsGymnasiumVector(Numbered(), 8, jnp.float32(0.5))
    assert copies.reset()[0].tolist() == [0.5] * 8
    assert len(set(AsGymnasiumVector(Numbered(), 8).reset()[0])) == 8


def test_a_seed_determines_all_that_follows() -> None:
    def heard(seed: int) -> bytes:
        environment = AsGymnasium(make("chance_value"))
        seen = [environment.reset(seed=seed)[0]]
        for _ in range(20):
            seen += [environment.step(0)[0], environment.reset()[0]]
        return np.stack(seen).tobytes()

    assert heard(1) == heard(1)
    assert len({heard(seed) for seed in (1, 2, 2**40)}) == 3


def test_a_picture_is_of_the_state() -> None:
    environment = AsGymnasium(WORLD, render_mode="rgb_array")
    environment.reset(seed=0)
    before = environment.render()
    assert before.dtype == np.uint8
    assert before.shape[2] == 3
    environment.step([1, 0, 1, 0, 0, 0])
    changed = (environment.render() != before).any(-1).mean()
    assert 0 < changed < 0.5
    unseen = AsGymnasium(WORLD)
    unseen.reset(seed=0)
    assert unseen.render() is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Refusal, match="has 2 players and Gymnasium knows one; use"):
        AsGymnasium(make("xland", preset="two"))
    with pytest.raises(Refusal, match="render_mode is 'human', and XLand has rgb_arr"):
        AsGymnasium(WORLD, render_mode="human")
    with pytest.raises(Refusal, match="render_mode is 'rgb_array', and Probe has none"):
        AsGymnasium(make("one_value"), render_mode="rgb_array")
    with pytest.raises(gymnasium.error.ResetNeeded, match="Call `reset` before"):
        AsGymnasium(make("one_value")).step(0)


@pytest.mark.parametrize("name", ["chance_value", "truncated_value"])
def test_copies_are_gymnasiums_own_copies_of_one(name: str) -> None:
    environment = make(name)
    theirs = gymnasium.vector.SyncVectorEnv([lambda: AsGymnasium(environment)] * 3)
    ours = AsGymnasiumVector(environment, 3)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    ours.action_space.seed(0)
    said = [(ours.reset(seed=7), theirs.reset(seed=7))]
    for _ in range(20):
        actions = ours.action_space.sample()
        said.append((ours.step(actions), theirs.step(actions)))
    for mine, other in said:
        jax.tree.map(np.testing.assert_array_equal, mine, other)
    ends = np.stack([mine[2] | mine[3] for mine, _ in said[1:]])
    assert (ends.sum(0) >= 4).all()


def test_copies_of_xland_see_and_end_trials_together() -> None:
    copies = AsGymnasiumVector(WORLD, 2, render_mode="rgb_array")
    seen, _ = copies.reset(seed=[3, 3])
    assert seen in copies.observation_space
    assert np.array_equal(seen["bodies"][0], seen["bodies"][1])
    assert np.array_equal(*copies.render())
    trials = []
    for _ in range(7):
        seen, _, _, truncated, infos = copies.step(copies.action_space.sample())
        assert seen in copies.observation_space
        trials.append((*infos["trial_end"], *truncated))
    end, over, going = (True, True, False, False), (True,) * 4, (False,) * 4
    assert trials == [going, going, end, going, going, over, going]
    again, _ = copies.reset()
    assert not np.array_equal(again["floor"], seen["floor"])


def test_copies_begin_somewhere_without_a_seed() -> None:
    copies = AsGymnasiumVector(make("observed_value"), 64)
    seen, _ = copies.reset()
    assert 10 < (seen > 0).sum() < 54


def test_a_missing_gymnasium_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    for module in ("spaces", "to_gymnasium"):
        monkeypatch.delitem(sys.modules, f"allometry.environments.{module}")
        with pytest.raises(Refusal, match=r"pip install 'allometry\[gymnasium\]'"):
            __import__(f"allometry.environments.{module}")


def test_copies_need_a_seed_each() -> None:
    with pytest.raises(Refusal, match="There cannot be 0 copies"):
        AsGymnasiumVector(make("digits"), 0)
    with pytest.raises(Refusal, match="There are 1 seeds for 2 copies"):
        AsGymnasiumVector(make("digits"), 2).reset(seed=[1])
