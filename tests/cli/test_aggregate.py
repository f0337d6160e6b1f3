"""Scores over tasks: numbers that can be made by hand, and what is no score."""

from pathlib import Path

import polars as pl
import pytest

#: Means of the two methods on three tasks; four runs lie around each.
MEANS = {"plain": (1, 3, 5), "wide": (2, 4, 7)}
AROUND = (-0.5, -0.25, 0.25, 0.5)
LOW = ["--low", "a=0", "--low", "b=0", "--low", "c=0"]
HIGH = ["--high", "a=1", "--high", "b=5", "--high", "c=10"]


@pytest.fixture
def table(tmp_path) -> Path:
    rows = [
        {"method": method, "task": task, "performance": mean + more}
        for method, means in MEANS.items()
        for task, mean in zip("abc", means, strict=True)
        for more in AROUND
    ]
    path = tmp_path / "scores.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


@pytest.fixture
def curves(tmp_path) -> Path:
    """Three runs per method that gain 1 (plain) or 2 (wide) per 100 interactions."""
    rows = [
        {
            "run": f"{method}-{seed}",
            "method": method,
            "env_name": "a",
            "interactions": step,
            "performance": str(gain * step / 100 + seed),
        }
        for method, gain in (("plain", 1), ("wide", 2))
        for seed in range(3)
        for step in (100, 200, 300, 400)
    ]
    path = tmp_path / "curves.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


def values(found, statistic):
    """Give one statistic by method, having checked that its interval holds it."""
    for one in found["methods"].values():
        assert set(one[statistic]) == {"value", "low", "high"}
        assert (
            one[statistic]["low"] <= one[statistic]["value"] <= one[statistic]["high"]
        )
    return {name: one[statistic]["value"] for name, one in found["methods"].items()}


def test_what_is_printed_are_statistics_by_method(allometry, table) -> None:
    outcome = allometry("aggregate", table)
    assert outcome.code == 0
    assert "method statistic value 90 % interval" in outcome.said
    assert "plain iqm 3 " in outcome.said
    assert "plain p20 1.8 " in outcome.said
    assert "wide median 4 " in outcome.said
    assert "wide mean 4.333 " in outcome.said
    assert "nan" not in outcome.said


def test_json_has_the_documented_keys_and_the_numbers_by_hand(allometry, table) -> None:
    found = allometry("aggregate", table, "--json").document
    assert set(found) == {"methods", "runs", "warnings", "notes"}
    for one in found["methods"].values():
        assert list(one) == ["iqm", "median", "mean", "p20"]
    # The middle six of twelve scores; 0.4 of the way between two tasks.
    assert values(found, "iqm") == pytest.approx({"plain": 3.0, "wide": 25 / 6})
    assert values(found, "median") == pytest.approx({"plain": 3.0, "wide": 4.0})
    assert values(found, "mean") == pytest.approx({"plain": 3.0, "wide": 13 / 3})
    assert values(found, "p20") == pytest.approx({"plain": 1.8, "wide": 2.8})
    assert found["runs"] == {name: {"a": 4, "b": 4, "c": 4} for name in MEANS}
    (warning,) = found["warnings"]
    assert "fewer than 10 runs (plain has 4 runs on a)" in warning
    assert found["notes"] == []


def test_ten_runs_of_every_task_are_warned_of_no_more(allometry, table) -> None:
    frame = pl.concat([pl.read_csv(table)] * 3)
    frame.write_csv(table)
    assert allometry("aggregate", table, "--json").document["warnings"] == []
    # One task of ten has nine runs.
    one = (pl.col("method") == "wide") & (pl.col("task") == "b")
    kept = frame.filter(~one | (pl.int_range(pl.len()).over("method", "task") < 9))
    kept.write_csv(table)
    (warning,) = allometry("aggregate", table, "--json").document["warnings"]
    assert "(wide has 9 runs on b)" in warning


def test_tasks_of_unlike_scales_are_warned_of_until_they_are_put_on_one(
    allometry, table
) -> None:
    # Scores range over 2 on a and on b, and over 3 on c.
    frame = pl.read_csv(table)
    for factor, said in ((6.6, False), (6.7, True)):
        scaled = pl.col("performance") * pl.when(task="c").then(factor).otherwise(1.0)
        frame.with_columns(performance=scaled).write_csv(table)
        outcome = allometry("aggregate", table)
        assert ("Scores range over" in outcome.said) == said
    assert "Scores range over 20.1 on c and over 2 on " in outcome.said
    assert "Put tasks on one scale: --low and --high." in outcome.said
    assert "Scores range" not in allometry("aggregate", table, *LOW, *HIGH).said


def test_the_seed_draws_the_intervals_and_nothing_else(allometry, table) -> None:
    first, again, other = (
        allometry("aggregate", table, "--json", "--seed", seed).document
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert values(first, "iqm") == values(other, "iqm")


def test_the_statistics_asked_for_are_those_given(allometry, table) -> None:
    words = ["--statistic", "optimality_gap", "--statistic", "mean"]
    found = allometry("aggregate", table, *words, "--json").document
    assert list(found["methods"]["plain"]) == ["optimality_gap", "mean"]
    # Two of plain's twelve runs fall short of 1: by 0.5 and by 0.25.
    assert values(found, "optimality_gap") == pytest.approx(
        {"plain": 0.75 / 12, "wide": 0.0}
    )


def test_low_and_high_put_tasks_on_one_scale(allometry, table) -> None:
    found = allometry("aggregate", table, *LOW, *HIGH, "--json").document
    plain, wide = (1 + 3 / 5 + 5 / 10) / 3, (2 + 4 / 5 + 7 / 10) / 3
    assert values(found, "mean") == pytest.approx({"plain": plain, "wide": wide})


def test_columns_may_have_names_of_their_own(allometry, table, tmp_path) -> None:
    names = {"method": "depth", "task": "puzzle", "performance": "solved"}
    path = tmp_path / "named.csv"
    pl.read_csv(table).rename(names).write_csv(path)
    words = ["--by", "depth", "--task", "puzzle", "--score", "solved"]
    outcome = allometry("aggregate", path, *words)
    assert outcome.said.startswith("depth statistic")
    assert "wide iqm 4.167 " in outcome.said


def test_curves_count_with_their_last_score(allometry, curves) -> None:
    found = allometry("aggregate", curves, "--json").document
    assert values(found, "mean") == pytest.approx({"plain": 5.0, "wide": 9.0})
    assert found["runs"] == {"plain": {"a": 3}, "wide": {"a": 3}}
    found = allometry("aggregate", curves, "--at", "200", "--json").document
    assert values(found, "mean") == pytest.approx({"plain": 3.0, "wide": 5.0})
    assert found["notes"] == []


def test_runs_that_end_too_early_are_left_out_and_counted(allometry, curves) -> None:
    text = curves.read_text(encoding="utf-8")
    curves.write_text(text.replace("plain-2,plain,a,400,6.0\n", ""), encoding="utf-8")
    outcome = allometry("aggregate", curves, "--at", "400")
    assert "1 runs end before 400 and are left out." in outcome.said
    assert "fewer than 10 runs (plain has 2 runs on a)" in outcome.said
    found = allometry("aggregate", curves, "--at", "400", "--json").document
    assert values(found, "mean") == pytest.approx({"plain": 4.5, "wide": 9.0})
    assert found["runs"]["plain"] == {"a": 2}
    assert len(found["notes"]) == len(found["warnings"]) == 1


def test_a_run_that_diverged_scores_chance_or_is_said_to_flatter(
    allometry, curves
) -> None:
    text = curves.read_text(encoding="utf-8")
    curves.write_text(text.replace("plain,a,400,4.0", "plain,a,400,nan"), "utf-8")
    outcome = allometry("aggregate", curves)
    assert "1 runs went non-finite and are left out, which flatters" in outcome.said
    assert "say what chance scores" in outcome.said
    found = allometry("aggregate", curves, "--chance", "-1", "--json").document
    assert values(found, "mean") == pytest.approx({"plain": 10 / 3, "wide": 9.0})
    assert found["notes"] == ["1 runs went non-finite and score -1."]


def test_a_method_that_lacks_a_task_is_warned_of(allometry, table) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("wide,c")]
    table.write_text("\n".join(kept) + "\n", encoding="utf-8")
    said = allometry("aggregate", table).said
    assert "wide has no run on 1 of 3 tasks (such as c)" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by", "algo"], ["no column 'algo'", "it has: method, task, performance"]),
        (["--task", "game"], ["no column 'game'", "it has: method, task"]),
        (["--score", "win"], ["no column 'win'", "it has: method, task"]),
        (["--score", "task"], ["Column 'task' holds String, not numbers"]),
        (["--statistic", "mode"], ["no statistic 'mode'", "choose from: iqm, median"]),
        (LOW, ["Task 'a' needs a low and a high score, high above low"]),
        ([*LOW, *HIGH[2:]], ["Task 'a' needs a low and a high score"]),
        ([*LOW, *HIGH[2:], "--high", "a=-1"], ["Task 'a'", "high above low"]),
        ([*LOW, *HIGH[2:], "--high", "a=nan"], ["Task 'a'", "high above low"]),
        (["--low", "a=none"], ["--low a=none", "'none' is no number", "1.2e6"]),
        (["--high", "a"], ["--high 'a' is no pair", "write --high walker=1000"]),
        (["--low", "a=0", "--low", "a=1"], ["--low gives 'a' twice", "keep one"]),
        (["--column", "score"], ["no pair", "write --column performance=return"]),
        (["--metric", "win"], ["no column 'metric'", "Its columns: method, task"]),
        ([*LOW, *HIGH, "--task", "game"], ["no column 'game'", "method, task, perf"]),
        ([*LOW, *HIGH, "--score", "win"], ["no column 'win'", "--score"]),
        ([*LOW, *HIGH, "--score", "task"], ["'task' holds String", "a column of num"]),
        ([*LOW, *HIGH[2:], "--high", "a=inf"], ["Task 'a'", "--high a=NUMBER"]),
        (["--seed", "-1"], ["--seed is -1", "at least 0"]),
        (["--column", "performance=win"], ["'win' for 'performance'", "=NAME"]),
        (["--column", "task=game"], ["no column 'game' for 'task'", "=NAME"]),
        (["--column", "team=task"], ["--column team=task", "Name columns for: run"]),
        (["--at", "3"], ["read off curves", "'interactions'", "or leave out --at"]),
        (["--at", "nan"], ["read off curves", "'interactions'", "or leave out --at"]),
        (["--chance", "nan"], ["chance is nan: give a finite score"]),
        (["--chance", "0", "--score", "task"], ["'task' holds String, not numbers"]),
    ],
)
def test_bad_input_is_named(allometry, table, words, message) -> None:
    allometry("aggregate", table, *words).refuses(*message)
    allometry("aggregate", table, *words, "--json").refuses(*message)


@pytest.mark.parametrize("at", ["nan", "inf", "0", "99", "1e9"])
def test_a_place_that_no_run_passes_is_refused(allometry, curves, at) -> None:
    allometry("aggregate", curves, "--at", at).refuses(
        f"No run has a score at {float(at):g} interactions",
        "checkpoints lie at 100 to 400",
        "leave out --at",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--score", "method"], ["'method' holds String", "a column of numbers"]),
        (["--chance", "inf"], ["chance is inf: give a finite score"]),
    ],
)
def test_bad_input_about_curves_is_named(allometry, curves, words, message) -> None:
    allometry("aggregate", curves, *words).refuses(*message)


def test_columns_that_were_guessed_keep_their_names(allometry, curves) -> None:
    frame = pl.read_csv(curves).rename({"method": "algo", "performance": "return"})
    frame.write_csv(curves)
    words = ["--by", "algo", "--task", "env_name", "--score", "return"]
    outcome = allometry("aggregate", curves, *words)
    assert outcome.said.startswith("algo statistic")
    own = allometry("aggregate", curves, *words, "--json").document
    ours = ["--by", "method", "--task", "task", "--score", "performance"]
    assert own == allometry("aggregate", curves, *ours, "--json").document
    assert own == allometry("aggregate", curves, "--json").document
    assert values(own, "mean") == pytest.approx({"plain": 5.0, "wide": 9.0})


def test_an_import_keeps_the_names_of_its_columns(allometry, curves, tmp_path) -> None:
    folder = tmp_path / "imported"
    assert allometry("import", "csv", curves, "--out", folder).code == 0
    words = ["--task", "env_name", "--json"]
    found = allometry("aggregate", folder, *words).document
    assert values(found, "mean") == pytest.approx({"plain": 5.0, "wide": 9.0})


def test_a_column_may_have_the_name_of_ours(allometry, table) -> None:
    pl.read_csv(table).rename({"method": "source"}).write_csv(table)
    found = allometry("aggregate", table, "--by", "source", "--json").document
    assert set(found["methods"]) == {"plain", "wide"}


def test_numbers_are_compared_in_their_order_and_written_short(
    allometry, table
) -> None:
    sizes = {"plain": 12490, "wide": 870}
    frame = pl.read_csv(table).with_columns(
        parameters=pl.col("method").replace_strict(sizes),
        task=pl.col("task").replace_strict({"a": 1.0, "b": 2.5, "c": 30.0}),
    )
    frame.drop("method").write_csv(table)
    words = ["--by", "parameters", "--json"]
    found = allometry("aggregate", table, *words).document
    assert list(found["methods"]) == ["870", "12490"]
    # A task is text to a law of tasks, whatever it is written as.
    frame.with_columns(horizon="task").drop("method", "task").write_csv(table)
    words += ["--task", "horizon"]
    found = allometry("aggregate", table, *words).document
    assert list(found["runs"]["870"]) == ["1", "2.5", "30"]
    low = ["--low", "1=0", "--low", "2.5=0", "--low", "30=0"]
    high = ["--high", "1=1", "--high", "2.5=5", "--high", "30=10"]
    found = allometry("aggregate", table, *words, *low, *high).document
    assert values(found, "mean")["12490"] == pytest.approx((1 + 3 / 5 + 5 / 10) / 3)


def test_what_was_understood_of_a_table_is_said(allometry, curves) -> None:
    frame = pl.read_csv(curves).with_columns(seed=pl.col("run").str.tail(1))
    frame.drop("run").write_csv(curves)
    found = allometry("aggregate", curves, "--json").document
    assert found["notes"] == ["Runs are told apart by method, task, seed."]


def test_a_score_that_is_not_finite_is_refused(allometry, table) -> None:
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("wide,b,4.5", "wide,b,nan"), encoding="utf-8")
    allometry("aggregate", table).refuses(
        "not finite for method 'wide' on 'b' (1 such rows)",
        "the score of chance (--chance)",
    )


@pytest.mark.parametrize("lost", ["nan", ""])
@pytest.mark.parametrize("named", [False, True], ids=["no run", "a run each"])
def test_a_run_without_a_score_gets_that_of_chance(
    allometry, table, lost, named
) -> None:
    text = table.read_text(encoding="utf-8")
    # Wide's mean on b is 4 without its best run, which had 4.5.
    table.write_text(text.replace("wide,b,4.5", f"wide,b,{lost}"), encoding="utf-8")
    if named:
        pl.read_csv(table).with_row_index("run").write_csv(table)
    found = allometry("aggregate", table, "--chance", "-2", "--json").document
    assert found["notes"] == ["1 run has no finite score, and -2 is taken for it."]
    mean = (2 + (3.5 + 3.75 + 4.25 - 2) / 4 + 7) / 3
    assert values(found, "mean") == pytest.approx({"plain": 3.0, "wide": mean})
    assert found["runs"]["wide"]["b"] == 4
    table.write_text(text, encoding="utf-8")
    assert (
        allometry("aggregate", table, "--chance", "-2", "--json").document["notes"]
        == []
    )


def test_a_table_that_is_not_there_is_named(allometry, tmp_path) -> None:
    path = tmp_path / "absent.csv"
    allometry("aggregate", path).refuses(str(path), "does not exist", "name a table")
    path.write_text("method,task,performance\n", encoding="utf-8")
    allometry("aggregate", path).refuses(str(path), "has a header and no rows")


@pytest.mark.parametrize("option", ["--at", "--chance", "--seed"])
def test_an_option_that_is_no_number_is_a_usage_error(allometry, table, option) -> None:
    allometry("aggregate", table, option, "much").is_usage_error(option)
