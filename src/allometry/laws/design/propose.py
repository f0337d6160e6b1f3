"""Plan: the design that tells a law best within a budget.

Candidates differ in how many sizes (or starts of a curve) and seeds share the budget,
and in how far the sizes reach around the one that is best at the end. Each is simulated
a few times, and the best of them many times.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from allometry.laws.allocation import TwoTerm
from allometry.laws.design.assessment import Assessment, assess, target
from allometry.laws.design.design import KAPPA, Design, with_given
from allometry.laws.form.form import Form
from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.parametric.simulate import Grid, Noise
from allometry.refusal import Refusal

#: Simulated studies of each candidate before the best are looked at again.
SCREENING = 4
#: The smallest size is this factor below the size that is best at the end of training,
#: and the largest this factor above it.
SPANS = ((64.0, 2.0), (32.0, 4.0), (128.0, 8.0))
SIZES, SEEDS = (6, 8, 10), (3, 5)
#: The first checkpoint of a curve is this factor before its end.
STRETCHES = (1e2, 1e3, 1e4)
CHECKPOINTS = 40
#: Seeds that a budget buys at most, and that may be asked for.
_MOST_SEEDS, MOST_SEEDS = 10, 1000
_BISECTIONS = 100

#: What is taken for true without a guess, and whose it is.
GUESSES: Mapping[str, tuple[Mapping[str, float], str]] = {
    "intrinsic": (
        {"alpha_N": 0.7, "alpha_E": 0.5, "N_c": 6e-2, "kappa": 50.0},
        "a task like the digits of the quickstart",
    ),
    "two-term": (
        {"E": 1.8172, "A": 482.0, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658},
        "Chinchilla's constants as fitted anew by Besiroglu et al. 2024",
    ),
}
#: Noise of a run and of a checkpoint without a guess: shares of a score's range; in
#: the logarithm of a response, and of a loss; in ln I and performance, as in digits.
_LINEAR, _LOG, _LOSS = 0.02, 0.05, 0.01
_INTRINSIC = Noise(luck=0.25, noise=0.02)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The best design found, the others, and what was taken for granted."""

    best: Assessment
    others: tuple[Assessment, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as JSON-able values."""
        return {
            **self.best.to_dict(),
            "others": [one.to_dict() for one in self.others],
            "notes": list(self.notes),
        }


def plan(
    law: str | Form,
    generator: np.random.Generator,
    *,
    budget: float | None = None,
    guess: Mapping[str, float] | None = None,
    grid: Mapping[str, Sequence[float]] | None = None,
    noise: Mapping[str, float] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | None = None,
    checkpoints: int = CHECKPOINTS,
    studies: int = 40,
    kappa: float = KAPPA,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Propose sizes, seeds and checkpoints, and simulate how well they would do.

    `budget` is what all runs may cost together (`Design.unit`). `guess` are constants
    of the law, `noise` fields of `Noise`. `grid` fixes inputs: the values of those that
    a run has one of, first and last value of the one that grows. `progress` is told how
    many studies are simulated, and of how many.

    Raises:
        Refusal: an unknown constant or input, one that is missing, or a budget that
            buys nothing.
    """
    form = forms.find(law, columns)
    notes: list[str] = []
    truth = _truth(form, dict(guess or {}), notes)
    given = _checked_grid(form, grid or {})
    if budget is not None and not (budget > 0 and np.isfinite(budget)):
        raise Refusal(f"The budget is {budget:g}: give a finite number above 0.")
    if not (kappa > 0 and np.isfinite(kappa)):
        raise Refusal(f"kappa is {kappa:g}: give a finite number above 0 (--kappa).")
    if seeds is not None and not 1 <= seeds <= MOST_SEEDS:
        raise Refusal(f"{seeds} seeds: give a number from 1 to {MOST_SEEDS} (--seeds).")
    base = Design(form, truth, Grid({}, {}, checkpoints), Noise(), kappa)
    candidates = _candidates(base, given, budget, seeds)
    loud = _noise(form, truth, candidates[0], dict(noise or {}))
    candidates = [dataclasses.replace(one, noise=loud) for one in candidates]
    if budget is not None and min(one.cost for one in candidates) > budget * 1.01:
        least = min(candidates, key=lambda one: one.cost)
        raise Refusal(
            f"The budget of {budget:.3g} {base.unit} does not buy the smallest of the "
            f"studies ({least.runs} runs, {least.cost:.3g}): raise it, or give a "
            "smaller --grid or fewer --seeds."
        )
    if budget is not None:
        candidates = [one for one in candidates if one.cost <= budget * 1.01]
    done, total = 0, studies + (len(candidates) > 1) * SCREENING * len(candidates)

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    others: list[Assessment] = []
    if len(candidates) > 1:
        others = [assess(one, SCREENING, generator, tick) for one in candidates]
        others.sort(key=_rank)
    chosen = others[0].design if others else candidates[0]
    best = assess(chosen, studies, generator, tick)
    notes += [_noise_said(form, loud), *_doubts(best)]
    return Plan(best, tuple(others), tuple(notes))


def _rank(one: Assessment) -> tuple[float, float]:
    """Rank designs: identified more often first, then by the narrower interval."""
    return -one.identified, one[target(one.design.form)].width


def _truth(form: Form, guess: dict[str, float], notes: list[str]) -> dict[str, float]:
    for name in guess:
        if name not in form.names:
            raise Refusal(
                f"The form {form.name!r} has no constant {name!r}; it has: "
                f"{', '.join(form.names)}."
            )
    default, whose = GUESSES.get(form.name, ({}, ""))
    missing = [name for name in form.names if name not in {**default, **guess}]
    if missing:
        one = next(item for item in form.parameters if item.name == missing[0])
        raise Refusal(
            f"A study of {form.name!r} is simulated from a rough guess, and "
            f"{missing[0]!r} ({one.meaning}) has none: give a guess of each of "
            f"{', '.join(missing)}."
        )
    if set(default) - set(guess):
        notes.append(f"What is not guessed is taken from {whose}.")
    found = {name: float({**default, **guess}[name]) for name in form.names}
    for one in form.parameters:
        value = found[one.name]
        if not np.isfinite(value) or (one.positive and value <= 0 and not one.optional):
            raise Refusal(
                f"The guess of {one.name} is {value:g}: give a finite number"
                + (" above 0." if one.positive else ".")
            )
    return found


def _checked_grid(
    form: Form, grid: Mapping[str, Sequence[float]]
) -> dict[str, tuple[float, ...]]:
    inputs = {item.name: item for item in form.inputs}
    found = {}
    for name, values in grid.items():
        if name not in inputs:
            raise Refusal(
                f"The form {form.name!r} has no input {name!r}; it has: "
                f"{', '.join(inputs)}."
            )
        numbers = tuple(sorted(float(value) for value in values))
        if not all(np.isfinite(x) and x > 0 for x in numbers):
            raise Refusal(f"The grid's {name} holds a number that is not above 0.")
        if not inputs[name].fixed and (len(numbers) != 2 or numbers[0] == numbers[1]):
            raise Refusal(
                f"{name} grows along a curve: give its first and last value, such as "
                f"{name}=1e3,1e7."
            )
        found[name] = numbers
    return found


def _candidates(
    base: Design,
    given: Mapping[str, tuple[float, ...]],
    budget: float | None,
    seeds: int | None,
) -> list[Design]:
    """Give the designs to compare, priced to the budget."""
    fixed = [item.name for item in base.form.inputs if item.fixed]
    growing = [item.name for item in base.form.inputs if not item.fixed]
    if fixed == ["parameters"] and len(growing) == 1 and "parameters" not in given:
        if budget is None:
            raise Refusal(
                "Say what may be spent: --budget 1e13 (FLOPs of all runs together)."
            )
        return _sized(base, growing[0], given.get(growing[0]), budget, seeds)
    missing = [name for name in fixed if name not in given]
    if missing:
        raise Refusal(
            f"Which values of {missing[0]} can be run is yours to say: --grid "
            f"{missing[0]}=1,2,4,8."
        )
    chosen = {name: given[name] for name in fixed}
    if not growing:
        return [_afforded(base, Grid(chosen, {}), budget, seeds)]
    if growing[0] in given:
        first, last = given[growing[0]]
        ends = {growing[0]: (first, last)}
        grid = Grid(chosen, ends, base.grid.checkpoints)
        return [_afforded(base, grid, budget, seeds)]
    if budget is None:
        raise Refusal(
            f"Say how far curves go, --grid {growing[0]}=1e3,1e7, or what may be "
            "spent: --budget."
        )
    return _stretched(base, growing[0], chosen, budget, seeds)


def _afforded(
    base: Design, grid: Grid, budget: float | None, seeds: int | None
) -> Design:
    """Give a grid as many seeds as are asked for, or as the budget buys."""
    one = dataclasses.replace(base, grid=dataclasses.replace(grid, seeds=1))
    count = seeds or 3
    if seeds is None and budget is not None:
        count = int(np.clip(budget / one.cost, 1, _MOST_SEEDS))
    return dataclasses.replace(one, grid=dataclasses.replace(grid, seeds=count))


def _stretched(
    base: Design,
    along: str,
    fixed: dict[str, tuple[float, ...]],
    budget: float,
    seeds: int | None,
) -> list[Design]:
    """Give designs of one growing input: its cost is its last value."""
    found = []
    for count in (seeds,) if seeds else (*SEEDS, 8):
        one = Grid(fixed, {along: (1.0, 1.0)}, base.grid.checkpoints, count)
        unit = dataclasses.replace(base, grid=one).cost
        for stretch in STRETCHES:
            last = budget / unit
            grid = dataclasses.replace(one, growing={along: (last / stretch, last)})
            found.append(dataclasses.replace(base, grid=grid))
    return found


def _sized(
    base: Design,
    along: str,
    ends: tuple[float, ...] | None,
    budget: float,
    seeds: int | None,
) -> list[Design]:
    """Give designs of sizes that reach around the size that is best at the end."""
    found = []
    stretch = ends[1] / ends[0] if ends else 1e3
    for down, up in SPANS:
        for count in SIZES:
            for each in (seeds,) if seeds else SEEDS:

                def design(
                    last: float, down: float = down, up: float = up,
                    count: int = count, each: int = each,
                ) -> Design:  # fmt: skip
                    best = _matched_size(base, last)
                    sizes = np.geomspace(best / down, best * up, count)
                    grid = Grid(
                        {"parameters": tuple(float(f"{x:.3g}") for x in sizes)},
                        {along: (last / stretch, last)},
                        base.grid.checkpoints,
                        each,
                    )
                    return dataclasses.replace(base, grid=grid)

                last = ends[1] if ends else _last(design, budget)
                found.append(design(float(f"{last:.3g}")))
    return found


def _last(design: Callable[[float], Design], budget: float) -> float:
    """Find how long runs may be for their study to cost the budget, by bisection."""
    low, high = 0.0, float(np.log(budget))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if design(float(np.exp(middle))).cost > budget:
            high = middle
        else:
            low = middle
    return float(np.exp(low))


def _matched_size(base: Design, last: float) -> float:
    """Find the size that is best for the compute with which it gets `last` data."""
    if base.form.name == "intrinsic":
        law: Intrinsic | TwoTerm = Intrinsic(**base.guess)
    else:
        law = TwoTerm(**base.guess, kappa=base.kappa)
    low, high = -50.0, 250.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if law.optimal_interactions(np.exp(middle)) > last:
            high = middle
        else:
            low = middle
    return float(law.optimal_size(np.exp(low)))


def _noise(
    form: Form, truth: Mapping[str, float], design: Design, given: dict[str, float]
) -> Noise:
    """Give the noise that is guessed, and where nothing is, what is usual."""
    each = _LOSS if form.name == "two-term" else _LOG
    usual = Noise(luck=each, noise=each)
    if form.name == "intrinsic":
        usual = _INTRINSIC
    elif form.residual == "linear":
        quiet = dataclasses.replace(design, noise=Noise(luck=0.0, noise=0.0))
        drawn = quiet.simulate(np.random.default_rng(0))[form.response.name]
        span = _LINEAR * float(np.ptp(drawn.to_numpy()))
        usual = Noise(luck=span, noise=span)
    return with_given(usual, given)


def _noise_said(form: Form, noise: Noise) -> str:
    """Say which noise was taken for true, in its unit."""
    unit = f"ln {form.response.name}" if form.residual == "log" else form.response.name
    run = f"{noise.luck:.3g} in {unit}"
    each = f"{noise.noise:.3g}"
    if form.name == "intrinsic":
        run, each = f"{noise.luck:.3g} in ln I", f"{noise.noise:.3g} in performance"
    return f"Noise taken: runs differ by {run}, checkpoints by {each}; see --noise."


def _doubts(best: Assessment) -> list[str]:
    said = []
    if best.identified < 0.9:
        said.append(
            f"Of the simulated studies {best.identified:.0%} would identify the law: "
            "what tells it is " + best.design.form.identifies + "."
        )
    if best.refused:
        said.append(f"Some simulated studies could not be fitted: {best.refused[0]}")
    return said
