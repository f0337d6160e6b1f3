"""The contract holds for all we register, and catches each way to break it."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from allometry.environments.contract import check
from allometry.environments.environment import Environment
from allometry.environments.probes import CHANCE_VALUE, TRUNCATED_VALUE, Probe
from allometry.environments.registry import ENVIRONMENTS, FOREIGN, make
from allometry.specs import ArraySpec, EnvironmentSpec

Distortion = Callable[[Any, Any], tuple[Any, Any]]


#: XLand's presets and foreign environments are held to it in tests of their own.
HERE = [name for name in ENVIRONMENTS if name not in ("xland", *FOREIGN)]


@pytest.mark.parametrize("name", HERE)
def test_registered_environments_keep_the_contract(name: str) -> None:
    check(make(name))


def unchanged(state: Any, timestep: Any) -> tuple[Any, Any]:
    return state, timestep


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["probe"],
    meta_fields=["on_reset", "on_step", "wrong_spec"],
)
@dataclasses.dataclass(frozen=True)
class Broken:
    """A probe of which one thing is changed."""

    probe: Any
    on_reset: Distortion = unchanged
    on_step: Distortion = unchanged
    wrong_spec: EnvironmentSpec | None = None

    @property
    def spec(self) -> EnvironmentSpec:
        return self.wrong_spec or self.probe.spec

    def sample_task(self, key):
        return self.probe.sample_task(key)

    def reset(self, key, task):
        return self.on_reset(*self.probe.reset(key, task))

    def step(self, key, state, action):
        return self.on_step(*self.probe.step(key, state, action))


def setting(**fields: Callable[[Any], Any]) -> Distortion:
    """Change fields of the time step, each by a function of the time step."""

    def distort(state: Any, timestep: Any) -> tuple[Any, Any]:
        changed = {name: change(timestep) for name, change in fields.items()}
        return state, timestep._replace(**changed)

    return distort


def heavy(state: Any, timestep: Any) -> tuple[Any, Any]:
    noise = jnp.sin(timestep.observation * jnp.arange(5000.0)[:, None]) @ jnp.ones(1)
    return state, timestep._replace(reward=timestep.reward + 0 * noise.sum())


def longer_state(state: Any, timestep: Any) -> tuple[Any, Any]:
    return state._replace(steps=state.steps.astype(jnp.float32)), timestep


def breach(sentence: str, probe: Probe = TRUNCATED_VALUE, **changes: Any) -> Any:
    return pytest.param(Broken(probe, **changes), sentence, id=sentence[:40])


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        breach(
            "the observation must be float32 of shape",
            wrong_spec=EnvironmentSpec(ArraySpec((2,)), TRUNCATED_VALUE.spec.action),
        ),
        breach(
            "the observation must be a pytree like its spec",
            wrong_spec=EnvironmentSpec((ArraySpec((1,)),), TRUNCATED_VALUE.spec.action),
        ),
        breach(
            "`spec` must be hashable",
            wrong_spec=EnvironmentSpec(
                {"a": ArraySpec((1,))}, TRUNCATED_VALUE.spec.action
            ),
        ),
        breach(
            "an observation must lie in its spec's bounds",
            wrong_spec=EnvironmentSpec(
                ArraySpec((1,), maximum=0.5), TRUNCATED_VALUE.spec.action
            ),
        ),
        breach(
            "`reward` must lie in the spec's reward_range",
            wrong_spec=dataclasses.replace(
                TRUNCATED_VALUE.spec, reward_range=(0.0, 0.5)
            ),
        ),
        breach(
            "a state like that of `reset`; they differ in .steps: int32.* and float32",
            on_step=longer_state,
        ),
        breach(
            "`reward` must be float32 of shape \\(1,\\)",
            on_reset=setting(reward=lambda t: t.reward[0]),
            on_step=setting(reward=lambda t: t.reward[0]),
        ),
        breach(
            "`extras` must have a previous_action",
            on_reset=setting(extras=lambda t: {}),
            on_step=setting(extras=lambda t: {}),
        ),
        breach(
            "`first` must be true after `reset`",
            on_reset=setting(first=lambda t: ~t.first),
        ),
        breach(
            "`reward` must be 0 after `reset`",
            on_reset=setting(reward=lambda t: t.reward + 1),
        ),
        breach(
            "`first` must be false after every step",
            on_step=setting(first=lambda t: t.truncated),
        ),
        breach(
            "both `terminated` and `truncated`",
            on_step=setting(terminated=lambda t: t.truncated),
        ),
        breach(
            "`trial_end` must be true where the episode ends",
            on_step=setting(trial_end=lambda t: t.first),
        ),
        breach(
            "`previous_action` must be the action that was given",
            on_step=setting(
                extras=lambda t: jax.tree.map(jnp.zeros_like, t.extras),
            ),
        ),
        breach(
            "not `episodic` must never end an episode",
            wrong_spec=dataclasses.replace(TRUNCATED_VALUE.spec, episodic=False),
        ),
        breach(
            "`reward` must be finite",
            on_step=setting(reward=lambda t: t.reward * jnp.nan),
        ),
        breach(
            "`player_mask` must show at least one player",
            on_reset=setting(player_mask=lambda t: ~t.player_mask),
        ),
        breach("`reset` must cost at most 2 steps,", CHANCE_VALUE, on_reset=heavy),
    ],
)
def test_every_breach_is_named(environment: Broken, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check(environment, steps=16)


def test_leaves_that_are_not_arrays_are_named() -> None:
    broken = Broken(dataclasses.replace(TRUNCATED_VALUE, successors=7))
    with pytest.raises(AssertionError, match=r"its leaf \.probe\.successors is a int"):
        check(broken)


def test_hidden_randomness_is_found() -> None:
    """An environment that asks Python for chance differs from call to call."""
    counter = iter(range(1000))

    def drift(state: Any, timestep: Any) -> tuple[Any, Any]:
        shift = 0.001 * next(counter)
        return state, timestep._replace(reward=timestep.reward - shift)

    with pytest.raises(
        AssertionError, match="must give the same under `vmap`, and draw on nothing"
    ):
        check(Broken(CHANCE_VALUE, on_step=drift))


def test_an_environment_is_one_by_its_methods() -> None:
    assert isinstance(Broken(TRUNCATED_VALUE), Environment)
