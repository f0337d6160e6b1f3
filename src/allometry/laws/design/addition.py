"""Additions: which runs would halve an interval of a study that has been run.

The study as it is, and with each addition, is simulated from its own law and fitted.
The luck of runs is scaled first so that the simulated interval is about as wide as the
study's own. An intrinsic study is simulated as one of a score from .1 to 1 whose best
run nearly solves the task.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.design.assessment import assess, spread, target
from allometry.laws.design.design import Design, with_given
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.laws.parametric.simulate import Grid, Noise
from allometry.refusal import Refusal

#: What is asked for: an interval this share as wide.
HALF = 0.5
_LEAST_NOISE = 1e-3
#: The guessed luck is scaled by at least and at most so much.
_SCALED = (0.2, 5.0)
#: Draws of the bootstrap of a ratio.
_DRAWS = 200


@dataclasses.dataclass(frozen=True)
class Addition:
    """Runs to add: what they are, their number and cost, and what they would do.

    `cost` is in units of the study's own cost; `ratio` is the interval's width with
    them over its width without, `low` and `high` the 90 % interval of that ratio, from
    a bootstrap of the simulated studies; `identified` the share of these that would
    identify the law.
    """

    what: str
    runs: int
    cost: float
    ratio: float
    low: float
    high: float
    identified: float


@dataclasses.dataclass(frozen=True)
class Additions:
    """What could be added to a study, for the interval of `constant`.

    `value`, `low` and `high` are of the study as it is; `simulated` says how often its
    like identifies the law.
    """

    constant: str
    value: float
    low: float
    high: float
    simulated: float
    additions: tuple[Addition, ...]
    notes: tuple[str, ...]

    @property
    def best(self) -> Addition | None:
        """The cheapest addition that halves the interval; None if none does."""
        good = [one for one in self.additions if one.ratio <= HALF]
        return min(good, key=lambda one: one.cost, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Give the additions as JSON-able values."""
        return {
            "constant": self.constant,
            "interval": [_finite(x) for x in (self.value, self.low, self.high)],
            "identified_as_it_is": self.simulated,
            "additions": [
                {name: _finite(x) for name, x in dataclasses.asdict(one).items()}
                for one in self.additions
            ],
            "cheapest_that_halves": None if self.best is None else self.best.what,
            "notes": list(self.notes),
        }


def additions(
    fit: Fit,
    generator: np.random.Generator,
    *,
    constant: str | None = None,
    studies: int = 20,
    noise: Mapping[str, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Additions:
    """Simulate what could be added to the study of a fit, cheapest first.

    `constant` is the one whose interval is to be halved; by default how the best size
    grows, else the form's first exponent. Raises `Refusal` for a fit whose design is
    not known, or that has no such constant.
    """
    if fit.form is None or not fit.points:
        raise Refusal("This fit holds no points, so that its study is not known.")
    name = constant or target(fit.form)
    found = {**fit.parameters, **fit.derived}
    design = _design(fit, fit.form, noise or {})
    if name not in design.truths() or name not in found or name == "kappa":
        raise Refusal(
            f"The law has no constant {name!r} with an interval to halve; it has: "
            f"{', '.join(key for key in design.truths() if key != 'kappa')}."
        )
    options = _options(design)
    done, total = 0, studies * (len(options) + 2)

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    seed = int(generator.integers(2**63))

    def simulated(one: Design) -> tuple[Array, float]:
        # The same luck for all, so that their comparison has less of it.
        found = assess(one, studies, np.random.default_rng(seed), tick)
        none = (float("nan"),) * studies
        return np.array(found[name].widths or none), found.identified

    mine = found[name]
    have = float(spread(mine.low, mine.high, fit.form, name))
    if form_noise := _louder(design, have, simulated, noise or {}):
        design = form_noise
        options = _options(design)
    widths, identified = simulated(design)
    tried = []
    for what, option in options.items():
        wide, often = simulated(option)
        ratio, low, high = _ratio(wide, widths, np.random.default_rng(seed))
        more = option.runs if "longer" in what else option.runs - design.runs
        extra = option.cost if "longer" in what else option.cost - design.cost
        tried.append(Addition(what, more, extra / design.cost, ratio, low, high, often))
    tried.sort(key=lambda one: one.cost)
    return Additions(
        constant=name,
        value=mine.value,
        low=mine.low,
        high=mine.high,
        simulated=identified,
        additions=tuple(tried),
        notes=tuple(_notes(fit, have, widths)),
    )


def _design(fit: Fit, form: Form, noise: Mapping[str, float]) -> Design:
    """Read a study's design, law and noise off its fit."""
    guess = {name: one.value for name, one in fit.parameters.items()}
    if not all(np.isfinite(value) for value in guess.values()):
        raise Refusal("The fit has no finite constants to simulate from.")
    data = fit.card["data"]
    points = {name: np.asarray(values) for name, values in fit.points.items()}
    fixed = [item.name for item in form.inputs if item.fixed]
    growing = [item.name for item in form.inputs if not item.fixed]
    levels = {name: tuple(np.unique(points[name]).tolist()) for name in fixed}
    if form.name == "intrinsic":
        sizes = tuple(float(size) for size in data["sizes"])
        last = float(data["range"]["E"][1])
        count = max(int(data["checkpoints"] / len(sizes)), 2)
        seeds = max(1, round(float(np.median(data["seeds_per_size"]))))
        grid = Grid(
            {"parameters": sizes}, {"interactions": (last / 1e3, last)}, count, seeds
        )
        usual = Noise(luck=0.25, noise=0.02)
    else:
        rows = len(points[form.response.name])
        if rows < 2 * int(data.get("runs", rows)):
            # A row per run is no curve: each run has one value of every input.
            fixed, growing = [*fixed, *growing], []
            levels = {name: tuple(np.unique(points[name]).tolist()) for name in fixed}
        settings = _settings([points[name] for name in fixed])
        runs = max(int(data.get("runs", rows)), settings)
        ends = {
            name: (float(points[name].min()), float(points[name].max()))
            for name in growing
            if np.ptp(points[name]) > 0
        }
        count = max(rows // runs, 2) if ends else 1
        grid = Grid(levels, ends, count, max(1, round(runs / settings)))
        each = max(fit.spread, _LEAST_NOISE) / np.sqrt(2)
        usual = Noise(luck=float(each), noise=float(each))
    design = Design(form, guess, grid, with_given(usual, noise))
    if form.name == "intrinsic":
        # What is added changes the study, not the task.
        design = dataclasses.replace(design, halfway=design.middle())
    return design


def _louder(
    design: Design,
    have: float,
    simulated: Callable[[Design], tuple[Array, float]],
    given: Mapping[str, float],
) -> Design | None:
    """Scale the luck of runs so that the simulated interval is as wide as the own.

    None where the luck is given, or nothing can be told.
    """
    if "luck" in given:
        return None
    width = _median(simulated(design)[0])
    if not (np.isfinite(width) and width > 0 and np.isfinite(have) and have > 0):
        return None
    times = float(np.clip(have / width, *_SCALED))
    noise = dataclasses.replace(design.noise, luck=design.noise.luck * times)
    return dataclasses.replace(design, noise=noise)


def _ratio(
    wide: Array, widths: Array, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Give the ratio of median widths; 90 % interval from drawing studies in pairs."""
    ratio = _median(wide) / _median(widths)
    rows = generator.integers(len(widths), size=(_DRAWS, len(widths)))
    with np.errstate(all="ignore"):
        drawn = np.array([_median(wide[row]) / _median(widths[row]) for row in rows])
    low, high = (
        np.nanquantile(drawn, (0.05, 0.95))
        if np.isfinite(drawn).any()
        else (np.nan, np.nan)
    )
    return ratio, float(low), float(high)


def _median(widths: Array) -> float:
    known = widths[np.isfinite(widths)]
    return float(np.median(known)) if len(known) else float("nan")


def _settings(columns: Sequence[Array]) -> int:
    """Count the settings of the inputs that a run has one of."""
    return len(np.unique(np.stack(columns), axis=1).T) if columns else 1


def _options(design: Design) -> dict[str, Design]:
    """Give what could be added, by what it is."""
    grid = design.grid
    found: dict[str, Grid] = {}
    for times in (2, 4):
        seeds = grid.seeds * times
        found[f"{seeds} seeds instead of {grid.seeds}"] = dataclasses.replace(
            grid, seeds=seeds
        )
    for name, values in grid.fixed.items():
        if len(values) < 2:
            continue
        logs = np.log(values)
        between = np.exp((logs[1:] + logs[:-1]) / 2)
        step = float((logs[-1] - logs[0]) / (len(values) - 1))
        below = tuple(float(np.exp(logs[0] - step * k)) for k in (2, 1))
        above = tuple(float(np.exp(logs[-1] + step * k)) for k in (1, 2))
        denser = tuple(sorted((*values, *between.tolist())))
        twice = grid.seeds * 2
        for what, chosen, seeds in (
            ("1 between each 2", denser, grid.seeds),
            (f"2 smaller, to {below[0]:.3g}", (*below, *values), grid.seeds),
            (f"2 larger, to {above[1]:.3g}", (*values, *above), grid.seeds),
            ("1 between each 2", denser, twice),
            (f"2 smaller, to {below[0]:.3g}", (*below, *values), twice),
            ("2 at each end", (*below, *values, *above), twice),
        ):
            fixed = {**grid.fixed, name: chosen}
            also = "" if seeds == grid.seeds else f"; {seeds} seeds"
            found[f"{name}: {what}{also}"] = dataclasses.replace(
                grid, fixed=fixed, seeds=seeds
            )
    for name, (first, last) in grid.growing.items():
        found[f"all runs 4 times longer, to {4 * last:.3g}"] = dataclasses.replace(
            grid, growing={name: (first, 4 * last)}
        )
    return {what: dataclasses.replace(design, grid=one) for what, one in found.items()}


def _notes(fit: Fit, have: float, widths: Array) -> list[str]:
    said = []
    width = _median(widths)
    if not fit.identified:
        said.append(
            "The law is not identified, and what is simulated takes its constants for "
            "true: read the shares that would identify it before the intervals."
        )
    if np.isfinite(width) and not 1 / 3 < have / width < 3:
        said.append(
            f"Simulated, the study's interval is {width / have:.2g} times as wide as "
            "its own: the simulation is unlike it, and these ratios are rough."
        )
    return said


def _finite(value: Any) -> Any:
    """Give null for a number that JSON cannot write."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
