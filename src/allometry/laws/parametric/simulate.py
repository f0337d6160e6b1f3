"""Simulate: studies of any form from a known truth, to test intervals and to plan.

A run's response is the form's at the truth, moved by the run's luck, by luck that all
runs of one setting share (a learning rate that does not suit it), and by noise that is
correlated along the curve: all in the unit of the form's residual.
"""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form


@dataclasses.dataclass(frozen=True)
class Grid:
    """A study's design.

    `fixed` are the values of the inputs that a run has one of, crossed; `growing` the
    first and last value of the input that grows along a curve, which has `checkpoints`,
    log-spaced, and `seeds` runs per setting. Without `growing`, a run is one row.
    """

    fixed: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    growing: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    checkpoints: int = 40
    seeds: int = 3

    def settings(self) -> list[dict[str, float]]:
        """Give every combination of the fixed inputs."""
        combined = itertools.product(*self.fixed.values())
        return [dict(zip(self.fixed, values, strict=True)) for values in combined]


@dataclasses.dataclass(frozen=True)
class Noise:
    """Standard deviations in the residual's unit.

    `luck` of a run's offset, `shared` of the offset of all runs of a setting, `noise`
    of a checkpoint, with `correlation` from one to the next. Over the stretch `plateau`
    of the curve (two shares of its length in log x), the response stands still.
    """

    luck: float = 0.05
    shared: float = 0.0
    noise: float = 0.02
    correlation: float = 0.7
    plateau: tuple[float, float] | None = None


def simulate(
    form: Form,
    values: Mapping[str, float],
    grid: Grid,
    noise: Noise,
    generator: np.random.Generator,
) -> pl.DataFrame:
    """Simulate a study: columns run, seed, the form's inputs and response, status.

    The generator is consumed.
    """
    frames = []
    for number, setting in enumerate(grid.settings()):
        shared = generator.normal(0.0, noise.shared)
        for seed in range(grid.seeds):
            inputs = _inputs(grid, setting)
            response = _response(form, values, inputs, noise)
            offset = shared + generator.normal(0.0, noise.luck)
            moved = offset + _along_curve(noise, len(response), generator)
            if form.residual == "log":
                response = response * np.exp(moved)
            else:
                response = response + moved
            columns = {**inputs, form.response.name: response}
            about = {"run": f"{number}-{seed}", "seed": seed, "status": "done"}
            frames.append(pl.DataFrame(columns).with_columns(**_literals(about)))
    return pl.concat(frames)


def _literals(about: Mapping[str, object]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in about.items()}


def _inputs(grid: Grid, setting: Mapping[str, float]) -> dict[str, Array]:
    curves = {
        name: np.geomspace(low, high, grid.checkpoints)
        for name, (low, high) in grid.growing.items()
    }
    length = grid.checkpoints if curves else 1
    return {**{name: np.full(length, x) for name, x in setting.items()}, **curves}


def _response(
    form: Form, values: Mapping[str, float], inputs: dict[str, Array], noise: Noise
) -> Array:
    """Give the form's response; on a plateau, that of the plateau's beginning."""
    if noise.plateau is not None and len(next(iter(inputs.values()))) > 1:
        place = np.arange(len(next(iter(inputs.values()))))
        first, last = (round(share * (len(place) - 1)) for share in noise.plateau)
        place[(place >= first) & (place <= last)] = first
        inputs = {name: x[place] for name, x in inputs.items()}
    each = {name: np.array([[value]]) for name, value in values.items()}
    return np.asarray(np.broadcast_to(form.predict(inputs, each)[0], _shape(inputs)))


def _shape(inputs: Mapping[str, Array]) -> tuple[int, ...]:
    return next(iter(inputs.values())).shape


def _along_curve(noise: Noise, length: int, generator: np.random.Generator) -> Array:
    """Draw AR(1) noise xₜ = ρ xₜ₋₁ + √(1 − ρ²) εₜ with a constant variance."""
    innovations = generator.normal(0.0, noise.noise, length)
    drawn = np.empty(length)
    drawn[0] = innovations[0]
    share = np.sqrt(1 - noise.correlation**2)
    for t in range(1, length):
        drawn[t] = noise.correlation * drawn[t - 1] + share * innovations[t]
    return drawn
