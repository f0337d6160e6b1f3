"""Coverage of every form: how often its 90 % intervals hold a known truth.

Simulates studies of each form from a known truth, fits them without knowing it, and
prints per scenario, for the form's key constants: mean error, root-mean-square error,
coverage, the share refused as not identified, and of those accepted the share that is
off by more than the limit. Beside it the coverage of a plain bootstrap over runs within
a setting (seeds), percentile intervals: what most published intervals are.

    python benchmarks/coverage_forms.py --studies 400 --write docs/coverage.md
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from page import put

from allometry import laws
from allometry.laws.form.form import Form
from allometry.laws.form.registry import forms
from allometry.laws.parametric.descend import descend
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.simulate import Grid, Noise, simulate

#: An accepted exponent is wrong when it is off by more than this, or this share of it;
#: a place on an axis when it is off by more than this factor.
WRONG, WRONG_SHARE, WRONG_FACTOR = 0.1, 0.1, 1.5


def log(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, count).tolist())


@dataclasses.dataclass(frozen=True)
class Design:
    """A form's truth, its identifiable study, one off to a side, and its noise."""

    law: str
    truth: Mapping[str, float]
    keys: tuple[str, ...]
    grid: Grid
    aside: Grid
    noise: Noise
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def form(self) -> Form:
        """The form, with its columns."""
        return forms.find(self.law, self.columns)


EIGHT = log(1e5, 3e8, 8)
DESIGNS = {
    design.law: design
    for design in (
        Design(
            "power",
            {"a": 50.0, "b": 0.35},
            ("b",),
            Grid({}, {"x": (1e3, 1e7)}, seeds=5),
            Grid({}, {"x": (1e6, 1e7)}, seeds=5),
            Noise(),
        ),
        Design(
            "power-floor",
            {"a": 20.0, "b": 0.45, "c": 0.3},
            ("b", "c"),
            Grid({}, {"x": (1e1, 1e7)}, seeds=5),
            Grid({}, {"x": (1e5, 1e7)}, seeds=5),
            Noise(),
        ),
        Design(
            "two-term",
            {"E": 0.5, "A": 60.0, "alpha": 0.40, "B": 300.0, "beta": 0.42},
            ("alpha", "beta", "size_exponent"),
            Grid({"parameters": log(1e3, 3e7, 8)}, {"data": (1e4, 1e9)}),
            Grid({"parameters": log(1e6, 1e9, 8)}, {"data": (1e4, 1e9)}),
            Noise(),
        ),
        Design(
            "threshold",
            {"D_min": 3e5, "a": 1.3, "alpha": 1.0, "b": 6e5, "beta": 0.9},
            ("alpha", "beta"),
            Grid(
                {
                    "updates_per_interaction": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
                    "parameters": log(5e4, 5e7, 6),
                }
            ),
            Grid(
                {
                    "updates_per_interaction": (4.0, 8.0, 16.0, 32.0),
                    "parameters": log(5e6, 5e8, 5),
                }
            ),
            Noise(),
        ),
        Design(
            "sigmoid",
            {"R_0": 0.1, "A": 0.9, "C_mid": 1e12, "B": 0.7},
            ("A", "B"),
            Grid({}, {"compute": (1e9, 1e16)}, seeds=5),
            Grid({}, {"compute": (1e9, 1e12)}, seeds=5),
            Noise(luck=0.02, noise=0.02),
        ),
        Design(
            "broken-power",
            {"a": 0.0, "b": 30.0, "c_0": 0.1, "c_1": 0.4, "d_1": 1e4, "f_1": 0.3},
            ("c_0", "c_1"),
            Grid({}, {"x": (1e1, 1e7)}, seeds=5),
            Grid({}, {"x": (1e4, 1e7)}, seeds=5),
            Noise(),
        ),
        Design(
            "rating",
            {
                "m_plateau": -200.0,
                "c_plateau": 200.0,
                "m_C": 500.0,
                "m_n": -430.0,
                "c": -4600.0,
            },
            ("m_C", "m_n"),
            Grid(
                {"board": (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)}, {"compute": (1e9, 1e18)}
            ),
            Grid({"board": (7.0, 8.0, 9.0, 10.0)}, {"compute": (1e9, 1e14)}),
            Noise(luck=40.0, noise=30.0),
        ),
        Design(
            "horizon",
            {"E_0": 2e4, "h_0": 20.0},
            ("h_0",),
            Grid({"horizon": (1.0, 4.0, 16.0, 64.0, 256.0)}, seeds=5),
            Grid({"horizon": (1.0, 2.0, 4.0, 8.0)}, seeds=5),
            Noise(luck=0.1),
        ),
        Design(
            "complexity",
            {"c": 1e9, "k_states": 1.2, "k_players": 0.7},
            ("k_states", "k_players"),
            Grid({"states": log(1e1, 1e4, 5), "players": (1.0, 2.0, 4.0, 8.0)}),
            Grid({"states": (1e3, 2e3), "players": (4.0, 8.0)}),
            Noise(luck=0.25),
            {"complexity": "states,players"},
        ),
    )
}


def scenarios(design: Design) -> dict[str, tuple[Grid, Noise]]:
    """Name the ways in which a form's studies are made."""
    noise, grid = design.noise, design.grid
    twice = dataclasses.replace(noise, luck=2 * noise.luck, noise=2 * noise.noise)
    found = {
        "base": (grid, noise),
        "noisy": (grid, twice),
        "3 seeds" if grid.seeds > 3 else "5 seeds": (
            dataclasses.replace(grid, seeds=3 if grid.seeds > 3 else 5),
            noise,
        ),
    }
    if grid.fixed:
        shared = dataclasses.replace(noise, shared=noise.luck)
        found["shared offset"] = (grid, shared)
        shared = dataclasses.replace(noise, shared=2 * noise.luck)
        found["shared offset, twice"] = (grid, shared)
    if grid.growing:
        flat = dataclasses.replace(noise, plateau=(0.45, 0.55))
        found["plateau"] = (grid, flat)
    found["off to a side"] = (design.aside, noise)
    return found


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One study: by key, errors, coverage, whether wrong; and its verdict."""

    errors: tuple[float, ...]
    covered: tuple[bool, ...]
    wrong: tuple[bool, ...]
    identified: bool
    plain: tuple[bool, ...]


def study(law: str, scenario: str, number: int) -> Outcome:
    """Simulate and fit one study."""
    design = DESIGNS[law]
    grid, noise = scenarios(design)[scenario]
    seed = [list(DESIGNS).index(law), list(scenarios(design)).index(scenario), number]
    generator = np.random.default_rng(seed)
    table = simulate(design.form, design.truth, grid, noise, generator)
    truth = truths(design)
    fit = laws.fit(law, table, columns=design.columns, generator=generator)
    found = {**fit.parameters, **fit.derived}
    errors = [found[key].value - truth[key] for key in design.keys]
    return Outcome(
        errors=tuple(errors),
        covered=tuple(
            found[key].low <= truth[key] <= found[key].high for key in design.keys
        ),
        wrong=tuple(is_wrong(design, key, found[key].value) for key in design.keys),
        identified=fit.identified,
        plain=plain(design, table, fit, truth, generator),
    )


def is_wrong(design: Design, key: str, value: float) -> bool:
    """Say whether an accepted constant would mislead."""
    truth = truths(design)[key]
    places = {item.name for item in design.form.parameters if item.like is not None}
    if key in places:
        return not truth / WRONG_FACTOR < value < truth * WRONG_FACTOR
    return abs(value - truth) > max(WRONG, WRONG_SHARE * abs(truth))


def truths(design: Design) -> dict[str, float]:
    """Give the true constants, and what follows from them."""
    derived = {
        name: float(one.of({k: np.float64(v) for k, v in design.truth.items()}))
        for name, one in design.form.derived.items()
    }
    return {**design.truth, **derived}


def plain(
    design: Design,
    table: pl.DataFrame,
    fit: laws.Fit,
    truth: Mapping[str, float],
    generator: np.random.Generator,
) -> tuple[bool, ...]:
    """Cover by percentiles of 100 refits to seeds drawn within each setting."""
    form = design.form
    observed = observe(form, table)
    problem = Problem(form, observed)
    runs = table["run"].to_numpy()
    setting = np.array([run.split("-")[0] for run in runs])
    weight = np.zeros((100, len(runs)))
    for one in np.unique(setting):
        names = np.unique(runs[setting == one])
        draws = generator.multinomial(
            len(names), np.full(len(names), 1 / len(names)), size=100
        )
        for index, name in enumerate(names):
            weight[:, runs == name] = draws[:, index, None]
    best = problem.theta({name: one.value for name, one in fit.parameters.items()})
    theta = descend(
        problem.residuals, np.repeat(best[None], 100, 0), weight, problem.bounds
    ).theta
    values = {name: x[:, 0] for name, x in problem.values(theta).items()}
    values |= {name: one.of(values) for name, one in form.derived.items()}
    edges = {key: np.quantile(values[key], (0.05, 0.95)) for key in design.keys}
    return tuple(
        bool(edges[key][0] <= truth[key] <= edges[key][1]) for key in design.keys
    )


def rows(law: str, studies: int, processes: int) -> Iterator[str]:
    design = DESIGNS[law]
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        for scenario in scenarios(design):
            outcomes = list(
                pool.map(
                    study, [law] * studies, [scenario] * studies, range(studies),
                    chunksize=8,
                )
            )  # fmt: skip
            refused = np.mean([not one.identified for one in outcomes])
            for index, key in enumerate(design.keys):
                errors = np.array([one.errors[index] for one in outcomes])
                kept = [one.wrong[index] for one in outcomes if one.identified]
                wrong = f"{np.mean(kept):.1%}" if kept else "–"
                covered = np.mean([one.covered[index] for one in outcomes])
                usual = np.mean([one.plain[index] for one in outcomes])
                yield (
                    f"| {law} | {scenario} | {key} = {truths(design)[key]:.3g} "
                    f"| {np.median(errors):+.3g} | {rms(errors):.3g} | {covered:.1%} "
                    f"| {usual:.1%} | {refused:.1%} | {wrong} |"
                )


def rms(errors: np.ndarray) -> float:
    """Give 1.4826 × the median absolute error: a refused fit may be anywhere."""
    return 1.4826 * float(np.median(np.abs(errors)))


HEAD = (
    "| form | study | constant | median error | typical error | coverage "
    "| bootstrap over seeds | not identified | accepted, wrong |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=40, help="studies a scenario")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--law", action="append", choices=list(DESIGNS))
    parser.add_argument("--write", type=pathlib.Path, help="also write Markdown here")
    options = parser.parse_args()
    lines = HEAD.splitlines()
    print(HEAD, flush=True)
    for law in options.law or DESIGNS:
        for row in rows(law, options.studies, options.processes):
            lines.append(row)
            print(row, flush=True)
    if options.write:
        put(options.write, "forms", lines)


if __name__ == "__main__":
    main()
