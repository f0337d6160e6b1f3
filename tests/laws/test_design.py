"""Tests of plans: what a budget buys, what would be learnt of it, what to add."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws.design import Design, additions, assess, plan
from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal

HORIZON = {"E_0": 2e4, "h_0": 20.0}
HORIZONS = (1.0, 4.0, 16.0, 64.0)


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def design(law: str, guess: dict[str, float], grid: Grid, **more: float) -> Design:
    return Design(forms.find(law, None), guess, grid, Noise(), **more)


def test_a_study_of_sizes_costs_kappa_times_size_times_data() -> None:
    grid = Grid({"parameters": (1e3, 1e4)}, {"data": (1e4, 1e6)}, seeds=3)
    guess = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
    one = design("two-term", guess, grid, kappa=6.0)
    assert one.cost == pytest.approx(3 * 6.0 * (1e3 + 1e4) * 1e6)
    assert one.unit == "FLOPs"
    assert one.runs == 6


def test_a_run_to_a_threshold_costs_what_the_law_says_it_takes() -> None:
    one = design("horizon", HORIZON, Grid({"horizon": HORIZONS}, seeds=2))
    needed = sum(2e4 * (1 + h / 20) for h in HORIZONS)
    assert one.cost == pytest.approx(2 * needed)
    assert one.unit == "agent steps"


def test_the_intrinsic_study_has_its_sizes_and_ends_where_told() -> None:
    grid = Grid({"parameters": (300.0, 5e3)}, {"interactions": (1e3, 1e6)}, 10, 2)
    guess = {"alpha_N": 0.7, "alpha_E": 0.5, "N_c": 0.06, "kappa": 50.0}
    table = design("intrinsic", guess, grid).simulate(generator())
    assert sorted(table["parameters"].unique()) == [300, 5000]
    assert table["interactions"].max() == 1_000_000
    assert table.height == 2 * 2 * 10
    # The best run of the study has nearly solved its task.
    assert 0.85 < float(table["performance"].max()) <= 1.0


def test_more_seeds_narrow_the_interval_and_the_truth_is_held() -> None:
    few = design("horizon", HORIZON, Grid({"horizon": HORIZONS}, seeds=3))
    many = design("horizon", HORIZON, Grid({"horizon": HORIZONS}, seeds=12))
    before = assess(few, 20, generator())
    after = assess(many, 20, generator())
    # Twelve seeds instead of three: half the error, by the square root.
    assert 0.35 < after["h_0"].width / before["h_0"].width < 0.75
    assert before["h_0"].covered >= 0.7
    assert before["h_0"].low < 20.0 < before["h_0"].high


def test_a_study_off_to_a_side_is_said_not_to_tell_the_law() -> None:
    guess = {"a": 20.0, "b": 0.45, "c": 0.3}
    near = design("power-floor", guess, Grid({}, {"x": (1e5, 1e6)}, seeds=3))
    wide = design("power-floor", guess, Grid({}, {"x": (1e1, 1e7)}, seeds=3))
    assert assess(near, 6, generator()).identified < 0.5
    assert assess(wide, 6, generator()).identified == 1.0


def test_a_plan_spends_its_budget_around_the_best_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("allometry.laws.design.propose.SIZES", (6, 8))
    monkeypatch.setattr("allometry.laws.design.propose.SEEDS", (3,))
    monkeypatch.setattr("allometry.laws.design.propose.SCREENING", 1)
    found = plan("intrinsic", generator(), budget=3e12, studies=3)
    one = found.best.design
    assert one.cost == pytest.approx(3e12, rel=0.02)
    sizes, (_, last) = one.grid.fixed["parameters"], one.grid.growing["interactions"]
    law = Intrinsic(**one.guess)
    computes = np.geomspace(1e6, 1e15, 2000)
    matched = law.optimal_size(computes)[
        np.argmin(np.abs(law.optimal_interactions(computes) - last))
    ]
    assert sizes[0] < matched / 10
    assert matched <= sizes[-1]
    assert len(found.others) == 6
    assert found.best.identified >= 2 / 3
    assert any("digits" in note for note in found.notes)
    json.dumps(found.to_dict())


def test_a_guess_and_seeds_are_taken_as_given() -> None:
    found = plan(
        "two-term",
        generator(),
        budget=1e18,
        guess={"alpha": 0.5},
        seeds=4,
        studies=3,
        noise={"luck": 0.005},
    )
    assert found.best.design.guess["alpha"] == 0.5
    assert found.best.design.grid.seeds == 4
    assert found.best.design.noise.luck == 0.005


def test_a_grid_that_is_given_needs_no_search() -> None:
    found = plan(
        "horizon",
        generator(),
        guess=HORIZON,
        grid={"horizon": [1.0, 4.0, 16.0]},
        studies=3,
    )
    assert found.others == ()
    assert found.best.design.grid.seeds == 3


def test_a_budget_buys_seeds_where_the_grid_is_given() -> None:
    each = sum(2e4 * (1 + h / 20) for h in (1, 4, 16))
    found = plan(
        "horizon",
        generator(),
        guess=HORIZON,
        grid={"horizon": [1.0, 4.0, 16.0]},
        budget=5.5 * each,
        studies=3,
    )
    assert found.best.design.grid.seeds == 5


@pytest.mark.parametrize(
    ("law", "options", "says"),
    [
        ("intrinsic", {}, r"--budget 1e13"),
        ("intrinsic", {"budget": -1.0}, r"The budget is -1"),
        ("intrinsic", {"budget": 1e9, "guess": {"gamma": 1.0}}, r"no constant 'gamma'"),
        ("horizon", {"budget": 1e9}, r"'E_0' \(.*\) has none"),
        ("horizon", {"guess": HORIZON}, r"--grid horizon=1,2,4,8"),
        ("horizon", {"guess": HORIZON, "grid": {"size": [1.0]}}, r"no input 'size'"),
        ("horizon", {"guess": HORIZON, "grid": {"horizon": [0.0]}}, r"not above 0"),
        (
            "horizon",
            {"guess": HORIZON, "grid": {"horizon": [1.0, 2.0]}, "budget": 10.0},
            r"does not buy the smallest",
        ),
        ("power", {"guess": {"a": 1.0, "b": 0.5}}, r"--grid x=1e3,1e7"),
        (
            "power",
            {"guess": {"a": 1.0, "b": 0.5}, "grid": {"x": [1.0, 2.0, 3.0]}},
            r"first and last value",
        ),
        ("intrinsic", {"budget": 1e9, "guess": {"alpha_N": -1.0}}, r"guess of alpha_N"),
        ("two-term", {"budget": 1e12, "kappa": 0.0}, r"kappa is 0"),
        ("intrinsic", {"budget": 1e12, "seeds": 10**6}, r"1000000 seeds"),
        ("intrinsic", {"budget": 1e12, "noise": {"loud": 1.0}}, r"no noise 'loud'"),
        ("intrinsic", {"budget": 1e12, "noise": {"luck": -1.0}}, r"luck is -1"),
        (
            "intrinsic",
            {"budget": 1e12, "noise": {"correlation": 1.0}},
            r"correlation is 1",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_with_the_remedy(
    law: str, options: dict[str, object], says: str
) -> None:
    with pytest.raises(Refusal, match=says):
        plan(law, generator(), studies=3, **options)  # type: ignore[arg-type]


def test_additions_say_what_halves_an_interval() -> None:
    table = simulate(
        forms.find("horizon", None), HORIZON, Grid({"horizon": HORIZONS}), Noise(),
        generator(),
    )  # fmt: skip
    fit = laws.fit("horizon", table)
    found = additions(fit, generator(), constant="h_0", studies=20)
    assert found.constant == "h_0"
    mine = fit.parameters["h_0"]
    assert (found.low, found.high) == (mine.low, mine.high)
    by_name = {one.what: one for one in found.additions}
    four = by_name["12 seeds instead of 3"]
    # Four times the seeds, about half the interval: three times the study's cost.
    assert four.runs == 36
    assert four.cost == pytest.approx(3.0)
    assert 0.35 < four.ratio < 0.75
    costs = [one.cost for one in found.additions]
    assert costs == sorted(costs)
    halving = [one for one in found.additions if one.ratio <= 0.5]
    assert found.best == (halving[0] if halving else None)
    json.dumps(found.to_dict())


def test_additions_know_the_design_of_an_intrinsic_study() -> None:
    grid = Grid(
        {"parameters": tuple(np.geomspace(300, 4e4, 5).round().tolist())},
        {"interactions": (1e3, 1e6)},
        30,
        3,
    )
    guess = {"alpha_N": 0.7, "alpha_E": 0.5, "N_c": 0.06, "kappa": 50.0}
    table = design("intrinsic", guess, grid).simulate(generator())
    found = additions(laws.fit("intrinsic", table), generator(), studies=1)
    assert found.constant == "size_exponent"
    longer = next(one for one in found.additions if "longer" in one.what)
    assert longer.low <= longer.ratio <= longer.high
    assert (longer.runs, longer.cost) == (15, pytest.approx(4.0))
    seeds = next(one for one in found.additions if one.what.startswith("6 seeds"))
    assert (seeds.runs, seeds.cost) == (15, pytest.approx(1.0))


def test_a_constant_that_is_none_is_refused() -> None:
    table = simulate(
        forms.find("horizon", None), HORIZON, Grid({"horizon": HORIZONS}), Noise(),
        generator(),
    )  # fmt: skip
    with pytest.raises(Refusal, match=r"no constant 'alpha'.*E_0, h_0"):
        additions(laws.fit("horizon", table), generator(), constant="alpha")


def test_runs_of_one_row_are_a_design_of_settings() -> None:
    luck = np.random.default_rng(0)
    x = np.repeat(np.geomspace(1e2, 1e5, 8), 3)
    y = 5e4 * x**-0.3 * np.exp(luck.normal(0, 0.05, len(x)))
    runs = [f"r{number}" for number in range(len(x))]
    fit = laws.fit("power", pl.DataFrame({"run": runs, "x": x, "y": y}))
    found = additions(fit, generator(), studies=5)
    by_name = {one.what: one for one in found.additions}
    assert by_name["6 seeds instead of 3"].runs == 24
    assert by_name["x: 1 between each 2"].runs == 21
    assert not any("longer" in name for name in by_name)
    # Simulated as it was, the study has about the interval that it has.
    assert found.notes == ()


def test_what_is_added_changes_the_study_and_not_the_task() -> None:
    """Longer training reaches a higher score; each checkpoint's stays what it was."""
    grid = Grid({"parameters": (300.0, 5e3)}, {"interactions": (1e3, 1e6)}, 10, 1)
    guess = {"alpha_N": 0.7, "alpha_E": 0.5, "N_c": 0.06, "kappa": 50.0}
    quiet = Noise(luck=0.0, noise=0.0)
    base = Design(forms.find("intrinsic", None), guess, grid, quiet)
    base = dataclasses.replace(base, halfway=base.middle())
    far = dataclasses.replace(grid, growing={"interactions": (1e3, 4e6)})
    longer = dataclasses.replace(base, grid=far)
    last = base.simulate(generator())["performance"].max()
    assert longer.simulate(generator())["performance"].max() > last
    own = dataclasses.replace(longer, halfway=None)
    assert own.simulate(generator())["performance"].max() == pytest.approx(last)
