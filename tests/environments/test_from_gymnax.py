"""From gymnax: the contract, gymnax's own episodes, and a sentence for the rest."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.contract import check
from allometry.refusal import Refusal

gymnax = pytest.importorskip(
    "gymnax", reason="gymnax is not installed; it needs JAX < 0.12"
)

from allometry.environments import from_gymnax  # noqa: E402

LEFT = jnp.zeros(1, jnp.int32)
KEY = jax.random.key(0)


@pytest.mark.parametrize("id", ["CartPole-v1", "Pendulum-v1", "Breakout-MinAtar"])
def test_environments_keep_the_contract(id: str) -> None:
    check(from_gymnax.load(id))


@pytest.mark.parametrize("id", ["CartPole-v1", "FrozenLake-misc"])
def test_an_episode_is_gymnaxs_own_and_stays_at_its_end(id: str) -> None:
    environment = from_gymnax.load(id)
    original, params = gymnax.make(id)
    step = jax.jit(environment.step)
    task = environment.sample_task(KEY)
    state, _ = environment.reset(KEY, task)
    theirs, ended, steps = task.start, False, 0
    while not ended:
        key = jax.random.fold_in(KEY, steps)
        # Their step splits its key, and resets with the other half.
        state, answer = step(jax.random.split(key)[0], state, LEFT)
        shown, theirs, reward, terminated, truncated, info = original.step(
            key, theirs, 0, params
        )
        seen = answer.observation[0]
        assert np.array_equal(seen, info["final_observation"])
        assert answer.reward[0] == reward
        assert answer.terminated == terminated
        assert answer.truncated == (truncated and not terminated)
        ended, steps = bool(terminated | truncated), steps + 1
    assert steps > 1
    assert not np.array_equal(seen, shown)
    assert state.inner.time == steps
    assert theirs.time == 0


def episode(environment: from_gymnax.Gymnax) -> list[tuple[bool, bool]]:
    """Push left until the end: what each step says of termination and truncation."""
    state, _ = environment.reset(KEY, environment.sample_task(KEY))
    step, said = jax.jit(environment.step), []
    while not said or not any(said[-1]):
        state, answer = step(KEY, state, LEFT)
        said.append((bool(answer.terminated), bool(answer.truncated)))
        assert answer.trial_end == any(said[-1])
    return said


def test_a_fall_terminates_and_a_limit_truncates() -> None:
    fall = episode(from_gymnax.load("CartPole-v1"))
    assert fall[-1] == (True, False)
    assert 5 < len(fall) < 20
    cut = episode(from_gymnax.load("CartPole-v1", max_steps_in_episode=5))
    assert cut == [(False, False)] * 4 + [(False, True)]
    both = episode(from_gymnax.load("CartPole-v1", max_steps_in_episode=len(fall)))
    assert both == fall


def test_a_task_is_parameters_and_a_start() -> None:
    environment = from_gymnax.load("CartPole-v1")
    task = environment.sample_task(KEY)
    other = environment.sample_task(jax.random.key(1))
    keys = jax.random.split(KEY)
    shown = [environment.reset(key, task)[1].observation for key in keys]
    assert np.array_equal(*shown)
    assert not np.array_equal(task.observation, other.observation)
    weak = environment.task(KEY, environment.params.replace(force_mag=jnp.float32(0)))
    assert np.array_equal(weak.start.x, task.start.x)
    step = jax.jit(environment.step)

    def speeds(task: from_gymnax.Task) -> list[float]:
        state, _ = environment.reset(KEY, task)
        return [
            float(step(KEY, state, jnp.array([action]))[0].inner.x_dot)
            for action in (0, 1)
        ]

    assert speeds(weak)[0] == speeds(weak)[1]
    # A push of 10 N for .02 s on 1.1 kg, and what the pole takes of it.
    left, right = speeds(task)
    assert right - left == pytest.approx(0.39, abs=0.01)


def test_arguments_of_the_constructor_are_parameters_too() -> None:
    assert from_gymnax.load("DeepSea-bsuite", size=5).spec.observation.shape == (5, 5)


def test_endless_bounds_are_none_and_others_the_widest() -> None:
    assert from_gymnax.load("CartPole-v1").spec.observation.minimum is None
    pendulum = from_gymnax.load("Pendulum-v1").spec
    assert (pendulum.observation.minimum, pendulum.observation.maximum) == (-8, 8)
    assert (pendulum.action.minimum, pendulum.action.maximum) == (-2, 2)


@pytest.mark.parametrize(
    ("id", "parameters", "sentence"),
    [
        ("CartPole", {}, r'no environment "CartPole"\. Choose one of: CartPole-v1,'),
        ("CartPole-v1", {"mass": 1.0}, r'no parameter "mass"\. It has: .*gravity'),
        ("CartPole-v1", {"gravity": "much"}, "cannot be made with {'gravity': 'much'}"),
        ("FrozenLake-misc", {"map_name": "9x9"}, "cannot be made with .*'4x4' or"),
        ("DeepSea-bsuite", {"sice": 3}, r'no parameter "sice"\. It has: size, '),
    ],
)
def test_what_gymnax_does_not_know_is_refused(id, parameters, sentence) -> None:
    with pytest.raises(Refusal, match=sentence):
        from_gymnax.load(id, **parameters)


def test_an_older_gymnax_is_refused(monkeypatch) -> None:
    base = gymnax.environments.environment.Environment
    monkeypatch.delattr(base, "is_truncated")
    with pytest.raises(Refusal, match=r"older than 1\.0.*Install gymnax 1\.0"):
        from_gymnax.load()


def test_a_space_that_cannot_be_adapted_is_refused(monkeypatch) -> None:
    cart_pole = gymnax.environments.classic_control.cartpole.CartPole
    space = gymnax.environments.spaces.Dict({})
    monkeypatch.setattr(cart_pole, "observation_space", lambda self, params: space)
    with pytest.raises(Refusal, match="CartPole-v1 has a Dict space; only Box"):
        from_gymnax.load()


def test_a_missing_gymnax_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnax", None)
    with pytest.raises(Refusal, match=r"pip install 'allometry\[gymnax\]'"):
        from_gymnax.load()
