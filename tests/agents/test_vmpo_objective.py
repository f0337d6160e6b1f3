"""V-MPO's objective: against NumPy, against rlax, and by hand at its edges."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from allometry.agents import vmpo_objective
from allometry.agents.vmpo_objective import (
    Multipliers,
    Samples,
    positive,
    stored_of,
    top_half,
)

ROWS, PARTS = 12, 2
BOUNDS = Multipliers(jnp.float32(0.5), jnp.array([0.05, 0.3]))

compiled = jax.jit(vmpo_objective.loss)


@jax.jit
def gradients(samples: Samples, multipliers: Multipliers) -> Any:
    """Give the gradients of the loss by log π, divergence, advantage, η and α."""

    def total(
        log_pi: jax.Array,
        divergence: jax.Array,
        advantage: jax.Array,
        multipliers: Multipliers,
    ) -> jax.Array:
        moved = Samples(advantage, log_pi, divergence, samples.valid)
        return vmpo_objective.loss(moved, multipliers, BOUNDS)[0]

    free = (samples.log_pi, samples.divergence, samples.advantage, multipliers)
    return jax.grad(total, (0, 1, 2, 3))(*free)


def case(seed: int, masked: bool = False) -> tuple[Samples, Multipliers]:
    generator = np.random.RandomState(seed)  # its stream is frozen for ever
    valid = np.ones(ROWS, bool)
    if masked:
        valid[generator.choice(ROWS, 5, replace=False)] = False
    samples = Samples(
        jnp.asarray(generator.normal(scale=2.0, size=ROWS), jnp.float32),
        jnp.asarray(-generator.exponential(size=ROWS), jnp.float32),
        jnp.asarray(generator.exponential(size=(ROWS, PARTS)), jnp.float32),
        jnp.asarray(valid),
    )
    temperature, *alpha = generator.exponential(size=1 + PARTS)
    return samples, Multipliers(
        jnp.float32(temperature), jnp.array(alpha, dtype=jnp.float32)
    )


CASES = {
    "all rows": case(0),
    "other rows": case(1),
    "masked": case(2, masked=True),
    "masked otherwise": case(3, masked=True),
}


def by_numpy(samples: Samples, multipliers: Multipliers) -> dict[str, float]:
    """Give the losses as the paper writes them, of the valid rows alone."""
    valid = np.asarray(samples.valid)
    advantage, log_pi, divergence = (
        np.asarray(rows, float)[valid] for rows in samples[:3]
    )
    order = np.argsort(-advantage)[: max(valid.sum() // 2, 1)]
    eta, alpha = (np.asarray(value, float) for value in multipliers)
    scaled = advantage[order] / eta
    log_mean = logsumexp(scaled) - np.log(len(scaled))
    kl = divergence.mean(0)
    bound = np.asarray(BOUNDS.alpha, float)
    return {
        "policy_loss": -softmax(scaled) @ log_pi[order],
        "temperature_loss": eta * (float(BOUNDS.temperature) + log_mean),
        "alpha_loss": (alpha * (bound - kl) + alpha * kl).sum(),
        "kl": kl.sum(),
        "kept": len(order),
    }


@pytest.mark.parametrize("drawn", CASES.values(), ids=CASES)
def test_losses_are_those_of_the_paper(drawn: tuple[Samples, Multipliers]) -> None:
    total, metrics = compiled(*drawn, BOUNDS)
    expected = by_numpy(*drawn)
    for name, value in expected.items():
        assert float(metrics[name]) == pytest.approx(value, rel=1e-5), name
    three = ("policy_loss", "temperature_loss", "alpha_loss")
    assert float(total) == pytest.approx(sum(expected[name] for name in three), 1e-5)


@pytest.mark.parametrize("drawn", CASES.values(), ids=CASES)
def test_gradients_are_those_of_the_paper(drawn: tuple[Samples, Multipliers]) -> None:
    samples, multipliers = drawn
    by_log_pi, by_kl, by_advantage, by_multipliers = gradients(*drawn)
    valid = np.asarray(samples.valid)
    advantage = np.asarray(samples.advantage, float)
    kept = np.flatnonzero(valid)[np.argsort(-advantage[valid])[: valid.sum() // 2]]
    psi = np.zeros(ROWS)
    scaled = advantage[kept] / float(multipliers.temperature)
    psi[kept] = softmax(scaled)
    np.testing.assert_allclose(by_log_pi, -psi, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        by_kl, valid[:, None] * np.asarray(multipliers.alpha) / valid.sum(), rtol=1e-5
    )
    np.testing.assert_array_equal(by_advantage, 0.0)
    # dL/dη = ε + log mean exp s − Σ ψ s, the slack of KL(ψ‖kept half) in its bound.
    slack = 0.5 + logsumexp(scaled) - np.log(len(kept)) - softmax(scaled) @ scaled
    assert float(by_multipliers.temperature) == pytest.approx(slack, rel=1e-4)
    kl = np.asarray(samples.divergence)[valid].mean(0)
    np.testing.assert_allclose(by_multipliers.alpha, BOUNDS.alpha - kl, rtol=1e-4)


def test_what_invalid_rows_hold_does_not_count() -> None:
    samples, multipliers = CASES["masked"]
    invalid = ~samples.valid
    nothing = Samples(
        jnp.where(invalid, jnp.nan, samples.advantage),
        jnp.where(invalid, -jnp.inf, samples.log_pi),
        jnp.where(invalid[:, None], jnp.nan, samples.divergence),
        samples.valid,
    )
    same = jax.tree.map(
        np.testing.assert_array_equal,
        (compiled(nothing, multipliers, BOUNDS), gradients(nothing, multipliers)),
        (compiled(samples, multipliers, BOUNDS), gradients(samples, multipliers)),
    )
    assert not jax.tree.leaves(same)


def test_a_batch_without_valid_rows_teaches_nothing() -> None:
    samples, multipliers = CASES["all rows"]
    samples = samples._replace(valid=jnp.zeros(ROWS, bool))
    assert float(compiled(samples, multipliers, BOUNDS)[0]) == 0.0
    for gradient in jax.tree.leaves(gradients(samples, multipliers)):
        np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.parametrize("temperature", [1e-10, 1e-3, 1e6])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_stable_at_any_temperature(temperature: float, scale: float) -> None:
    samples, multipliers = CASES["masked"]
    samples = samples._replace(advantage=scale * samples.advantage)
    multipliers = multipliers._replace(temperature=jnp.float32(temperature))
    _, metrics = compiled(samples, multipliers, BOUNDS)
    expected = by_numpy(samples, multipliers)
    assert float(metrics["policy_loss"]) == pytest.approx(
        expected["policy_loss"], rel=1e-4
    )
    found = gradients(samples, multipliers)
    assert all(np.isfinite(gradient).all() for gradient in jax.tree.leaves(found))
    assert -3.0 <= float(found[3].temperature) <= 0.5 + 1e-5


def test_an_advantage_that_is_no_number_shows() -> None:
    samples, multipliers = CASES["all rows"]
    samples = samples._replace(advantage=samples.advantage.at[3].set(jnp.nan))
    assert np.isnan(compiled(samples, multipliers, BOUNDS)[0])


@pytest.mark.parametrize(
    ("advantage", "valid", "kept"),
    [
        ([1.0, 4.0, 2.0, 3.0], [1, 1, 1, 1], [0, 1, 0, 1]),
        ([1.0, 4.0, 2.0, 3.0], [1, 0, 1, 1], [0, 0, 0, 1]),  # one of three
        ([1.0, 4.0, 2.0, 3.0], [0, 0, 1, 0], [0, 0, 1, 0]),  # the only one
        ([1.0, 4.0, 2.0, 3.0], [0, 0, 0, 0], [0, 0, 0, 0]),
        ([2.0, 4.0, 2.0, 1.0], [1, 1, 1, 1], [1, 1, 1, 0]),  # a tie with the last
        ([4.0, 4.0, 4.0, 1.0], [1, 1, 1, 1], [1, 1, 1, 0]),
        ([7.0, 7.0, 7.0, 7.0], [1, 1, 0, 1], [1, 1, 0, 1]),
        ([-1e30, -2e30, -3e30, -9e30], [1, 1, 1, 1], [1, 1, 0, 0]),
    ],
)
def test_the_half_that_is_kept(advantage: list, valid: list, kept: list) -> None:
    found = jax.jit(top_half)(jnp.array(advantage), jnp.array(valid, bool))
    np.testing.assert_array_equal(found, np.array(kept, bool))


def test_multipliers_are_positive_and_stored_exactly() -> None:
    values = Multipliers(jnp.float32(1.0), jnp.array([1e-6, 0.1, 50.0, 1e4]))
    back = positive(stored_of(values))
    np.testing.assert_allclose(back.temperature, 1.0, rtol=1e-5)
    np.testing.assert_allclose(back.alpha, values.alpha, rtol=1e-5)
    np.testing.assert_allclose(
        positive(Multipliers(jnp.float32(0.0), jnp.array([3.0]))).alpha,
        [np.log1p(np.exp(3.0))],
        rtol=1e-6,
    )


def test_multipliers_at_the_floor_can_rise() -> None:
    sunk = Multipliers(jnp.float32(-30.0), jnp.array([-1e4, -24.0]))
    found = positive(sunk)
    np.testing.assert_allclose(found.temperature, 1e-10, rtol=1e-6)
    np.testing.assert_allclose(found.alpha, [1e-10, 1e-10], rtol=1e-6)
    slope = jax.grad(lambda stored: positive(stored).temperature)(sunk)
    assert float(slope.temperature) == pytest.approx(np.exp(-30.0), rel=1e-4)


# What rlax 0.1.9 gives for each case, by
# python -c "from tests.agents.test_vmpo_objective import *; print(all_by_rlax())"
RLAX = {
    "all rows": {
        "policy_loss": 0.1513442,
        "temperature_loss": 4.073249,
        "alpha_loss": 0.2759334,
        "kept": 6.0,
    },
    "other rows": {
        "policy_loss": 1.036381,
        "temperature_loss": 3.157006,
        "alpha_loss": 0.2588196,
        "kept": 6.0,
    },
    "masked": {
        "policy_loss": 0.5489961,
        "temperature_loss": 5.083463,
        "alpha_loss": 0.6595237,
        "kept": 3.0,
    },
    "masked otherwise": {
        "policy_loss": 2.106191,
        "temperature_loss": 0.8942236,
        "alpha_loss": 0.4092985,
        "kept": 3.0,
    },
}


def by_rlax(samples: Samples, multipliers: Multipliers) -> dict[str, float]:
    """Ask rlax, whose half is of all rows: tell it to keep as many as we do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rlax = pytest.importorskip("rlax", exc_type=ImportError)
    count = samples.valid.sum()
    mask = samples.valid.astype(jnp.float32)
    constraints = [
        (kl, rlax.LagrangePenalty(alpha, bound))
        for kl, alpha, bound in zip(
            samples.divergence.T, multipliers.alpha, BOUNDS.alpha, strict=True
        )
    ]
    _, outputs = rlax.vmpo_loss(
        samples.log_pi,
        samples.advantage,
        rlax.LagrangePenalty(multipliers.temperature, BOUNDS.temperature),
        constraints,
        restarting_weights=mask,
        top_k_fraction=(int(count) // 2 + 0.5) / ROWS,
    )
    # rlax gives these for every row and leaves the mask to its callers.
    of_divergence = (outputs.kl_loss + outputs.alpha_loss) * mask
    return {
        "policy_loss": float(outputs.policy_loss.mean()),
        "temperature_loss": float(outputs.temperature_loss),
        "alpha_loss": float(of_divergence.sum() / count),
        "kept": float(outputs.num_samples),
    }


def all_by_rlax() -> dict[str, dict[str, float]]:
    return {name: by_rlax(*drawn) for name, drawn in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_losses_are_what_rlax_gave(name: str) -> None:
    _, metrics = compiled(*CASES[name], BOUNDS)
    found = {loss: float(metrics[loss]) for loss in RLAX[name]}
    assert found == pytest.approx(RLAX[name], rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("masked", [False, True])
def test_losses_are_what_rlax_gives_now(seed: int, masked: bool) -> None:
    drawn = case(10 + seed, masked)
    expected = by_rlax(*drawn)
    _, metrics = compiled(*drawn, BOUNDS)
    found = {loss: float(metrics[loss]) for loss in expected}
    assert found == pytest.approx(expected, rel=1e-5)
