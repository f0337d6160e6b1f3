"""Simulate: studies from a known truth, to test estimators and to plan.

A run of size N has ln I from the law at the truth plus its luck; its performance is
a saturating response to ln I plus noise that is correlated along the curve. The
scenarios are the ways in which real studies depart from that.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.intrinsic.law import Intrinsic

#: α_N .7, α_E .5 (size exponent .417); at 60,000 interactions a size of 3,000 is best.
TRUTH = Intrinsic(alpha_N=0.7, alpha_E=0.5, N_c=6e-2, kappa=50.0)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """How a simulated study is made; the defaults are the base case.

    `luck` is the standard deviation of a run's offset in ln I, `shared_luck` of one
    that all runs of a size share; `noise` of the performance at a checkpoint, with
    correlation `correlation` from one to the next. `plateau` is the stretch of ln I
    over which the response nearly stands still, half-way up. With probability
    `collapse` a run, once past `collapse_level`, falls by a depth drawn from
    `collapse_depth`. Checkpoints go from `first_interactions` to `interactions`, and
    `middle` is the ln I at which performance is half-way up.
    """

    sizes: int = 8
    seeds: int = 3
    checkpoints: int = 40
    smallest: float = 300.0
    largest: float = 40_000.0
    interactions: float = 1e6
    luck: float = 0.25
    shared_luck: float = 0.0
    noise: float = 0.02
    correlation: float = 0.7
    plateau: float = 0.0
    collapse: float = 0.0
    collapse_depth: tuple[float, float] = (0.2, 0.6)
    collapse_level: float = 0.93
    first_interactions: float = 1_000.0
    middle: float = 22.5


SCENARIOS: dict[str, Scenario] = {
    "base": Scenario(),
    "noisy": Scenario(noise=0.04),
    "plateau": Scenario(plateau=2.0),
    "sizes 8 × too big": Scenario(smallest=2_400.0, largest=320_000.0),
    "sizes 30 × too big": Scenario(smallest=9_000.0, largest=1_200_000.0),
    "shared offset .15": Scenario(shared_luck=0.15),
    "shared offset .30": Scenario(shared_luck=0.30),
    "runs collapse": Scenario(collapse=0.5),
    "4 sizes": Scenario(sizes=4, smallest=700.0, largest=20_000.0),
    "4 sizes, 5 × apart": Scenario(sizes=4),
}

CHANCE = 0.1
#: Width of the response, in ln I.
_WIDTH = 2.0


def simulate(
    scenario: Scenario,
    generator: np.random.Generator,
    truth: Intrinsic = TRUTH,
    sizes: Sequence[float] | None = None,
) -> pl.DataFrame:
    """Simulate a study as a tidy frame, one row per (run, checkpoint).

    Columns: run, parameters, seed, interactions, compute (FLOPs), performance, status.
    `sizes` are in parameters, by default as the scenario spaces them. The generator is
    consumed.
    """
    if sizes is None:
        sizes = np.geomspace(
            scenario.smallest, scenario.largest, scenario.sizes
        ).tolist()
    frames = []
    for size in np.round(sizes):
        shared = generator.normal(0.0, scenario.shared_luck)
        for seed in range(scenario.seeds):
            offset = shared + generator.normal(0.0, scenario.luck)
            frames.append(_run(scenario, truth, size, seed, offset, generator))
    return pl.concat(frames)


def response(
    log_intrinsic: Array, plateau: float = 0.0, middle: float = Scenario.middle
) -> Array:
    """Give the expected performance at ln I: from chance .1, saturating at 1.

    R = .1 + .9 / (1 + exp(−x)), x = (ln I − middle) / 2, so that the odds of failure
    fall as I^−.5, near what Hilton et al. report for CoinRun; with a plateau, a
    stretch of that many log units around the middle on which R rises a tenth as fast.
    """
    distance = log_intrinsic - middle
    inside = np.clip(distance, -plateau / 2, plateau / 2)
    logit = (distance - 0.9 * inside) / _WIDTH
    return np.asarray(CHANCE + (1 - CHANCE) / (1 + np.exp(-logit)))


def _run(
    scenario: Scenario,
    truth: Intrinsic,
    size: float,
    seed: int,
    offset: float,
    generator: np.random.Generator,
) -> pl.DataFrame:
    interactions = np.round(
        np.geomspace(
            scenario.first_interactions, scenario.interactions, scenario.checkpoints
        )
    )
    log_intrinsic = truth.log_intrinsic(size, interactions) + offset
    performance = response(log_intrinsic, scenario.plateau, scenario.middle)
    if generator.random() < scenario.collapse:
        performance = _collapse(performance, scenario, generator)
    performance = performance + _correlated_noise(scenario, generator)
    return pl.DataFrame(
        {
            "run": f"{size:.0f}-{seed}",
            "parameters": int(size),
            "seed": seed,
            "interactions": interactions.astype(np.int64),
            "compute": truth.kappa * size * interactions,
            "performance": np.clip(performance, 0.0, 1.0),
            "status": "done",
        }
    )


def _collapse(
    performance: Array, scenario: Scenario, generator: np.random.Generator
) -> Array:
    """Let a run that passes the level fall by a random depth over ten checkpoints."""
    depth = generator.uniform(*scenario.collapse_depth)
    past = np.cumsum(performance > scenario.collapse_level)
    return np.asarray(performance - depth * np.clip(past / 10, 0.0, 1.0))


def _correlated_noise(scenario: Scenario, generator: np.random.Generator) -> Array:
    """Draw AR(1) noise xₜ = ρ xₜ₋₁ + √(1 − ρ²) εₜ with a constant variance."""
    innovations = generator.normal(0.0, scenario.noise, scenario.checkpoints)
    noise = np.empty(scenario.checkpoints)
    noise[0] = innovations[0]
    share = np.sqrt(1 - scenario.correlation**2)
    for t in range(1, scenario.checkpoints):
        noise[t] = scenario.correlation * noise[t - 1] + share * innovations[t]
    return noise
