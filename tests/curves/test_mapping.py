"""Columns are guessed or named, and each fault is told with line, column, remedy."""

import math
from pathlib import Path

import polars as pl
import pytest

from allometry.curves.formats import load
from allometry.curves.mapping import Wanted, guess
from allometry.refusal import Refusal

GOOD = "run,seed,interactions,performance\na,0,1,0.5\na,0,2,0.6\nb,1,1,0.4\nb,1,2,0.7\n"


def read(tmp_path: Path, text: str | bytes, name: str = "t.csv", **wanted):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load("csv", [path], Wanted(**wanted))


def test_synonyms_case_and_separators_do_not_matter() -> None:
    names = ["Env Step", "charts/Episodic-Return", "N_Params", "Algo", "loss"]
    assert guess(names, {}) == {
        "interactions": "Env Step",
        "performance": "charts/Episodic-Return",
        "parameters": "N_Params",
        "method": "Algo",
        "loss": "loss",
    }


@pytest.mark.parametrize(
    "name",
    ["model_params", "Model-Parameters", "n_param", "params_count", "network/Params"],
)
def test_many_names_of_a_size_are_known(name: str) -> None:
    assert guess(["step", name, "score"], {})["parameters"] == name


@pytest.mark.parametrize(
    ("header", "told"),
    [
        # Nothing tells runs apart: anything could.
        ("step,score", ["run", "method", "task", "parameters", "seed"]),
        ("algo,step,score", ["run", "task", "parameters", "seed"]),
        ("algo,seed,step,score", ["run", "task", "parameters"]),
        # Names tell runs apart, and nothing else does.
        ("run,algo,step,score", ["run"]),
    ],
)
def test_a_checkpoint_twice_names_the_columns_that_could_tell_runs_apart(
    tmp_path, header: str, told: list[str]
) -> None:
    apart = ",".join("0" for _ in header.split(",")[:-2])
    rows = [f"{apart},{x},1".lstrip(",") for x in (1, 2, 3, 3, 4, 5)]
    *most, last = [f"--column {role}=NAME" for role in told]
    options = f"{', '.join(most)} or {last}" if most else last
    with pytest.raises(Refusal) as caught:
        read(tmp_path, "\n".join([header, *rows]))
    assert "has interactions = 3 twice (lines 4 and 5)" in str(caught.value)
    assert f"apart, or add one: {options}; or choose" in str(caught.value)


def test_a_role_with_one_value_tells_no_runs_apart(tmp_path) -> None:
    rows = ["step,score", *(f"{x},1" for x in (1, 2, 3, 3, 4, 5))]
    with pytest.raises(
        Refusal, match=r"--column parameters=NAME or --column seed="
    ) as e:
        read(tmp_path, "\n".join(rows), constants={"method": "ppo", "task": "a"})
    assert "method=NAME" not in str(e.value)


@pytest.mark.parametrize("kappa", [0.0, -6.0, math.nan, math.inf])
def test_a_kappa_that_is_none_is_refused(tmp_path, kappa: float) -> None:
    with pytest.raises(Refusal, match=r"--kappa is .*a number above 0 such as 6"):
        read(tmp_path, GOOD, kappa=kappa)


def test_a_run_without_a_response_stays_in_a_table_of_runs(tmp_path) -> None:
    text = "run,task,performance\na,t,1\nb,t,\nc,t,nan\n"
    found = read(tmp_path, text)
    assert found.table["performance"].to_list() == [1.0, None, None]
    assert found.table["status"].to_list() == ["done", "done", "nonfinite"]
    assert found.notes == ()
    # Of curves, such a row is one at which nothing was measured.
    curves = GOOD.replace("0.6", "")
    found = read(tmp_path, curves)
    assert found.table.height == 3
    assert "1 rows have no performance and are left out." in found.notes


def test_two_candidates_are_refused_with_the_option_to_use() -> None:
    with pytest.raises(
        Refusal, match=r"could both be 'performance'.*--column performan"
    ):
        guess(["step", "score", "reward"], {})
    assert guess(["score", "reward"], {"performance": "reward"})["performance"] == (
        "reward"
    )


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.rstrip("\n"),
    ],
    ids=["plain", "bom", "crlf", "semicolons", "tabs", "no newline at the end"],
)
def test_one_table_in_many_dresses(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text).table.sort("run", "interactions")
    assert table["performance"].to_list() == [0.5, 0.6, 0.4, 0.7]
    assert table["seed"].to_list() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 is empty"),
        ("run,interactions\n", "header and no rows"),
        (GOOD.replace("0.6", "x6"), r"line 3, column 'performance': 'x6' is no number"),
        (GOOD.replace("0.6", '"0,6"'), "line 3.*Write decimals with a point"),
        (GOOD.replace("a,0,2,0.6", "a,0,2"), "line 3 has 3 cells.*header has 4"),
        (GOOD.replace("a,0,2,0.6", "a,0,2,0.6,9"), "line 3 has 5 cells"),
        (GOOD.replace("seed", "run"), "names the column 'run' twice"),
        (GOOD.replace("a,0,2", "a,0,1"), "twice .lines 2 and 3.*--column run="),
        (GOOD.replace("0.6", '"0.6'), "line"),
        (GOOD.encode("utf-16"), "not UTF-8|no text"),
        (GOOD.replace("0.6", "=cmd()"), "'=cmd..' is no number"),
    ],
    ids=lambda value: None,
)
def test_each_fault_is_told_by_line_and_column(tmp_path, text, message) -> None:
    with pytest.raises(Refusal, match=message) as caught:
        read(tmp_path, text)
    assert "t.csv" in str(caught.value)


def test_a_run_that_went_non_finite_is_marked_and_kept(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD.replace("0.6", "NaN")).table
    assert table.filter(pl.col("run") == "a")["status"].to_list() == ["nonfinite"] * 2
    assert table.filter(pl.col("run") == "a")["performance"].to_list() == [0.5, None]
    assert set(table.filter(pl.col("run") == "b")["status"]) == {"done"}


def test_runs_are_named_by_what_tells_them_apart(tmp_path: Path) -> None:
    rows = [f"ppo,{t},{s},{x},{x}" for t in "ab" for s in (0, 1) for x in (1, 2, 3)]
    found = read(tmp_path, "\n".join(["algo,env,seed,step,score", *rows]))
    assert found.table["run"].unique().sort().to_list() == [
        "ppo a 0", "ppo a 1", "ppo b 0", "ppo b 1",
    ]  # fmt: skip
    assert "Runs are told apart by method, task, seed." in found.notes


def test_names_that_differ_in_dashes_only_are_one_task(tmp_path: Path) -> None:
    rows = [
        f"{t},{s},{x},1" for s, t in enumerate(("h1_run", "h1-run")) for x in (1, 2, 3)
    ]
    found = read(tmp_path, "\n".join(["env,seed,step,score", *rows]))
    assert found.table["task"].unique().to_list() == ["h1-run"]
    assert any("differ from another only in" in note for note in found.notes)


def test_parameters_by_name_and_compute_by_kappa(tmp_path: Path) -> None:
    rows = [f"{m},{x},1" for m in ("small", "large") for x in (1, 2, 3)]
    text = "\n".join(["method,step,score", *rows])
    found = read(tmp_path, text, parameters={"small": 10.0, "large": 40.0}, kappa=6.0)
    last = found.table.filter(pl.col("interactions") == 3).sort("parameters")
    assert last["compute"].to_list() == [180.0, 720.0]
    assert "6 FLOPs" in " ".join(found.notes)
    with pytest.raises(Refusal, match=r"named 'tiny'.*small"):
        read(tmp_path, text, parameters={"tiny": 1.0})


def test_one_metric_of_many_has_to_be_chosen(tmp_path: Path) -> None:
    rows = [f"a,{m},{x},{v}" for m, v in (("ret", 1), ("win", 0)) for x in (1, 2)]
    text = "\n".join(["run,metric,step,value", *rows])
    with pytest.raises(Refusal, match=r"there are 2 metrics: ret, win.*--metric ret"):
        read(tmp_path, text)
    assert read(tmp_path, text, metric="win").table["performance"].to_list() == [0, 0]


def test_json_lines_with_bare_nan_are_read(tmp_path: Path) -> None:
    lines = ['{"run": "a", "step": 1, "score": 1}', '{"run":"a","step":2,"score":NaN}']
    table = read(tmp_path, "\n".join(lines), "t.jsonl").table
    assert table["status"].to_list() == ["nonfinite"] * 2
    with pytest.raises(Refusal, match=r"t\.jsonl, line 2 is no JSON"):
        read(tmp_path, lines[0] + "\n{", "t.jsonl")


def test_parquet_and_csv_give_the_same(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD).table
    path = tmp_path / "t.parquet"
    pl.read_csv(GOOD.encode()).write_parquet(path)
    again = load("csv", [path], Wanted()).table
    assert again.drop("source").equals(table.drop("source"))


def test_several_files_are_one_table_with_their_source(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(
            "step,score\n1,0.5\n2,0.6\n3,0.7\n", encoding="utf-8"
        )
    table = load("csv", [tmp_path], Wanted()).table
    assert table["run"].n_unique() == 2
    assert not math.isnan(table["performance"].sum())
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refusal, match="No file of the format 'csv'"):
        load("csv", [tmp_path / "empty"], Wanted())
