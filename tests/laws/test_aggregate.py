"""Aggregates over tasks: golden values, rliable's, reproducible intervals, refusals."""

import math

import numpy as np
import polars as pl
import pytest

from allometry.laws.aggregate import (
    STATISTICS,
    aggregate,
    draws,
    probability_of_improvement,
    profiles,
)
from allometry.laws.run_scores import final_scores, normalised, scales, with_chance
from allometry.refusal import Refusal

#: Three tasks of four runs each.
SCORES = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.0, 1.0, 1.2, 1.4]])


def tidy(scores, method="a") -> pl.DataFrame:
    rows = [
        (method, f"t{task}", float(value))
        for task, values in enumerate(scores)
        for value in values
    ]
    return pl.DataFrame(rows, schema=["method", "task", "performance"], orient="row")


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Twelve scores, three left out at each end: .2 .3 … are the middle six.
        ("iqm", (0.3 + 0.4 + 0.5 + 0.6 + 0.7 + 0.8) / 6),
        ("median", 0.65),
        ("mean", (0.25 + 0.65 + 0.9) / 3),
        ("p20", 0.25 + 0.4 * 0.4),
        ("lowest_decile", 0.25),
        ("optimality_gap", 1 - (1.0 + 2.6 + 3.0) / 12),
    ],
)
def test_golden_values(name: str, value: float) -> None:
    found = aggregate(tidy(SCORES), generator(), statistics=[name])
    assert found.estimates["a"][name].value == pytest.approx(value)


def test_point_estimates_are_rliable_s() -> None:
    metrics = pytest.importorskip(
        "rliable.metrics", reason="rliable is not installed; it is no dependency"
    )
    scores = generator(1).random((5, 7))  # runs × tasks
    found = aggregate(tidy(scores.T), generator(), statistics=list(STATISTICS))
    theirs = {
        "iqm": metrics.aggregate_iqm(scores),
        "median": metrics.aggregate_median(scores),
        "mean": metrics.aggregate_mean(scores),
        "optimality_gap": metrics.aggregate_optimality_gap(scores),
    }
    for name, value in theirs.items():
        assert found.estimates["a"][name].value == pytest.approx(value)


def test_intervals_are_reproducible_and_hold_the_value() -> None:
    first = aggregate(tidy(SCORES), generator(3))
    assert first == aggregate(tidy(SCORES), generator(3))
    assert first != aggregate(tidy(SCORES), generator(4))
    for one in first.estimates["a"].values():
        assert one.low <= one.value <= one.high


def test_runs_are_drawn_within_tasks() -> None:
    """Tasks whose runs are all alike leave nothing to luck."""
    found = aggregate(tidy([[1.0] * 5, [2.0] * 5, [3.0] * 5]), generator())
    for one in found.estimates["a"].values():
        assert one.low == one.value == one.high


def test_intervals_of_the_mean_cover() -> None:
    held = 0
    for seed in range(200):
        luck = generator(seed)
        scores = np.arange(10)[:, None] + luck.normal(0, 1, (10, 8))
        one = aggregate(tidy(scores), luck, statistics=["mean"], resamples=400)
        estimate = one.estimates["a"]["mean"]
        held += estimate.low <= 4.5 <= estimate.high
    assert 0.80 <= held / 200 <= 0.96


def test_methods_are_compared_with_ties_as_halves() -> None:
    both = pl.concat([tidy([[1, 2], [1, 1]], "a"), tidy([[0, 1], [1, 1]], "b")])
    found = probability_of_improvement(both, "a", "b", generator())
    # Task 0: (1>0, 1=1, 2>0, 2>1) = 3.5/4; task 1: all ties.
    assert found.value == pytest.approx((3.5 / 4 + 0.5) / 2)
    swapped = probability_of_improvement(both, "b", "a", generator())
    assert found.value + swapped.value == pytest.approx(1)
    with pytest.raises(Refusal, match=r"no method 'c'; there are: a, b"):
        probability_of_improvement(both, "c", "b", generator())


def test_profiles_fall_from_one_to_nothing() -> None:
    found = profiles(tidy(SCORES), np.array([-1.0, 0.45, 2.0]), generator())["a"]
    assert found.share.tolist() == pytest.approx([1.0, (0 + 1 + 0.75) / 3, 0.0])
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()


def test_few_runs_and_missing_tasks_are_said() -> None:
    both = pl.concat([tidy(SCORES, "a"), tidy(SCORES[:2, :2], "b")])
    said = " ".join(aggregate(both, generator()).warnings)
    assert "b has no run on 1 of 3 tasks (such as t2)" in said
    assert "fewer than 10 runs (b has 2 runs on t0)" in said
    assert "77 to 81 % with 3 runs a task, in 83 to 85 % with 5" in said
    ten = generator().random((3, 10))
    assert aggregate(tidy(ten), generator()).warnings == ()


@pytest.mark.parametrize(
    ("runs", "share"),
    [(3, (0.77, 0.81)), (5, (0.83, 0.85))],
)
def test_what_is_said_of_few_runs_is_so(runs: int, share: tuple) -> None:
    """The warning's numbers, of a thousand studies of ten tasks."""
    luck, truth = generator(), {"iqm": 4.5, "median": 4.5, "mean": 4.5, "p20": 1.8}
    held = dict.fromkeys(truth, 0)
    for _ in range(1000):
        study = {str(task): task + luck.normal(0, 1, runs) for task in range(10)}
        drawn = draws(study, 400, luck)
        for name, value in truth.items():
            low, high = np.quantile(STATISTICS[name](drawn), (0.05, 0.95))
            held[name] += low <= value <= high
    shares = [count / 1000 for count in held.values()]
    # Of 1,000 studies a share is known to 1.3 points, one standard error.
    assert min(shares) == pytest.approx(share[0], abs=0.03)
    assert max(shares) == pytest.approx(share[1], abs=0.03)


def test_tasks_of_unlike_scales_are_said() -> None:
    ten, eleven = (tidy([[0.0, 1.0], [5.0, 5.0 + high]]) for high in (10.0, 11.0))
    assert scales(ten) == ()
    assert "range over 11 on t1 and over 1 on t0" in scales(eleven)[0]
    # A task on which all runs are alike, and a score that is none, have no range.
    alike = pl.concat([eleven.filter(pl.col("task") == "t1"), tidy([[3.0, 3.0]])])
    assert scales(alike) == ()
    assert scales(pl.concat([ten, tidy([[math.nan]]), tidy([[math.inf]])])) == ()


def test_a_run_without_a_score_gets_that_of_chance() -> None:
    rows = pl.Series([1.0, math.nan, None, -math.inf])
    table, said = with_chance(pl.DataFrame({"performance": rows}), -3.0)
    assert table["performance"].to_list() == [1.0, -3.0, -3.0, -3.0]
    assert said == ("3 runs have no finite score, and -3 is taken for it.",)
    whole, said = with_chance(table, -3.0)
    assert whole.equals(table)
    assert said == ()


def test_scores_are_put_on_one_scale() -> None:
    table = normalised(tidy([[0.0, 10.0]]), {"t0": 0.0}, {"t0": 20.0})
    assert table["performance"].to_list() == [0.0, 0.5]
    with pytest.raises(Refusal, match="Task 't0' needs a low and a high"):
        normalised(tidy([[0.0, 10.0]]), {"t0": 3.0}, {"t0": 3.0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "game"}, "no column 'game'; it has: method, task, performance"),
        ({"score": "win"}, "no column 'win'; it has: method, task, performance"),
        ({"score": "task"}, "'task' holds String, not numbers"),
    ],
)
def test_scores_that_are_none_are_not_normalised(options, message) -> None:
    with pytest.raises(Refusal, match=message):
        normalised(tidy([[0.0, 1.0]]), {"t0": 0.0}, {"t0": 1.0}, **options)


def test_methods_that_are_numbers_stand_in_their_order() -> None:
    both = pl.concat([tidy(SCORES, "a"), tidy(SCORES[:2], "b")])
    sizes = pl.col("method").replace_strict({"a": 12490.0, "b": 870.0})
    found = aggregate(both.with_columns(method=sizes), generator())
    assert list(found.estimates) == ["870", "12490"]
    assert found.runs["12490"] == {"t0": 4, "t1": 4, "t2": 4}
    assert found.warnings[0].startswith("870 has no run on 1 of 3 tasks")


def test_tasks_that_are_numbers_are_normalised() -> None:
    frame = tidy([[0.0, 10.0], [5.0, 10.0]])
    frame = frame.with_columns(task=pl.col("task").str.tail(1).cast(pl.Float64))
    ends = {"0": 0.0, "1": 0.0}, {"0": 20.0, "1": 10.0}
    assert normalised(frame, *ends)["performance"].to_list() == [0.0, 0.5, 0.5, 1.0]


def curves() -> pl.DataFrame:
    rows = [
        (run, "a", "t", x, y)
        for run, values in {
            "r1": (1, 2, 3),
            "r2": (2, 4),
            "r3": (1, None, None),
        }.items()
        for x, y in enumerate(values, 1)
    ]
    names = ["run", "method", "task", "interactions", "performance"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_curves_become_scores_at_their_end_or_at_a_place() -> None:
    table, said = final_scores(curves(), chance=0.0)
    assert dict(table.select("run", "performance").rows()) == {
        "r1": 3.0, "r2": 4.0, "r3": 0.0,
    }  # fmt: skip
    assert said == ("1 runs went non-finite and score 0.",)
    table, said = final_scores(curves(), at=3.0)
    assert table["run"].to_list() == ["r1"]
    assert "1 runs end before 3" in said[0]
    assert "flatters" in said[1]
    late = curves().filter((pl.col("run") == "r1") | (pl.col("interactions") > 1))
    table, said = final_scores(late, at=1.0)
    assert table.select("run", "performance").rows() == [("r1", 1.0)]
    assert said == ("2 runs begin after 1 and are left out.",)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ([], {"at": 0.0}, "No run has a score at 0 inter.* lie at 1 to 3. Ask for"),
        ([], {"at": math.nan}, "No run has a score at nan interactions"),
        ([], {"at": math.inf}, "No run has a score at inf interactions"),
        ([], {"chance": math.nan}, "chance is nan: give a finite score"),
        ([], {"score": "method"}, "'method' holds String, not numbers"),
        ([pl.lit("a").alias("interactions")], {}, "'interactions' holds String"),
        ([pl.lit(None, pl.Float64).alias("performance")], {}, "Every run went non"),
    ],
)
def test_what_is_no_score_of_curves_is_refused(change, options, message) -> None:
    with pytest.raises(Refusal, match=message):
        final_scores(curves().with_columns(*change), **options)


@pytest.mark.parametrize("name", ["interactions", "run"])
def test_a_table_without_curves_says_so(name) -> None:
    with pytest.raises(Refusal, match=f"are read off curves.*no column {name!r}"):
        final_scores(curves().drop(name), at=2.0)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (tidy(SCORES), {"by": "algo"}, "no column 'algo'"),
        (tidy([[1.0, float("nan")]]), {}, "not finite for method 'a' on 't0'"),
        (tidy(SCORES), {"statistics": ["best"]}, "no statistic 'best'"),
        (tidy(SCORES), {"score": "task"}, "'task' holds String, not numbers"),
    ],
    ids=["column", "nan", "statistic", "text"],
)
def test_bad_input_is_refused(table, options, message) -> None:
    with pytest.raises(Refusal, match=message):
        aggregate(table, generator(), **options)
