"""Forms are ranked by what they had not seen; wrong ones are flagged."""

import json

import numpy as np
import polars as pl
import pytest

from allometry.laws.backtest import LAST, backtest
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal

FLOOR = {"a": 20.0, "b": 0.45, "c": 0.3}
PURE = {"a": 50.0, "b": 0.35}
TWO = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
CURVES = Grid({}, {"x": (1e1, 1e7)}, seeds=5)
SIZES = Grid(
    {"parameters": tuple(np.geomspace(1e3, 3e7, 8))}, {"data": (1e4, 1e9)}, 20, 2
)


def study(law: str, truth: dict, grid: Grid, seed: int) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    return simulate(forms[law], truth, grid, Noise(), generator)


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


def test_a_form_of_two_inputs_is_scored_beside_naive_rivals() -> None:
    found = backtest(study("two-term", TWO, SIZES, 0), ["two-term"])
    assert found.ranking[0][0] == "two-term"
    assert set(found.laws) == {"two-term", "power", "power-floor", LAST}
    assert found.along == "data"
    assert found.cuts == pytest.approx((1e9 / 30, 1e8, 1e9 / 3))
    covered = [score.covered for score in found.scores if score.law == "two-term"]
    assert 0.75 < np.mean(covered) <= 1


def test_the_last_value_is_that_of_each_setting() -> None:
    table = study("two-term", TWO, SIZES, 0)
    score = backtest(table, ["two-term"], cuts=[1e8]).scores[-1]
    assert score.law == LAST
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
