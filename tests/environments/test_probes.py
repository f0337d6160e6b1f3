"""Probes: the written answers are those of the tables, and play agrees with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.probes import END, PROBES, TRUNCATED_VALUE, Probe

EVERY_PROBE = pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)


def action_values(probe: Probe, discount: float) -> np.ndarray:
    """Solve the table by value iteration: Q `[S, A]` = r + γ·½ Σ V(successors)."""
    values = np.zeros(len(probe.observations))
    for _ in range(2000):
        following = np.where(probe.successors == END, 0, values[probe.successors])
        q = probe.rewards + discount * following.mean(-1)
        values = q.max(-1)
    return q


@EVERY_PROBE
@pytest.mark.parametrize("discount", [0.5, 0.9])
def test_values_solve_the_table(probe: Probe, discount: float) -> None:
    solved = action_values(probe, discount).max(-1)
    np.testing.assert_allclose(probe.values(discount), solved, atol=1e-6)


@EVERY_PROBE
def test_optimal_actions_solve_the_table(probe: Probe) -> None:
    for q, action in zip(action_values(probe, 0.9), probe.optimal_actions, strict=True):
        if action is None:
            np.testing.assert_allclose(q, q[0])
        else:
            assert q[action] > np.delete(q, action).max()


@EVERY_PROBE
def test_optimal_play_earns_the_optimal_return(probe: Probe) -> None:
    actions = jnp.array([a or 0 for a in probe.optimal_actions], jnp.int32)
    episodes = 4000

    def earn(key: jax.Array) -> jax.Array:
        state, _ = probe.reset(key, probe.sample_task(key))

        def advance(carry: tuple, key: jax.Array) -> tuple:
            state, alive = carry
            state, timestep = probe.step(key, state, actions[state.state][None])
            ended = timestep.terminated | timestep.truncated
            return (state, alive & ~ended), timestep.reward[0] * alive

        keys = jax.random.split(jax.random.fold_in(key, 1), 6)
        (_, alive), rewards = jax.lax.scan(advance, (state, jnp.array(True)), keys)
        return rewards.sum(), alive

    returns, alive = jax.jit(jax.vmap(earn))(
        jax.random.split(jax.random.key(0), episodes)
    )
    assert not alive.any()
    error = 4 * max(float(returns.std()), 1e-6) / np.sqrt(episodes)
    assert float(returns.mean()) == pytest.approx(probe.optimal_return, abs=error)


def test_truncation_is_not_termination() -> None:
    state, _ = TRUNCATED_VALUE.reset(jax.random.key(0), jnp.int32(0))
    flags = []
    for step in range(4):
        key = jax.random.key(step)
        state, timestep = TRUNCATED_VALUE.step(key, state, jnp.array([0]))
        flags.append((bool(timestep.terminated), bool(timestep.truncated)))
    assert flags == [(False, False)] * 3 + [(False, True)]
