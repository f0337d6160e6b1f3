"""Returns: by hand, against their definitions as sums, and against rlax."""

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from allometry.agents.returns import (
    VTrace,
    discount_of_horizon,
    generalised_advantage,
    retrace,
    vtrace,
)

STEPS = 6

gae = jax.jit(generalised_advantage)
compiled_vtrace = jax.jit(vtrace)
compiled_retrace = jax.jit(retrace)


def estimate(
    rewards: list,
    before: list,
    after: list,
    discount: float,
    trace: float,
    **ends: list,
) -> np.ndarray:
    none = [False] * len(rewards)
    return np.asarray(
        gae(
            jnp.array(rewards, jnp.float32),
            jnp.array(before, jnp.float32),
            jnp.array(after, jnp.float32),
            jnp.array(ends.get("terminated", none)),
            jnp.array(ends.get("truncated", none)),
            jnp.float32(discount),
            jnp.float32(trace),
        )
    )


def test_by_hand() -> None:
    # δ = r + ½ v′ − v = (1 + 2 − 2, 0 + 3 − 4, 2 + 4 − 6) = (1, −1, 0), γλ = ¼.
    found = estimate([1, 0, 2], [2, 4, 6], [4, 6, 8], discount=0.5, trace=0.5)
    np.testing.assert_allclose(found, [1 - 0.25, -1.0, 0.0], atol=1e-6)


def test_nothing_is_bootstrapped_over_a_termination() -> None:
    found = estimate(
        [1, 1, 1], [0, 0, 0], [9, 9, 9], 0.5, 1.0, terminated=[False, True, False]
    )
    # The last step bootstraps (1 + 4.5), the second ends, the first looks one ahead.
    np.testing.assert_allclose(found, [1 + 4.5 + 0.5 * 1, 1.0, 5.5])


def test_a_truncation_bootstraps_and_passes_nothing_back() -> None:
    found = estimate(
        [1, 1, 1], [0, 0, 0], [0, 9, 0], 0.5, 1.0, truncated=[False, True, False]
    )
    np.testing.assert_allclose(found, [1 + 0.5 * 5.5, 5.5, 1.0])


def test_with_full_traces_it_is_the_discounted_return_less_the_baseline() -> None:
    generator = np.random.default_rng(0)
    rewards, values = generator.normal(size=(2, STEPS))
    after, discount = np.append(values[1:], 3.0), 0.8
    found = estimate(rewards, values, after, discount, trace=1.0)
    powers = discount ** np.arange(STEPS)
    for t in range(STEPS):
        left = STEPS - t
        value = powers[:left] @ rewards[t:] + discount**left * after[-1]
        assert found[t] == pytest.approx(value - values[t], abs=1e-5)


def test_without_traces_it_is_the_error_of_one_step() -> None:
    found = estimate([1, 2], [3, 4], [4, 5], discount=0.9, trace=0.0)
    np.testing.assert_allclose(found, [1 + 3.6 - 3, 2 + 4.5 - 4], rtol=1e-5)


def mean_of_n_step_advantages(
    rewards: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
) -> np.ndarray:
    """Give (1 − λ) Σ λⁿ⁻¹ A⁽ⁿ⁾, the longest taking all that is left of the weight."""
    advantages = []
    for t in range(STEPS):
        ends = [k for k in range(t, STEPS) if terminated[k] or truncated[k]]
        longest = (ends[0] if ends else STEPS - 1) - t + 1
        total = 0.0
        for n in range(1, longest + 1):
            k = t + n - 1
            reward = sum(discount**i * rewards[t + i] for i in range(n))
            ahead = 0.0 if terminated[k] else discount**n * after[k]
            weight = trace ** (n - 1) * (1 if n == longest else 1 - trace)
            total += weight * (reward + ahead - before[t])
        advantages.append(total)
    return np.array(advantages)


REALS = arrays.arrays(np.float32, STEPS, elements=st.floats(-5, 5, width=32))
ENDS = arrays.arrays(bool, STEPS, elements=st.sampled_from([False, False, True]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(REALS, REALS, REALS, ENDS, ENDS, st.floats(0, 1), st.floats(0, 1))
def test_is_the_mean_of_n_step_advantages(
    rewards: np.ndarray,
    before: np.ndarray,
    beyond: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
) -> None:
    truncated &= ~terminated
    # Within an episode what a step leads to is what the next one starts from.
    follows = np.append(before[1:], beyond[-1])
    after = np.where(terminated | truncated, beyond, follows)
    found = estimate(
        rewards,
        before,
        after,
        discount,
        trace,
        terminated=terminated,
        truncated=truncated,
    )
    expected = mean_of_n_step_advantages(
        rewards, before, after, terminated, truncated, discount, trace
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def off_policy(
    rewards: list,
    before: list,
    after: list,
    discount: float,
    trace: float,
    log_rho: list,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
    **ends: list,
) -> tuple[VTrace, np.ndarray]:
    """Give V-trace and Retrace of one trajectory, its values read as those of q."""
    none = [False] * len(rewards)
    arguments = (
        jnp.array(rewards, jnp.float32),
        jnp.array(before, jnp.float32),
        jnp.array(after, jnp.float32),
        jnp.array(ends.get("terminated", none)),
        jnp.array(ends.get("truncated", none)),
        jnp.float32(discount),
        jnp.float32(trace),
        jnp.array(log_rho, jnp.float32),
    )
    bars = (jnp.float32(rho_bar), jnp.float32(c_bar))
    return compiled_vtrace(*arguments, *bars), compiled_retrace(*arguments)


def vtrace_by_sums(
    rewards: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    discount: float,
    trace: float,
    log_rho: np.ndarray,
    rho_bar: float,
    c_bar: float,
    terminated: np.ndarray,
    truncated: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Give eq. 1 of the paper summed up, and ρ(r + γ·mixed next target − V)."""
    ratio = np.exp(log_rho)
    rho, c = np.minimum(rho_bar, ratio), trace * np.minimum(c_bar, ratio)
    ended = terminated | truncated
    ahead = np.where(terminated, 0.0, after)
    targets = []
    for s in range(len(rewards)):
        target = before[s]
        for t in range(s, len(rewards)):
            delta = rho[t] * (rewards[t] + discount * ahead[t] - before[t])
            target += discount ** (t - s) * np.prod(c[s:t]) * delta
            if ended[t]:
                break
        targets.append(target)
    advantages = []
    for s in range(len(rewards)):
        mixed = ahead[s]
        if s + 1 < len(rewards) and not ended[s]:
            mixed = trace * targets[s + 1] + (1 - trace) * after[s]
        advantages.append(rho[s] * (rewards[s] + discount * mixed - before[s]))
    return np.array(targets), np.array(advantages)


def retrace_by_sums(
    rewards: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    discount: float,
    trace: float,
    log_rho: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
) -> np.ndarray:
    """Give eq. 3 of the paper summed up."""
    c = trace * np.minimum(1.0, np.exp(log_rho))
    targets = []
    for s in range(len(rewards)):
        target = before[s]
        for t in range(s, len(rewards)):
            ahead = 0.0 if terminated[t] else after[t]
            delta = rewards[t] + discount * ahead - before[t]
            target += discount ** (t - s) * np.prod(c[s + 1 : t + 1]) * delta
            if terminated[t] or truncated[t]:
                break
        targets.append(target)
    return np.array(targets)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    REALS,
    REALS,
    REALS,
    arrays.arrays(np.float32, STEPS, elements=st.floats(-3, 3, width=32)),
    ENDS,
    ENDS,
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.5, 5),
    st.floats(0.1, 2),
)
def test_off_policy_targets_are_sums_of_corrected_errors(
    rewards: np.ndarray,
    before: np.ndarray,
    beyond: np.ndarray,
    log_rho: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
    rho_bar: float,
    c_bar: float,
) -> None:
    truncated &= ~terminated
    follows = np.append(before[1:], beyond[-1])
    after = np.where(terminated | truncated, beyond, follows)
    one = (rewards, before, after, discount, trace, log_rho)
    ends = {"terminated": terminated, "truncated": truncated}
    found, found_q = off_policy(*one, rho_bar, c_bar, **ends)
    exact = tuple(np.asarray(argument, float) for argument in one)
    targets, advantages = vtrace_by_sums(*exact, rho_bar, c_bar, **ends)
    np.testing.assert_allclose(found.target, targets, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.advantage, advantages, rtol=1e-4, atol=1e-3)
    expected = retrace_by_sums(*exact, **ends)
    np.testing.assert_allclose(found_q, expected, rtol=1e-4, atol=1e-3)


def test_on_policy_vtrace_is_gae_and_its_targets_are_those_of_td_lambda() -> None:
    one = ([1, -2, 3, 1], [2, 4, 6, 1], [4, 6, 1, 2], 0.9, 0.7)
    ends = {"truncated": [False, True, False, False]}
    found, _ = off_policy(*one, [0.0] * 4, **ends)
    expected = estimate(*one, **ends)
    np.testing.assert_allclose(found.advantage, expected, rtol=1e-6)
    np.testing.assert_allclose(found.target, expected + one[1], rtol=1e-6)


def test_ratios_are_clipped_each_at_its_own_bar() -> None:
    # δ = (1 + ½·4 − 2, 3 + ½·6 − 4) = (1, 2); the ratio e² is above both bars.
    one = ([1, 3], [2, 4], [4, 6], 0.5, 1.0, [2.0, 2.0])
    found, _ = off_policy(*one, rho_bar=3.0, c_bar=2.0)
    last = 3 * 2
    first = 3 * 1 + 0.5 * 2 * last
    np.testing.assert_allclose(found.target, [2 + first, 4 + last], rtol=1e-6)
    advantages = [3 * (1 + 0.5 * last), last]
    np.testing.assert_allclose(found.advantage, advantages, rtol=1e-6)


def test_ratios_may_be_anything() -> None:
    log_rho = [500.0, -500.0, np.inf, -np.inf]
    one = ([1] * 4, [0] * 4, [0] * 4, 0.5, 1.0, log_rho)
    found, found_q = off_policy(*one)
    np.testing.assert_allclose(found.target, [1, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found_q, [1, 1.5, 1, 1], atol=1e-6)


def choices() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give all sequences of two actions, their chance under μ, rewards and log ρ."""
    pi, mu = np.array([0.9, 0.1]), np.array([0.3, 0.7])
    actions = np.array(list(itertools.product([0, 1], repeat=2)))
    rewards = np.array([[1.0, -2.0], [3.0, 5.0]])[[0, 1], actions]
    return actions, mu[actions].prod(1), rewards, np.log(pi / mu)[actions]


def test_unclipped_vtrace_is_unbiased_for_any_values() -> None:
    _, chance, rewards, log_rho = choices()
    mean = np.zeros(2)
    for p, r, log in zip(chance, rewards, log_rho, strict=True):
        found, _ = off_policy(r, [7, -3], [-3, 2], 0.5, 1.0, log, 1e9, 1e9)
        mean += p * np.asarray(found.target)
    second = 0.9 * 3 + 0.1 * 5 + 0.5 * 2
    first = 0.9 * 1 + 0.1 * -2 + 0.5 * second
    np.testing.assert_allclose(mean, [first, second], rtol=1e-5)


def test_retrace_leaves_true_action_values_as_they_are() -> None:
    actions, chance, rewards, log_rho = choices()
    second = np.array([3.0, 5.0]) + 0.5 * 2
    value = np.array([0.9, 0.1]) @ second
    first = np.array([1.0, -2.0]) + 0.5 * value
    mean = np.zeros(2)
    for a, p, r, log in zip(actions, chance, rewards, log_rho, strict=True):
        q = [first[a[0]], second[a[1]]]
        mean[a[0]] += p * off_policy(r, q, [value, 2], 0.5, 0.8, log)[1][0]
    np.testing.assert_allclose(mean / [0.3, 0.7], first, rtol=1e-5)


def test_on_policy_retrace_with_full_traces_is_the_discounted_return() -> None:
    generator = np.random.default_rng(0)
    rewards, q = generator.normal(size=(2, STEPS))
    # Where a value is that of the action taken, as when a policy has no choice.
    after, discount = np.append(q[1:], 3.0), 0.8
    _, found = off_policy(rewards, q, after, discount, 1.0, [0.0] * STEPS)
    powers = discount ** np.arange(STEPS + 1)
    rewarded = np.append(rewards, 3.0)
    for t in range(STEPS):
        expected = powers[: STEPS + 1 - t] @ rewarded[t:]
        assert found[t] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("end", ["terminated", "truncated"])
def test_a_row_that_shows_an_end_reaches_no_other_row(end: str) -> None:
    rewards, before, after, log_rho = np.random.default_rng(0).normal(size=(4, STEPS))
    flags = {
        "terminated": [False] * STEPS,
        "truncated": [False] * STEPS,
        end: [False, False, True, False, False, False],
    }
    shown = np.array([100.0, -70.0, 40.0, 3.0])
    longer = np.insert([rewards, before, after, log_rho], 3, shown, axis=1)
    more = {name: np.insert(flag, 3, False) for name, flag in flags.items()}
    more["truncated"][3] = True

    def all_of(rows: np.ndarray, ends: dict) -> np.ndarray:
        *one, log_rho = rows
        found, found_q = off_policy(*one, 0.9, 0.8, log_rho, **ends)
        return np.stack([estimate(*one, 0.9, 0.8, **ends), *found, found_q])

    without = np.delete(all_of(longer, more), 3, axis=1)
    plain = all_of(np.array([rewards, before, after, log_rho]), flags)
    np.testing.assert_array_equal(without, plain)


# What rlax 0.1.9 gives, by
# python -c "from tests.agents.test_returns import *; print(by_rlax())"
RLAX = {
    "vtrace.target": [1.716429, 0.2401502, -1.676324, -1.443007, 3.535772, 3.325247],
    "vtrace.advantage": [
        -0.1983012,
        -0.8864236,
        -1.859265,
        -2.151224,
        6.027229,
        3.155431,
    ],
    "retrace": [2.697489, 0.8702686, 0.347631, -0.7259323, 2.828453, 2.506588],
}


def rlax_case() -> dict[str, np.ndarray]:
    """Give a trajectory with a termination, and two actions to choose from."""
    steps = np.arange(STEPS)
    logits = np.stack([np.sin(steps), np.cos(2 * steps)], axis=1)
    behaviour = np.stack([np.cos(3 * steps), np.sin(5 * steps)], axis=1)
    return {
        "rewards": np.cos(1.3 * steps),
        "q": 2 * np.stack([np.sin(1 + steps), np.cos(4 * steps)], axis=1),
        "action": np.array([0, 1, 1, 0, 1, 0]),
        "terminated": steps == 3,
        "pi": np.exp(logits) / np.exp(logits).sum(1, keepdims=True),
        "mu": np.exp(behaviour) / np.exp(behaviour).sum(1, keepdims=True),
        "last": np.array(1.7),
    }


def by_us() -> dict[str, list[float]]:
    case = rlax_case()
    taken = (np.arange(STEPS), case["action"])
    value = (case["pi"] * case["q"]).sum(1)
    after = np.append(value[1:], case["last"])
    log_rho = np.log(case["pi"] / case["mu"])[taken]
    ends = {"terminated": case["terminated"]}
    one = (after, 0.9, 0.8, log_rho)
    found = off_policy(case["rewards"], value, *one, rho_bar=1.5, **ends)[0]
    found_q = off_policy(case["rewards"], case["q"][taken], *one, **ends)[1]
    return {
        "vtrace.target": np.asarray(found.target).tolist(),
        "vtrace.advantage": np.asarray(found.advantage).tolist(),
        "retrace": np.asarray(found_q).tolist(),
    }


def by_rlax() -> dict[str, list[float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rlax = pytest.importorskip("rlax", exc_type=ImportError)
    case = {name: jnp.asarray(array) for name, array in rlax_case().items()}
    taken = (jnp.arange(STEPS), case["action"])
    value = (case["pi"] * case["q"]).sum(1)
    after = jnp.append(value[1:], case["last"])
    discount = jnp.where(case["terminated"], 0.0, 0.9)
    found = rlax.vtrace_td_error_and_advantage(
        value,
        after,
        case["rewards"],
        discount,
        (case["pi"] / case["mu"])[taken],
        lambda_=0.8,
        clip_rho_threshold=1.5,
        clip_pg_rho_threshold=1.5,
    )
    # rlax looks a row ahead for q, whose value after the last row is `last`.
    found_q = case["q"][taken] + rlax.retrace(
        case["q"],
        jnp.vstack([case["q"][1:], jnp.full((1, 2), case["last"])]),
        case["action"],
        jnp.append(case["action"][1:], 0),
        case["rewards"],
        discount,
        jnp.vstack([case["pi"][1:], jnp.full((1, 2), 0.5)]),
        jnp.append(case["mu"][taken][1:], 0.5),
        0.8,
        eps=0.0,
    )
    return {
        "vtrace.target": np.asarray(found.errors + value).tolist(),
        "vtrace.advantage": np.asarray(found.pg_advantage).tolist(),
        "retrace": np.asarray(found_q).tolist(),
    }


@pytest.mark.parametrize("name", RLAX)
def test_is_what_rlax_gave(name: str) -> None:
    np.testing.assert_allclose(by_us()[name], RLAX[name], rtol=1e-5, atol=1e-6)


def test_is_what_rlax_gives_now() -> None:
    expected, found = by_rlax(), by_us()
    for name in RLAX:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("horizon", "discount"), [(1, 0.0), (3, 0.5), (4, 0.6), (64, 1 - 2 / 65)]
)
def test_discount_of_a_horizon(horizon: float, discount: float) -> None:
    assert discount_of_horizon(horizon) == pytest.approx(discount)


@pytest.mark.parametrize("horizon", [2.0, 4.0, 20.0])
def test_weights_have_the_centre_of_mass_of_the_horizon(horizon: float) -> None:
    steps = np.arange(2000)
    weights = discount_of_horizon(horizon) ** steps
    assert (weights @ steps) / weights.sum() == pytest.approx((horizon - 1) / 2)


@pytest.mark.parametrize("horizon", [0.5, 0, -3, float("nan")])
def test_no_horizon_below_one_step(horizon: float) -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        discount_of_horizon(horizon)
