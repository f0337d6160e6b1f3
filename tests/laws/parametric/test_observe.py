"""From a frame to observations: groups, counts, and refusals in sentences."""

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws import FormSettings, forms
from allometry.laws.parametric.observe import observe
from allometry.refusal import Refusal

TWO_TERM, POWER, HORIZON = forms["two-term"], forms["power"], forms["horizon"]


def test_runs_that_share_their_fixed_inputs_are_one_group(table):
    twice = pl.concat([table, table.with_columns(run=pl.col("run") + " again")])
    seen = observe(TWO_TERM, twice)
    assert seen.grouped_by == "distinct parameters"
    assert len(seen.labels) == 10
    assert len(seen) == 160
    assert (np.bincount(seen.group) == 16).all()


def test_runs_are_the_groups_where_there_is_no_fixed_input_or_few_values(table):
    curves = table.select("run", x="data", y="loss")
    assert observe(POWER, curves).grouped_by == "run"
    three = table.filter(pl.col("run").is_in(["run 0", "run 1", "run 2"]))
    assert observe(TWO_TERM, three).grouped_by == "run"


def test_rows_are_the_groups_without_runs():
    seen = observe(POWER, {"x": np.arange(1.0, 13.0), "y": np.ones(12)})
    assert seen.grouped_by == "row"
    assert list(seen.group) == list(range(12))


def test_one_row_a_run_groups_by_setting():
    x = np.repeat([1.0, 2.0, 4.0, 8.0, 16.0], 3)
    runs = [f"{i}" for i in range(15)]
    seen = observe(POWER, {"run": runs, "x": x, "y": 1 / x})
    assert seen.grouped_by == "distinct x"
    assert len(seen.labels) == 5


def test_groups_by_a_column_that_the_user_names(table):
    frame = table.with_columns(seed=pl.int_range(pl.len()) % 5)
    seen = observe(TWO_TERM, frame, settings=FormSettings(by="seed"))
    assert seen.grouped_by == "seed"
    assert seen.labels == ("0", "1", "2", "3", "4")
    with pytest.raises(Refusal, match="no column 'sed' to group by; it has: run, par"):
        observe(TWO_TERM, frame, settings=FormSettings(by="sed"))


def test_a_table_may_have_columns_of_any_name(table):
    frame = table.with_row_index("row").with_columns(diverged=pl.lit("no"))
    seen = observe(TWO_TERM, frame, settings=FormSettings(by="row"))
    assert len(seen.labels) == 80


def test_curves_are_those_of_runs_with_many_rows(table):
    assert observe(TWO_TERM, table).along == "data"
    assert observe(TWO_TERM, table.drop("run")).along is None
    ends = table.group_by("run", maintain_order=True).last()
    assert observe(TWO_TERM, ends).along is None


def test_runs_that_have_not_ended_are_left_out_and_counted(table):
    frame = table.with_columns(
        status=pl.when(pl.col("run") == "run 3")
        .then(pl.lit("running"))
        .otherwise(pl.lit("done"))
    )
    seen = observe(TWO_TERM, frame)
    assert seen.counts == {"rows": 72, "runs": 9, "unfinished_runs": 1}


def test_diverged_rows_are_left_out_or_given_the_chance_response(table):
    worst = pl.when(pl.col("data") > 1e9).then(float("nan")).otherwise("loss")
    frame = table.with_columns(loss=worst)
    gone = frame["loss"].is_nan().sum()
    seen = observe(TWO_TERM, frame)
    expected = {"rows": 80 - gone, "runs": 10, "nonfinite_rows": gone}
    assert seen.counts == expected
    given = observe(TWO_TERM, frame, settings=FormSettings(chance=7.0))
    assert given.counts == {"rows": 80, "runs": 10, "nonfinite_rows": gone}
    assert (given.response == 7.0).sum() == gone


def test_missing_rows_are_diverged_only_where_the_status_says_so(table):
    late = pl.col("data") > 1e9
    frame = table.with_columns(
        loss=pl.when(late).then(None).otherwise("loss"),
        status=pl.when(pl.col("run") == "run 0")
        .then(pl.lit("nonfinite"))
        .otherwise(pl.lit("done")),
    )
    seen = observe(TWO_TERM, frame)
    each = frame.filter(late).height // 10
    assert seen.counts["nonfinite_rows"] == each
    assert seen.counts["missing_rows"] == 9 * each


@pytest.mark.parametrize(("censored", "left_out"), [(1, 0), (2, 1), (4, 1)])
def test_a_setting_where_half_never_crossed_is_left_out(censored, left_out):
    h = np.repeat([1.0, 4.0, 16.0, 64.0, 256.0], 4)
    needed = [None if i >= 20 - censored else 1e4 * (1 + h[i] / 30) for i in range(20)]
    seen = observe(HORIZON, {"horizon": h, "interactions": needed})
    assert seen.counts["missing_rows"] == censored
    assert seen.counts.get("settings_left_out", 0) == left_out
    assert len(seen) == (16 if left_out else 20 - censored)
    assert (256.0 in seen.inputs["horizon"]) == (not left_out)


def test_start_of_every_run_is_left_out_and_counted(table):
    seen = observe(TWO_TERM, table, settings=FormSettings(exclude_first=0.01))
    assert seen.inputs["data"].min() > 0.01 * 1e10
    assert seen.counts["rows_at_the_start_left_out"] == 80 - len(seen)


def test_part_keeps_groups_that_remain(table):
    seen = observe(TWO_TERM, table)
    kept = seen.inputs["parameters"] > 1e7
    part = seen.part(kept)
    assert len(part) == kept.sum()
    assert len(part.labels) == len(np.unique(part.group)) < 10
    assert part.inputs["parameters"].min() > 1e7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pl.lit("text").alias("loss"), "Column 'loss' holds String, not numbers"),
        (pl.lit(0.0).alias("loss"), r"Column 'loss' is 0 in row 1 \(80 such rows\)"),
        (pl.lit(-1.0).alias("data"), r"Column 'data' is -1 in row 1 \(80 such rows\)"),
        (pl.lit(None).alias("data"), "'data' has no finite number in row 1"),
        (
            pl.lit(float("inf")).alias("data"),
            "'data' has no finite number in row 1",
        ),
        (pl.lit(None).alias("loss"), "No row of the table has a 'loss' to fit: 80 m"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(table, change, said):
    with pytest.raises(Refusal, match=said):
        observe(TWO_TERM, table.with_columns(change))


def test_what_is_below_zero_is_left_out_of_inputs_and_never_of_responses(table):
    """Rows of an input are a choice; rows of a response that are left out are luck."""
    with pytest.raises(Refusal) as data:
        observe(TWO_TERM, table.with_columns(data=-1.0))
    assert str(data.value).endswith("so it must be above 0. Leave such rows out.")
    with pytest.raises(Refusal) as loss:
        observe(TWO_TERM, table.with_columns(loss=-1.0))
    said = str(loss.value)
    assert "Do not leave such rows out: what remained would be the lucky ones." in said
    assert 'residual="linear"' in said
    assert "Leave such rows out" not in said


def test_the_row_named_is_that_of_the_table(table):
    frame = table.with_row_index("i").with_columns(
        loss=pl.when(pl.col("i") == 41).then(-2.0).otherwise("loss"),
        status=pl.when(pl.col("i") < 8).then(pl.lit("running")),
    )
    with pytest.raises(Refusal, match=r"is -2 in row 42 \(1 such rows\)"):
        observe(TWO_TERM, frame)


def test_columns_that_are_missing_or_mean_nothing_are_refused(table):
    with pytest.raises(Refusal, match="no column 'loss', which the form 'two-term'"):
        observe(TWO_TERM, table.rename({"loss": "los"}))
    with pytest.raises(Refusal, match="Did you mean 'los'"):
        observe(TWO_TERM, table.rename({"loss": "los"}))
    with pytest.raises(Refusal, match="no input or response 'size'; name columns for"):
        observe(TWO_TERM, table, {"size": "parameters"})


def test_a_linear_residual_takes_zero_and_below():
    x = np.geomspace(1e12, 1e18, 20)
    y = np.linspace(-1.0, 1.0, 20)
    seen = observe(forms["sigmoid"], {"compute": x, "performance": y})
    assert len(seen) == 20


def test_a_column_that_tells_runs_apart_and_is_not_read_is_said() -> None:
    frame = pl.DataFrame(
        {
            "horizon": [1.0, 4.0, 16.0, 64.0] * 4,
            "parameters": [100] * 8 + [200] * 8,
            "interactions": [2e4, 2.5e4, 3.6e4, 8e4] * 4,
        }
    )
    assert observe(forms["horizon"], frame).unread == ("parameters",)
    one = frame.filter(pl.col("parameters") == 100)
    assert observe(forms["horizon"], one).unread == ()
    renamed = frame.rename({"parameters": "size"})
    read = {"x": "size", "y": "interactions"}
    assert observe(forms["power"], renamed, read).unread == ("horizon",)
    said = " ".join(laws.fit("horizon", frame).warnings)
    assert "Runs differ in 'parameters', which the form does not read" in said
