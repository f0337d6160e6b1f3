"""Perturbation: bounds are read off types, and hold however often it is done."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.agents import perturbation
from allometry.agents.perturbation import CLOSEST
from allometry.agents.ppo import PPO

WITHIN = {
    name: limits
    for name, limits in perturbation.bounds(PPO).items()
    if name in ("learning_rate", "entropy", "discount", "trace")
}
SETTINGS = {
    "learning_rate": jnp.float32(1e-3),
    "entropy": jnp.float32(0.01),
    "discount": jnp.float32(0.99),
    "trace": jnp.float32(0.0),
    "clip": jnp.float32(0.2),
}
TINY, HUGE = (float(getattr(np.finfo(np.float32), name)) for name in ("tiny", "max"))


def walk(factors: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Perturb 1,000 times, and give what each step led to."""

    def step(settings: dict, key: jax.Array) -> tuple[dict, dict]:
        settings = perturbation.perturbed(settings, WITHIN, factors, key)
        return settings, settings

    keys = jax.random.split(jax.random.key(0), 1000)
    found = jax.jit(lambda: jax.lax.scan(step, SETTINGS, keys)[1])()
    return jax.tree.map(np.asarray, found)


def test_bounds_are_those_of_the_types() -> None:
    assert WITHIN["discount"] == WITHIN["trace"] == (0.0, 1.0)
    assert WITHIN["learning_rate"] == WITHIN["entropy"] == (TINY, HUGE)


@pytest.mark.parametrize("factors", [(0.8, 1.2), (0.8,), (1.2,), (0.01, 3.0)])
def test_a_thousand_perturbations_stay_within_bounds(
    factors: tuple[float, ...],
) -> None:
    found = walk(factors)
    for name in ("learning_rate", "entropy"):
        assert np.isfinite(found[name]).all()
        assert (found[name] > 0).all()
    for name in ("discount", "trace"):
        assert (found[name] >= 0).all()
        assert (found[name] < 1).all()
    assert len(set(found["discount"].tolist())) > 1
    assert (found["clip"] == SETTINGS["clip"]).all()


@pytest.mark.parametrize("factors", [(0.8, 1.2), (0.8,), (1.2,)])
def test_steps_multiply_by_a_factor(factors: tuple[float, ...]) -> None:
    found = walk(factors)
    rates = np.concatenate([[SETTINGS["learning_rate"]], found["learning_rate"]])[:90]
    gaps = 1 - np.concatenate([[SETTINGS["discount"]], found["discount"]])[:15]
    for values, tolerance in ((rates, 1e-5), (gaps, 1e-2)):
        ratios = values[1:] / values[:-1]
        away = np.abs(ratios[:, None] - np.array(factors))
        assert away.min(1).max() < tolerance
        assert set(away.argmin(1)) == set(range(len(factors)))


def test_what_is_at_its_bound_comes_away_from_it() -> None:
    limits = WITHIN["discount"]
    nearest = float(1 - perturbation.scaled(jnp.float32(1.0), jnp.float32(0.8), limits))
    assert nearest == pytest.approx(CLOSEST, rel=0.05)
    for factor in (0.8, 1.2):
        start = jnp.float32(1 - 2 * CLOSEST)
        moved = 1 - perturbation.scaled(start, jnp.float32(factor), limits)
        assert float(moved) == pytest.approx(2 * CLOSEST * factor, rel=0.05)
    assert perturbation.still(1.0, limits)
    assert not perturbation.still(0.0, limits)
    assert perturbation.still(0.0, WITHIN["learning_rate"])


def test_the_spread_is_log_uniform() -> None:
    keys = jax.random.split(jax.random.key(1), 4000)
    draw = jax.vmap(lambda key: perturbation.spread(SETTINGS, WITHIN, 10.0, key))
    rates = np.asarray(jax.jit(draw)(keys)["learning_rate"])
    powers = np.log10(rates / 1e-3)  # uniform on [−1, 1]
    assert (np.abs(powers) <= 1 + 1e-5).all()
    assert abs(powers.mean()) < 0.04  # 4 standard deviations: 4 · 0.577/√4000
    counts, _ = np.histogram(powers, bins=4, range=(-1, 1))
    assert (abs(counts - 1000) < 120).all()  # 4 · √(4000 · ¼ · ¾) = 110


def test_hyper_parameters_are_drawn_apart() -> None:
    drawn = perturbation.spread(SETTINGS, WITHIN, 2.0, jax.random.key(0))
    ratios = [
        float(drawn[name] / SETTINGS[name]) for name in ("learning_rate", "entropy")
    ]
    assert ratios[0] != pytest.approx(ratios[1])
