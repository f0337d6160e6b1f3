"""The best size at each compute, from parabolas whose vertices are known."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

COMPUTE = (1e12, 1e13, 1e14, 1e15)
TWO = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
PROFILE = {
    "compute",
    "sizes",
    "responses",
    "coefficients",
    "centre",
    "best_size",
    "why",
}


def best(compute: float) -> float:
    return 3 * compute**0.4


def parabolas(bend: float = 0.05) -> pl.DataFrame:
    """Seven sizes around N* = 3 C^0.4 at each compute: ln loss = bend ln²(N/N*)."""
    return pl.DataFrame(
        [
            {
                "parameters": best(compute) * 2.0**step,
                "compute": compute,
                "loss": math.exp(bend * (step * math.log(2)) ** 2) * compute**-0.05,
            }
            for compute in COMPUTE
            for step in range(-3, 4)
        ]
    )


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "runs.csv"
    parabolas().write_csv(path)
    return path


@pytest.fixture
def two_term(tmp_path) -> Path:
    """Nine sizes at each compute of a two-term law with 0.2 % of luck."""
    generator = np.random.default_rng(0)
    N, C = (x.ravel() for x in np.meshgrid(np.geomspace(1e3, 1e7, 9), COMPUTE))
    loss = TWO["E"] + TWO["A"] * N ** -TWO["alpha"]
    loss += TWO["B"] * (C / (6 * N)) ** -TWO["beta"]
    loss *= np.exp(0.002 * generator.standard_normal(len(N)))
    path = tmp_path / "two.csv"
    pl.DataFrame({"parameters": N, "compute": C, "loss": loss}).write_csv(path)
    return path


def test_the_best_sizes_and_their_exponent_are_printed(allometry, table) -> None:
    outcome = allometry("isoflop", table)
    assert outcome.code == 0
    for compute in COMPUTE:
        assert f"{compute:.3g} 7 {best(compute):.4g}" in outcome.said
    assert "grows as compute^0.400 (0.400 to 0.400)." in outcome.said
    assert "read these numbers beside a parametric fit, not instead" in outcome.said
    assert "taken as compute / (6 × parameters)" in outcome.said
    assert "The two-term law of the same runs has " in outcome.said


def test_json_has_the_documented_keys_and_the_true_numbers(allometry, table) -> None:
    found = allometry("isoflop", table, "--json").document
    assert set(found) == {"profiles", "size_exponent", "warnings", "two_term", "notes"}
    assert all(set(one) == PROFILE for one in found["profiles"])
    assert [one["compute"] for one in found["profiles"]] == pytest.approx(COMPUTE)
    sizes = [one["best_size"] for one in found["profiles"]]
    assert sizes == pytest.approx([best(compute) for compute in COMPUTE])
    assert found["profiles"][0]["coefficients"][0] == pytest.approx(0.05)
    exponent = found["size_exponent"]
    assert set(exponent) == {"value", "low", "high", "unit", "identified"}
    assert exponent["value"] == pytest.approx(0.4)
    assert exponent["identified"] is True
    assert set(found["two_term"]) == {
        "size_exponent",
        "identified",
        "bias_of_the_parabolas",
    }


def test_the_law_beside_it_tells_how_wrong_the_parabolas_are(
    allometry, two_term
) -> None:
    found = allometry("isoflop", two_term, "--json").document
    beside, truth = found["two_term"], TWO["beta"] / (TWO["alpha"] + TWO["beta"])
    value, low, high = beside["size_exponent"]
    assert beside["identified"] is True
    assert low < truth < high
    assert value == pytest.approx(truth, abs=0.01)
    # The same grid, whose centre is not the best size, misreads the law without luck.
    off = found["size_exponent"]["value"] - truth
    assert abs(off) > 0.02
    assert beside["bias_of_the_parabolas"] == pytest.approx(off, abs=0.01)
    said = allometry("isoflop", two_term).said
    assert f"has {value:.3f} ({low:.3f} to {high:.3f})" in said
    assert f"would be off by {beside['bias_of_the_parabolas']:+.3f}." in said
    assert "the sizes are centred away from the vertex" in said


def test_columns_may_have_names_of_their_own(allometry, table) -> None:
    names = {"parameters": "N", "compute": "C", "loss": "y"}
    parabolas().rename(names).write_csv(table)
    told = [w for new, old in names.items() for w in ("--column", f"{new}={old}")]
    found = allometry("isoflop", table, *told, "--json").document
    assert found["size_exponent"]["value"] == pytest.approx(0.4)
    assert "two_term" in found


def test_budgets_choose_the_profiles(allometry, table) -> None:
    words = ["--budgets", "1e12,1e13,1.1e15", "--json"]
    found = allometry("isoflop", table, *words).document
    computes = [one["compute"] for one in found["profiles"]]
    assert computes == pytest.approx([1e12, 1e13, 1e15])
    assert found["size_exponent"]["value"] == pytest.approx(0.4)


def test_curves_are_read_at_the_budgets(allometry, tmp_path) -> None:
    """Curves whose ln loss is linear in ln C between checkpoints are read exactly."""
    path = tmp_path / "curves.csv"
    rows = [
        {
            "run": f"n{size:.0f}",
            "parameters": size,
            "compute": compute,
            "loss": math.exp(0.05 * math.log(size / best(compute)) ** 2),
        }
        for size in best(3e13) * 2.0 ** np.arange(-4, 5)
        for compute in COMPUTE
    ]
    pl.DataFrame(rows).write_csv(path)
    words = ["--budgets", "1e13,1e14,1e15", "--json"]
    found = allometry("isoflop", path, *words).document
    sizes = [one["best_size"] for one in found["profiles"]]
    assert sizes == pytest.approx([best(compute) for compute in (1e13, 1e14, 1e15)])


def test_data_of_the_table_are_used_as_they_are(allometry, table) -> None:
    frame = parabolas()
    data = frame["compute"] / frame["parameters"] / 6
    frame.with_columns(data=data).write_csv(table)
    assert "no column for data" not in allometry("isoflop", table).said


def test_kappa_makes_the_data(allometry, two_term) -> None:
    outcome = allometry("isoflop", two_term, "--kappa", "2")
    assert "taken as compute / (2 × parameters)" in outcome.said
    # The exponent does not depend on the unit of the data.
    assert "The two-term law of the same runs has 0.51" in outcome.said


@pytest.mark.parametrize("name", ["interactions", "data"])
def test_kappa_makes_the_compute_that_a_table_lacks(
    allometry, two_term, tmp_path, name
) -> None:
    whole = allometry("isoflop", two_term, "--json").document
    frame = pl.read_csv(two_term)
    made = frame.with_columns(
        (pl.col("compute") / 6 / pl.col("parameters")).alias(name)
    )
    made.drop("compute").write_csv(two_term)
    remedy = f"--kappa 6 (compute is then 6 FLOPs × parameters × {name})."
    allometry("isoflop", two_term).refuses("no column for compute", remedy)
    found = allometry("isoflop", two_term, "--kappa", "6", "--json").document
    told = f"it is taken as 6 FLOPs × parameters × {name}."
    assert any(told in note for note in found["notes"])
    computes = [one["compute"] for one in found["profiles"]]
    assert computes == pytest.approx(list(COMPUTE))
    value = found["size_exponent"]["value"]
    assert value == pytest.approx(whole["size_exponent"]["value"])
    beside = found["two_term"]["size_exponent"]
    assert beside == pytest.approx(whole["two_term"]["size_exponent"], rel=1e-6)
    allometry("isoflop", two_term, "--kappa", "0").refuses("--kappa is 0")


def test_kappa_makes_the_compute_of_an_import(allometry, tmp_path) -> None:
    rows = [
        {"run": f"n{size:.0f}", "parameters": size, "interactions": C / (6 * size),
         "loss": math.exp(0.05 * math.log(size / best(C)) ** 2)}
        for size in best(3e13) * 2.0 ** np.arange(-4, 5)
        for C in COMPUTE
    ]  # fmt: skip
    path, folder = tmp_path / "curves.csv", tmp_path / "o"
    pl.DataFrame(rows).write_csv(path)
    assert allometry("import", "csv", path, "--out", folder).code == 0
    allometry("isoflop", folder).refuses("--kappa 6 (compute is then 6 FLOPs")
    words = ["--budgets", "1e13,1e14,1e15", "--kappa", "6", "--json"]
    found = allometry("isoflop", folder, *words).document
    sizes = [one["best_size"] for one in found["profiles"]]
    assert sizes == pytest.approx([best(C) for C in (1e13, 1e14, 1e15)])


def test_a_loss_that_is_missing_beside_compute_is_named(allometry, table) -> None:
    frame = parabolas().rename({"compute": "interactions"}).drop("loss")
    frame.write_csv(table)
    message = "needs the column 'loss' for 'loss'; the table has: parameters, inter"
    allometry("isoflop", table, "--kappa", "6").refuses(message)


def test_two_budgets_make_no_line(allometry, table) -> None:
    parabolas().filter(pl.col("compute") < 2e13).write_csv(table)
    outcome = allometry("isoflop", table)
    assert outcome.code == 0
    assert "2 budgets have a vertex, and a line needs 3" in outcome.said
    assert "not identified" in outcome.said
    assert "nan" not in outcome.said
    found = allometry("isoflop", table, "--json").document
    assert found["size_exponent"]["value"] is None
    assert found["size_exponent"]["identified"] is False
    assert found["two_term"]["bias_of_the_parabolas"] is None


def test_a_parabola_that_opens_downwards_has_no_best_size(allometry, table) -> None:
    parabolas(bend=-0.05).write_csv(table)
    outcome = allometry("isoflop", table)
    assert outcome.code == 0
    assert "1e+12 7 – the parabola opens downwards" in outcome.said
    assert (
        "At 1e+12 FLOPs the parabola opens downwards: it is left out." in outcome.said
    )
    found = allometry("isoflop", table, "--json").document
    assert [one["best_size"] for one in found["profiles"]] == [None] * 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budgets", "many"], ["--budgets", "'many' is no number", "1.2e6"]),
        (["--budgets", "1e12,"], ["--budgets", "'' is no number"]),
        (["--budgets", "1e20"], ["No budget has runs of 4 sizes", "give budgets"]),
        (["--column", "loss=nope"], ["'nope' for 'loss'", "--column loss=NAME"]),
        (["--column", "loss"], ["no pair", "write --column loss=val_loss"]),
        (["--column", "cost=loss"], ["reads nothing for 'cost'", "for: parameters"]),
        (["--column", "data=nope"], ["no column 'nope' for 'data'", "data=NAME"]),
        (["--budgets", "0"], ["The budget 0 is no compute", "--budgets", "1e18"]),
        (["--budgets", "1e13,-1"], ["The budget -1 is no compute", "above 0"]),
        (["--budgets", "inf"], ["The budget inf is no compute"]),
        (["--budgets", "nan"], ["The budget nan is no compute"]),
        (["--budgets", "1e13,1e13"], ["The budget 1e+13 is given twice", "keep one"]),
        (["--budgets", "1e13,1.1e13"], ["have the same runs", "keep one of them"]),
        (["--kappa", "0"], ["--kappa is 0", "a number above 0 such as 6"]),
        (["--kappa", "-6"], ["--kappa is -6", "a number above 0 such as 6"]),
        (["--kappa", "nan"], ["--kappa is nan", "a number above 0 such as 6"]),
        (["--kappa", "inf"], ["--kappa is inf", "a number above 0 such as 6"]),
    ],
)
def test_bad_input_is_named(allometry, table, words, message) -> None:
    allometry("isoflop", table, *words).refuses(*message)
    allometry("isoflop", table, *words, "--json").refuses(*message)


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("parameters", ["parameters"]),
        ("parameters", ["parameters", "compute"]),
        ("compute", ["compute"]),
        ("loss", ["loss"]),
    ],
)
def test_a_missing_column_is_named(allometry, table, name, dropped) -> None:
    parabolas().drop(dropped).write_csv(table)
    there = ", ".join(parabolas().drop(dropped).columns)
    message = f"needs the column '{name}' for '{name}'; the table has: {there}."
    allometry("isoflop", table).refuses(message, f"--column {name}=NAME")


def test_a_missing_column_of_curves_is_named(allometry, table) -> None:
    frame = parabolas().with_columns(run=pl.int_range(pl.len()) % 7)
    frame.drop("parameters").write_csv(table)
    message = "needs the column 'parameters' for 'parameters'; the table has: "
    allometry("isoflop", table).refuses(f"{message}compute, loss, run.")


def test_a_law_that_cannot_be_fitted_beside_it_is_null_and_said(
    allometry, table
) -> None:
    parabolas().with_columns(data=pl.lit(-1.0)).write_csv(table)
    found = allometry("isoflop", table, "--json").document
    assert found["two_term"] is None
    assert "The two-term law could not be fitted beside it" in found["notes"][-1]


@pytest.mark.parametrize("bend", [0.05, -0.05])
def test_notes_are_all_that_is_printed_below_the_table(allometry, table, bend) -> None:
    parabolas(bend).write_csv(table)
    found = allometry("isoflop", table, "--json").document
    said = allometry("isoflop", table).said.strip()
    assert said.endswith(" ".join(found["notes"]))
    assert set(found["warnings"]) < set(found["notes"])
    assert any("grows as compute^0.400" in note for note in found["notes"]) == (
        bend > 0
    )


def test_too_few_sizes_are_refused(allometry, table) -> None:
    parabolas().filter(pl.int_range(pl.len()) % 7 < 3).write_csv(table)
    allometry("isoflop", table).refuses("of 4 sizes", "train several sizes")


def test_a_table_that_cannot_be_read_is_named(allometry, table) -> None:
    missing = table.with_name("absent.csv")
    allometry("isoflop", missing).refuses(str(missing), "does not exist")
    parabolas().with_columns(loss=pl.lit("good")).write_csv(table)
    allometry("isoflop", table).refuses(
        f"{table}, line 2, column 'loss': 'good' is no number", "--column loss=NAME"
    )


def test_a_kappa_that_is_no_number_is_a_usage_error(allometry, table) -> None:
    allometry("isoflop", table, "--kappa", "six").is_usage_error("--kappa")
