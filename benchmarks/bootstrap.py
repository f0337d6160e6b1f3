"""Bootstrap: the CPU time of 1,000 resamples of the two-term law on 245 points.

The bound is 5 s on one core. Beside it, on the same draws and from the same start (the
fit to all points), the same fit by a plain SciPy loop, L-BFGS-B with and without the
gradient, and by the package `chinchilla` where an interpreter that has it is named:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install chinchilla
    python benchmarks/bootstrap.py --points chinchilla_svg_extracted.csv \
        --peer /tmp/peer/bin/python

Peers refit fewer draws, and their time is scaled up. "Reached" is the share of refits
whose loss is within .1 % of the best that any method found for that draw.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

# One core: BLAS reads this when NumPy is first imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import polars as pl
from scipy.optimize import minimize

from allometry import laws
from allometry.laws.arrays import Array
from allometry.laws.parametric import resample
from allometry.laws.parametric.descend import loss
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem

BOUND, DRAWS, DELTA = 5.0, 1000, 1e-3
POINTS = Path(__file__).parents[2] / "shared" / "data" / "chinchilla_svg_extracted.csv"
PEER = Path(__file__).with_name("bootstrap_chinchilla.py")
#: Objectives are scaled so that SciPy's absolute tolerances do not stop it early.
SCALE = 1e4


def seconds() -> float:
    """Give the CPU seconds of this process and of the children it waited for."""
    return sum(os.times()[:4])


def scipy_loop(
    problem: Problem, start: Array, weight: Array, *, gradient: bool
) -> Array:
    """Refit each row of weights by L-BFGS-B, one after another."""

    def objective(theta: Array, own: Array) -> float:
        residual, _ = problem.residuals(theta[None])
        return SCALE * float(loss(residual[0], own, DELTA))

    def with_gradient(theta: Array, own: Array) -> tuple[float, Array]:
        residual, slopes = problem.residuals(theta[None])
        pull = own * np.clip(residual[0], -DELTA, DELTA)
        slope = np.array([(pull * one).sum() for one in slopes])
        return SCALE * float(loss(residual[0], own, DELTA)), SCALE * slope

    return np.array(
        [
            minimize(
                with_gradient if gradient else objective,
                start,
                args=(own,),
                jac=gradient,
                method="L-BFGS-B",
                bounds=list(zip(*problem.bounds, strict=True)),
                options={"maxiter": 2000, "maxfun": 50_000},
            ).x
            for own in weight
        ]
    )


def chinchilla(
    python: str, problem: Problem, start: Array, weight: Array
) -> tuple[Array, float]:
    """Refit by the package, in its own interpreter; give θ and its CPU seconds."""
    inputs, response = problem.inputs, problem.response
    question = {
        "N": inputs["parameters"].tolist(),
        "D": inputs["data"].tolist(),
        "loss": response.tolist(),
        "weight": weight.astype(int).tolist(),
        "start": dict(zip(problem.form.names, start.tolist(), strict=True)),
        "delta": DELTA,
        "scale": SCALE,
    }
    done = subprocess.run(
        [python, str(PEER)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    theta = [problem.theta(one) for one in answer["parameters"]]
    return np.array(theta), answer["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=Path, default=POINTS)
    parser.add_argument("--peer", help="a Python that has the package chinchilla")
    parser.add_argument("--peer-draws", type=int, default=40)
    options = parser.parse_args()
    if not options.points.is_file():
        raise SystemExit(f"There is no {options.points}: name the points' CSV.")
    table = pl.read_csv(options.points).select(
        parameters="Model Size",
        data=pl.col("Training FLOP") / (6 * pl.col("Model Size")),
        loss="loss",
    )
    table = table.with_row_index("point")
    settings = laws.FormSettings(
        delta=DELTA, by="point", interval="bootstrap", resamples=DRAWS
    )
    began = seconds()
    fit = laws.fit("two-term", table, settings=settings)
    whole = seconds() - began

    form = laws.forms["two-term"]
    observations = observe(form, table, settings=settings)
    problem = Problem(form, observations)
    start = problem.theta({name: one.value for name, one in fit.parameters.items()})
    generator = np.random.default_rng(settings.seed)
    weight, _ = resample.weights(observations, settings, generator)
    began = seconds()
    ours = resample.refit(problem, start, weight, DELTA)
    spent = {"allometry": seconds() - began}
    few = weight[: options.peer_draws]
    found = {"allometry": ours[: len(few)]}

    def time(name: str, run: Callable[[], Array]) -> None:
        began = seconds()
        found[name] = run()
        spent[name] = (seconds() - began) * DRAWS / len(few)

    time("SciPy", lambda: scipy_loop(problem, start, few, gradient=False))
    time("SciPy with gradient", lambda: scipy_loop(problem, start, few, gradient=True))
    if options.peer:
        theta, peer = chinchilla(options.peer, problem, start, few)
        found["chinchilla"], spent["chinchilla"] = theta, peer * DRAWS / len(few)
    else:
        print("chinchilla: skipped; name an interpreter that has it with --peer.")
    report(problem, few, found, spent)
    verdict = "within" if whole <= BOUND else "OVER"
    print(
        f"laws.fit with {DRAWS} resamples of {len(table)} points, starts and verdict "
        f"included: {whole:.2f} CPU s, {verdict} the bound of {BOUND:g} s."
    )


def report(
    problem: Problem, weight: Array, found: dict[str, Array], spent: dict[str, float]
) -> None:
    """Print each method's time for all draws, its ratio to ours, what it reached."""
    value = {
        name: loss(problem.residuals(theta)[0], weight, DELTA)
        for name, theta in found.items()
    }
    best = np.min(list(value.values()), axis=0)
    for name, cost in spent.items():
        print(
            f"{name}: {cost:.2f} CPU s for {DRAWS} refits, "
            f"{cost / spent['allometry']:.0f} × ours; "
            f"reached {np.mean(value[name] <= best * 1.001):.0%}"
        )


if __name__ == "__main__":
    main()
