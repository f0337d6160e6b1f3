"""Design: a study that is not yet run: which runs, what they cost, what is guessed.

What is guessed are the constants of the law and the noise; a simulated study takes
them for true.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form
from allometry.laws.form.intrinsic import INTRINSIC
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.simulate import Scenario
from allometry.laws.intrinsic.simulate import simulate as simulate_intrinsic
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal

#: FLOPs per parameter and datum: a forward and a backward pass.
KAPPA = 6.0
#: Performance is half-way up this far, in ln I, below the best of the data.
_HALFWAY = 5.2


@dataclasses.dataclass(frozen=True)
class Design:
    """A study of `form` on `grid`, whose truth is guessed as `guess` and `noise`.

    For the intrinsic law, `noise.luck` and `noise.shared` are in ln I and
    `noise.noise` in performance; for other forms all are in the residual's unit.
    `kappa` (FLOPs per parameter and datum) prices runs of a form that has none itself.
    `halfway` is the ln I at which performance is half-way up (intrinsic law); by
    default such that the best run of this design nearly solves its task.
    """

    form: Form
    guess: Mapping[str, float]
    grid: Grid
    noise: Noise
    kappa: float = KAPPA
    halfway: float | None = None

    @property
    def runs(self) -> int:
        """Number of runs."""
        return self.grid.seeds * len(self.grid.settings())

    @property
    def cost(self) -> float:
        """What all runs cost together, in `unit`."""
        return self.grid.seeds * float(self._cost_of_settings().sum())

    @property
    def unit(self) -> str:
        """Unit of the cost: FLOPs where the form knows sizes or compute."""
        inputs = {item.name: item.unit for item in self.form.inputs}
        if "parameters" in inputs or "compute" in inputs:
            return "FLOPs"
        unit = next(
            (item.unit for item in self.form.inputs if item.name in self.grid.growing),
            self.form.response.unit,
        )
        if unit != "1":
            return unit
        return (
            f"sum of {next(iter(self.grid.growing))}" if self.grid.growing else "runs"
        )

    def simulate(self, generator: np.random.Generator) -> pl.DataFrame:
        """Draw the study as it would come out; the generator is consumed."""
        if self.form.name != INTRINSIC.name:
            return simulate(self.form, self.guess, self.grid, self.noise, generator)
        law = Intrinsic(**self.guess)
        first, last = self.grid.growing["interactions"]
        sizes = self.grid.fixed["parameters"]
        halfway = self.middle() if self.halfway is None else self.halfway
        scenario = Scenario(
            seeds=self.grid.seeds,
            checkpoints=self.grid.checkpoints,
            first_interactions=first,
            interactions=last,
            luck=self.noise.luck,
            shared_luck=self.noise.shared,
            noise=self.noise.noise,
            correlation=self.noise.correlation,
            middle=halfway,
        )
        return simulate_intrinsic(scenario, generator, law, sizes)

    def middle(self) -> float:
        """Give the ln I half-way up a task that the design's best run nearly solves."""
        law, (_, last) = Intrinsic(**self.guess), self.grid.growing["interactions"]
        sizes = np.array(self.grid.fixed["parameters"])
        return float(np.max(law.log_intrinsic(sizes, last))) - _HALFWAY

    def truths(self) -> dict[str, float]:
        """Give the guessed constants, and what follows from them."""
        if self.form.name == INTRINSIC.name:
            law = Intrinsic(**self.guess)
            return {**self.guess, "size_exponent": law.size_exponent}
        values = {name: np.array(value) for name, value in self.guess.items()}
        derived = {
            name: float(one.of(values)) for name, one in self.form.derived.items()
        }
        return {**self.guess, **derived}

    def to_dict(self) -> dict[str, Any]:
        """Give the design as JSON-able values."""
        return {
            "law": self.form.name,
            "guess": dict(self.guess),
            "fixed": {name: list(values) for name, values in self.grid.fixed.items()},
            "growing": {name: list(ends) for name, ends in self.grid.growing.items()},
            "seeds": self.grid.seeds,
            "checkpoints": self.grid.checkpoints if self.grid.growing else 1,
            "runs": self.runs,
            "cost": self.cost,
            "cost_unit": self.unit,
            "noise": dataclasses.asdict(self.noise),
        }

    def _cost_of_settings(self) -> Array:
        """Give the cost of one run of each setting."""
        settings = self.grid.settings()
        inputs = {
            name: np.array([setting[name] for setting in settings])
            for name in self.grid.fixed
        }
        ends = {name: last for name, (_, last) in self.grid.growing.items()}
        inputs |= {name: np.full(len(settings), last) for name, last in ends.items()}
        if "compute" in inputs:
            return inputs["compute"]
        kappa = self.guess.get("kappa", self.kappa)
        if ends:
            size = kappa * inputs["parameters"] if "parameters" in inputs else 1.0
            return np.asarray(size * next(inputs[name] for name in ends))
        if all(item.unit == "1" for item in self.form.inputs):
            return np.ones(len(settings))
        each = {name: np.array([[value]]) for name, value in self.guess.items()}
        response = np.asarray(self.form.predict(inputs, each))
        needed = np.broadcast_to(response, (1, len(settings)))[0]
        if "parameters" not in inputs:
            return np.asarray(needed)
        updates = inputs.get("updates_per_interaction", np.ones(len(settings)))
        return np.asarray(kappa * inputs["parameters"] * updates * needed)


def with_given(usual: Noise, given: Mapping[str, float]) -> Noise:
    """Put the noise that is given in place of what is usual; refuse what is none."""
    for name, value in given.items():
        if name not in ("luck", "shared", "noise", "correlation"):
            raise Refusal(
                f"There is no noise {name!r}; there are luck, shared, noise and "
                "correlation."
            )
        most = 1.0 if name == "correlation" else np.inf
        if not 0 <= value < most:
            raise Refusal(
                f"The noise {name} is {value:g}: give a number of at least 0"
                + (" and below 1." if name == "correlation" else ".")
            )
    return Noise(**{**_fields(usual), **given}, plateau=usual.plateau)


def _fields(noise: Noise) -> dict[str, float]:
    return {
        "luck": noise.luck,
        "shared": noise.shared,
        "noise": noise.noise,
        "correlation": noise.correlation,
    }
