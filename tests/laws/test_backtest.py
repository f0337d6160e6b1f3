"""Forms are ranked by what they had not seen; wrong ones are flagged."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws.backtest import backtest
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.laws.score import EACH, LAST, Backtest
from allometry.refusal import Refusal

FLOOR = {"a": 20.0, "b": 0.45, "c": 0.3}
PURE = {"a": 50.0, "b": 0.35}
TWO = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
CURVES = Grid({}, {"x": (1e1, 1e7)}, seeds=5)
SIZES = Grid(
    {"parameters": tuple(np.geomspace(1e3, 3e7, 8))}, {"data": (1e4, 1e9)}, 20, 2
)


#: Noise of checkpoints, and no luck that stays with a run.
UNLUCKY = Noise(luck=0.0)
RIVALS = {"power", "power-floor", LAST}


def study(
    law: str, truth: dict, grid: Grid, seed: int, noise: Noise | None = None
) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    return simulate(forms[law], truth, grid, noise or Noise(), generator)


@pytest.mark.parametrize("seed", range(10))
def test_a_wrong_form_is_flagged_and_the_right_one_wins(seed: int) -> None:
    found = backtest(study("power-floor", FLOOR, CURVES, seed), ["power"])
    assert found.ranking[0][0] == "power-floor"
    assert found.flagged == ("power",)
    assert "power is contradicted" in " ".join(found.sentences())


@pytest.mark.parametrize("seed", range(10))
def test_a_right_form_is_not_flagged(seed: int) -> None:
    found = backtest(study("power", PURE, CURVES, seed), ["power"])
    assert found.flagged == ()
    assert found.ranking[-1][0] == LAST


@pytest.mark.parametrize("seed", range(3))
def test_a_form_of_two_inputs_is_scored_beside_naive_rivals(seed: int) -> None:
    table = study("two-term", TWO, SIZES, seed, UNLUCKY)
    found = backtest(table, ["two-term"])
    assert [law for law, _ in found.ranking[:2]] == ["two-term", EACH]
    assert set(found.laws) == {"two-term", EACH, *RIVALS}
    assert found.along == "data"
    assert found.cuts == pytest.approx((1e9 / 30, 1e8, 1e9 / 3))
    assert 0.75 < found.covered["two-term"] <= 1
    best, rival, *_ = found.sentences()
    assert best.startswith("two-term forecasts best: its error beyond the cuts is ")
    assert rival.startswith(f"The best naive rival, {EACH}, errs by ")


@pytest.fixture(scope="module")
def lucky() -> Backtest:
    return backtest(study("two-term", TWO, SIZES, 1), ["two-term"])


def test_a_law_of_each_setting_takes_the_luck_of_its_runs_along(lucky) -> None:
    """Luck that stays with a run is beyond the cut, too: no law of all sizes knows."""
    (best, error), (second, more), *_ = lucky.ranking
    assert (best, second) == (EACH, "two-term")
    assert error < 0.8 * more
    said = " ".join(lucky.sentences())
    assert "knows nothing of a setting without a curve" in said
    assert "Of the others two-term is best, and errs by 3.9%." in said
    assert "The best naive rival, last value, errs by 9.6%, 2.4 times as much." in said
    assert "The 90 % bands of two-term hold 97%" in said
    assert "do not prefer a richer law" not in said


def test_among_those_without_an_error_a_law_of_each_setting_comes_last() -> None:
    """Beyond rounding, 1e-16 and 2e-16 are one; five constants are fewer than 24."""
    exact = study("two-term", TWO, SIZES, 0, Noise(luck=0.0, noise=0.0))
    found = backtest(exact, ["two-term"], cuts=[1e8])
    (best, error), (second, more), (third, much), *_ = found.ranking
    assert (best, second, third) == ("two-term", EACH, LAST)
    assert max(error, more) < 1e-12
    assert much > 0.05
    assert found.sentences()[1].startswith(f"The best naive rival, {EACH}, does as wel")


def test_a_law_of_each_setting_is_the_power_law_of_its_curve_alone() -> None:
    table = study("two-term", TWO, SIZES, 0)
    errors = []
    for (_,), rows in table.group_by("parameters", maintain_order=True):
        below, above = (rows.filter(test) for test in _sides("data", 1e8))
        columns = {"x": "data", "y": "loss"}
        alone = laws.fit("power-floor", below, columns=columns)
        said = alone.predict(x=above["data"].to_numpy())["value"].to_numpy()
        errors += list(np.log(said) - np.log(above["loss"].to_numpy()))
    scores = backtest(table, ["two-term"], cuts=[1e8]).scores
    (each,) = (score for score in scores if score.law == EACH)
    assert each.error == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert np.isnan(each.covered)
    assert np.isnan(each.allowed)


def test_a_setting_without_a_curve_gets_the_last_value_of_the_others() -> None:
    table = study("two-term", TWO, SIZES, 0)
    new = (pl.col("parameters") > 1e7) & (pl.col("data") <= 1e8)
    scores = backtest(table.filter(~new), ["two-term"], cuts=[1e8]).scores
    by_name = {score.law: score for score in scores}
    assert by_name[LAST].error > 0.3
    whole = {
        score.law: score for score in backtest(table, ["two-term"], cuts=[1e8]).scores
    }
    assert by_name[EACH].error > 5 * whole[EACH].error
    assert by_name["two-term"].error < 2 * whole["two-term"].error


def test_one_input_has_no_settings() -> None:
    found = backtest(study("power", PURE, CURVES, 0), ["power"])
    assert set(found.laws) == RIVALS


def test_a_form_of_one_s_own_is_not_taken_for_one_without_constants() -> None:
    """On a pure power law the floor does as well, and has one constant more."""
    mine = dataclasses.replace(forms["power-floor"], name="mine")
    exact = study("power", PURE, CURVES, 0, Noise(luck=0.0, noise=0.0))
    found = backtest(exact, [mine, "power"], cuts=[1e6])
    order = [law for law, _ in found.ranking]
    assert order.index("power") < order.index("mine")


def test_bands_that_hold_too_little_are_said(lucky) -> None:
    assert set(lucky.covered) == {"two-term", "power-floor", "power"}
    assert lucky.covered["two-term"] > 0.8 > lucky.covered["power-floor"]
    said = lucky.sentences()
    for law, covered in lucky.covered.items():
        narrow = f"of {law} hold {covered:.0%} of what lies beyond the cuts: they are"
        assert (covered < 0.8) == any(narrow in sentence for sentence in said)


def test_rows_without_an_input_are_left_out_for_all_forms() -> None:
    table = study("two-term", TWO, SIZES, 0)
    known = table.filter(pl.col("parameters") < 1e7)
    lost = pl.when(pl.col("parameters") < 1e7).then("parameters")
    found = backtest(table.with_columns(parameters=lost), ["two-term"], cuts=[1e8])
    clean = backtest(known, ["two-term"], cuts=[1e8])
    assert found.ranking == clean.ranking
    assert "40 rows are left out: no data above 0, or an input" in found.warnings[0]
    assert len(clean.warnings) == 1


def test_the_last_value_is_that_of_each_setting() -> None:
    table = study("two-term", TWO, SIZES, 0)
    scores = backtest(table, ["two-term"], cuts=[1e8]).scores
    (score,) = (one for one in scores if one.law == LAST)
    below, above = (table.filter(test) for test in _sides("data", 1e8))
    errors = []
    for (size,), rows in above.group_by("parameters"):
        log_x = np.log(below.filter(pl.col("parameters") == size)["data"].to_numpy())
        y = np.log(below.filter(pl.col("parameters") == size)["loss"].to_numpy())
        last = y[log_x >= log_x.max() - 0.1 * np.ptp(log_x)].mean()
        errors += list(last - np.log(rows["loss"].to_numpy()))
    assert score.error == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def _sides(name: str, cut: float):
    return pl.col(name) <= cut, pl.col(name) > cut


def test_scores_are_a_table_and_json() -> None:
    found = backtest(study("power", PURE, CURVES, 0))
    assert found.table.height == len(found.cuts) * 3
    again = json.loads(json.dumps(found.to_dict()))
    assert again["ranking"][0]["law"] == "power"
    assert again["scores"][0]["by_distance"]["1–3"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": "steps"}, "no column 'steps'"),
        ({"cuts": [1e9]}, "leaves nothing on one side: x runs from 10 to 1e"),
        ({"laws": ["intrinsic"]}, "intrinsic law cannot be scored"),
        ({"cuts": []}, "There is no cut"),
        ({"along": "run"}, "'run' holds String, not numbers"),
        ({"columns": {"x": "run"}}, "'run' holds String, not numbers"),
        ({"columns": {"y": "run"}}, "'run' holds String, not numbers"),
        ({"columns": {"z": "x"}}, "input or response 'z'; name columns for: x, y"),
        ({"columns": {"run": "trial"}}, "no column 'trial' for 'run'"),
        ({"laws": ["power", "two-term"]}, "no column 'parameters'; it has: "),
    ],
)
def test_what_cannot_be_scored_is_refused(options: dict, message: str) -> None:
    table = study("power", PURE, CURVES, 0)
    with pytest.raises(Refusal, match=message):
        backtest(table, options.pop("laws", ["power"]), **options)


def test_too_little_data_for_any_cut_is_refused() -> None:
    table = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 2.0, 1.5]})
    with pytest.raises(Refusal, match="No cut at a thirtieth"):
        backtest(table, ["power"])
