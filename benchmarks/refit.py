"""Refit: the CPU time of 1,000 warm-started refits of a law of 8 sizes × 40 points.

A refit is what the jackknife and every profile are made of: points have moved a
little, the constants start from the last fit. The bound is 4 s on one core for 1,000.
Beside it, interleaved, the same objective by a plain SciPy loop: Nelder–Mead, and
L-BFGS-B with finite differences.

    python benchmarks/refit.py
"""

import argparse
import os
import time
from collections.abc import Callable

# One core: BLAS reads this when NumPy is first imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from scipy.optimize import minimize

from allometry.laws.arrays import Array
from allometry.laws.intrinsic.estimate import BOUNDS, Objective, minimise, search
from allometry.laws.intrinsic.simulate import TRUTH, response

BOUND = 4.0


def objectives(count: int, generator: np.random.Generator) -> list[Objective]:
    """Draw noisy versions of one law's 8 × 40 points."""
    size = np.repeat(np.geomspace(300.0, 40_000.0, 8), 40)
    interactions = np.tile(np.geomspace(16_000.0, 1e6, 40), 8)
    log_intrinsic = TRUTH.log_intrinsic(size, interactions)
    weight = np.ones(size.shape)
    drawn = []
    for _ in range(count):
        luck = np.repeat(generator.normal(0.0, 0.15, 8), 40)
        noisy = log_intrinsic + luck + generator.normal(0.0, 0.05, size.shape)
        drawn.append(Objective(size, interactions, response(noisy), weight))
    return drawn


def ours(objective: Objective, start: Array) -> float:
    return minimise(objective, start).value


def nelder_mead(objective: Objective, start: Array) -> float:
    found = minimize(
        lambda theta: objective(theta)[0],
        start,
        method="Nelder-Mead",
        bounds=BOUNDS,
        options={"xatol": 1e-4, "fatol": 1e-8},
    )
    return float(found.fun)


def finite_differences(objective: Objective, start: Array) -> float:
    scale = objective(start)[0]
    found = minimize(
        lambda theta: objective(theta)[0] / scale,
        start,
        method="L-BFGS-B",
        bounds=BOUNDS,
    )
    return float(found.fun) * scale


METHODS: dict[str, Callable[[Objective, Array], float]] = {
    "allometry": ours,
    "Nelder–Mead": nelder_mead,
    "L-BFGS-B, finite differences": finite_differences,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refits", type=int, default=1000)
    options = parser.parse_args()
    drawn = objectives(options.refits, np.random.default_rng(0))
    start = search(drawn[0]).best.theta
    seconds = dict.fromkeys(METHODS, 0.0)
    values: dict[str, list[float]] = {name: [] for name in METHODS}
    for objective in drawn:
        for name, method in METHODS.items():
            began = time.process_time()
            values[name].append(method(objective, start))
            seconds[name] += time.process_time() - began
    best = np.min(list(values.values()), axis=0)
    for name in METHODS:
        reached = np.mean(np.array(values[name]) < best * 1.001)
        print(
            f"{name}: {seconds[name]:.2f} CPU s for {options.refits} refits, "
            f"{seconds[name] / seconds['allometry']:.1f} × ours; "
            f"{reached:.1%} within .1 % of the best"
        )
    limit = BOUND * options.refits / 1000
    verdict = "within" if seconds["allometry"] <= limit else "OVER"
    print(f"allometry is {verdict} the bound of {limit:g} s.")


if __name__ == "__main__":
    main()
