"""Crossings of closed-form curves, and the fates of runs that show none."""

import math

import polars as pl
import pytest

from allometry.laws.crossing import crossing, crossings, thresholds, usable
from allometry.refusal import Refusal


def test_log_linear_between_checkpoints() -> None:
    at = crossing([100.0, 10_000.0], [0.0, 1.0], 0.5)
    assert at == pytest.approx(1_000.0)


def test_exact_at_a_checkpoint_and_in_any_order() -> None:
    assert crossing([400.0, 100.0, 200.0], [0.9, 0.1, 0.5], 0.5) == pytest.approx(200)


def test_a_dip_is_pooled_before_the_crossing_is_sought() -> None:
    # .6 then .4 pool to .5, so that .55 is reached between the third and the last.
    curve = [0.0, 0.6, 0.4, 1.0]
    at = crossing([1.0, math.e, math.e**2, math.e**3], curve, 0.55)
    assert at == pytest.approx(math.exp(2 + 0.05 / 0.5))


def test_never_is_none_and_always_is_the_first_checkpoint() -> None:
    assert crossing([1.0, 2.0], [0.1, 0.2], 0.3) is None
    assert crossing([5.0, 9.0], [0.7, 0.8], 0.3) == pytest.approx(5.0)


@pytest.mark.parametrize("first", [0.0, -1.0, math.nan])
def test_interactions_not_above_zero_are_refused(first: float) -> None:
    with pytest.raises(Refusal, match="`interactions` should be above 0"):
        crossing([first, 10.0], [0.0, 1.0], 0.5)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(Refusal, match="as many interactions as performances"):
        crossing([1.0, 2.0], [0.5], 0.5)


def run(seed: int, performance: list[float | None], status: str = "done") -> dict:
    count = len(performance)
    return {
        "run": [f"run-{seed}"] * count,
        "parameters": [388] * count,
        "seed": [seed] * count,
        "horizon": [4] * count,
        "interactions": [2**i for i in range(count)],
        "performance": performance,
        "status": [status] * count,
    }


def table(*runs: dict) -> pl.DataFrame:
    return pl.concat(pl.DataFrame(one, strict=False) for one in runs)


def test_fates() -> None:
    frame = table(
        run(0, [0.1, 0.3, 0.9]),
        run(1, [0.1, 0.2, 0.3]),
        run(2, [0.8, 0.9, 0.9]),
    )
    found = crossings(frame, 0.5, 388, chance=0.1)
    assert found["fate"].to_list() == ["crossed", "censored", "early"]
    assert found["crossing"].to_list() == [
        pytest.approx(2 * 2 ** (0.2 / 0.6)),
        None,
        None,
    ]
    assert crossings(frame, 0.5, 99, chance=0.1).is_empty()


def test_a_diverged_run_falls_to_chance_and_drags_its_curve() -> None:
    # Isotonic: .9 and two chances of .1 pool to .367, which is below the level.
    frame = table(run(0, [0.1, 0.9, None, None], "nonfinite"))
    assert crossings(frame, 0.5, 388, chance=0.1)["fate"].to_list() == ["censored"]
    assert crossings(frame, 0.3, 388, chance=0.1)["fate"].to_list() == ["crossed"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("horizon").cast(pl.String), "'horizon' holds String"),
        (pl.col("horizon") * 0, "'horizon' should be a finite"),
        (pl.col("interactions") - 1, "'interactions' should be a finite"),
        (pl.col("parameters") * math.nan, "'parameters' should be a finite"),
        (pl.lit("x").alias("performance"), "'performance' holds String"),
    ],
)
def test_bad_columns_are_named(change: pl.Expr, message: str) -> None:
    frame = table(run(0, [0.1, 0.5, 0.9])).with_columns(change)
    with pytest.raises(Refusal, match=message):
        usable(frame)


def test_a_missing_column_is_named() -> None:
    frame = table(run(0, [0.1, 0.5, 0.9])).drop("horizon")
    with pytest.raises(Refusal, match="needs the column 'horizon'"):
        usable(frame)


def test_only_runs_that_ended_count() -> None:
    runs = [run(i, [0.1, 0.3, 0.9], s) for i, s in enumerate(("done", "running"))]
    assert usable(table(*runs))["seed"].unique().to_list() == [0]
    with pytest.raises(Refusal, match="no finished run"):
        usable(table(runs[1]))


def test_a_hole_in_a_finished_run_names_the_run() -> None:
    with pytest.raises(Refusal, match="missing in run 'run-0'"):
        usable(table(run(0, [0.1, math.nan, 0.9])))


def test_names_are_only_data() -> None:
    name = "<img src=x onerror=alert(1)> $\\href{javascript:}$"
    frame = table(run(0, [0.1, 0.3, 0.9])).with_columns(pl.lit(name).alias("run"))
    assert crossings(frame, 0.5, 388, chance=0.1)["fate"].to_list() == ["crossed"]


def test_what_runs_needed_is_one_row_each() -> None:
    frame = table(run(0, [0.1, 0.3, 0.9]), run(1, [0.1, 0.2, 0.3]))
    found = thresholds(frame, 0.5)
    assert found["fate"].to_list() == ["crossed", "censored"]
    assert found["interactions"].to_list() == [
        pytest.approx(2 * 2 ** (0.2 / 0.6)),
        None,
    ]


@pytest.mark.parametrize("level", [2.0, 0.05, math.nan, math.inf])
def test_a_level_that_no_run_crosses_is_refused(level: float) -> None:
    # Isotonic: .9 and .7 pool to .8.
    frame = table(run(0, [0.1, 0.9, 0.7]), run(1, [0.2, 0.3, 0.4]))
    message = f"performance = {level:g}: .* from 0.1 to 0.8. Ask for a performance in"
    with pytest.raises(Refusal, match=message):
        thresholds(frame, level)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"of": "joules"}, "'joules'; the table has: .*Name it: --of NAME"),
        ({}, {"of": "status"}, "'status' holds String, .* --of NAME"),
        ({}, {"of": "run"}, "'run' is nothing that it needed"),
        ({}, {"of": "performance"}, "'performance' is nothing that it needed"),
        ({}, {"performance": "win"}, "'win'.*Name it: --column win=NAME"),
        ({"run": "trial"}, {}, "'run'; .*Name it: --column run=NAME"),
    ],
)
def test_what_is_no_crossing_is_refused(change, options, message: str) -> None:
    frame = table(run(0, [0.1, 0.3, 0.9])).rename(change)
    with pytest.raises(Refusal, match=message):
        thresholds(frame, 0.5, **options)
    with pytest.raises(Refusal, match="'interactions' is above 0 in no row"):
        thresholds(table(run(0, [0.1])).with_columns(interactions=0.0), 0.5)
