"""Tests of `allometry export`."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from allometry.cli.main import app
from allometry.refusal import Refusal

runner = CliRunner()
CURVES = (
    "run,parameters,interactions,performance\n"
    "=cmd|a,100,10,0.1\n=cmd|a,100,20,-0.2\nb,200,10,0.3\nb,200,20,0.4\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "mine.csv"
    source.write_text(CURVES)
    out = tmp_path / "mine"
    outcome = runner.invoke(app, ["import", "csv", str(source), "--out", str(out)])
    assert outcome.exit_code == 0, outcome.output
    return out


def test_curves_come_out_as_they_went_in_with_formulas_disarmed(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    outcome = runner.invoke(app, ["export", str(folder), "--out", str(out)])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith("4 rows")
    table = pl.read_csv(out).sort("run", "interactions")
    assert table["run"].to_list() == ["'=cmd|a", "'=cmd|a", "b", "b"]
    assert table["performance"].to_list() == [0.1, -0.2, 0.3, 0.4]


def test_json_names_the_file(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    outcome = runner.invoke(app, ["export", str(folder), "--out", str(out), "--json"])
    said = json.loads(outcome.stdout)
    assert set(said) == {"file", "rows", "columns"}
    assert said["rows"] == 4


def test_a_file_is_not_replaced_unasked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    command = ["export", str(folder), "--out", str(out)]
    outcome = runner.invoke(app, command)
    assert isinstance(outcome.exception, Refusal)
    assert "--overwrite" in str(outcome.exception)
    assert out.read_text() == "mine"
    assert runner.invoke(app, [*command, "--overwrite"]).exit_code == 0


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    outcome = runner.invoke(app, ["export", str(tmp_path), "--out", "x.csv"])
    assert isinstance(outcome.exception, Refusal)


def test_a_tracker_gets_a_new_folder(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "events"
    command = ["export", str(folder), "--to", "tensorboard", "--out", str(out)]
    outcome = runner.invoke(app, [*command, "--columns", "performance", "--json"])
    assert json.loads(outcome.stdout) == {
        "folder": str(out), "runs": 2, "metrics": ["performance"]
    }  # fmt: skip
    assert len(list(out.iterdir())) == 2
    again = runner.invoke(app, command)
    assert isinstance(again.exception, Refusal)
    assert "not overwritten" in str(again.exception)


def test_options_of_the_other_kind_are_refused(folder: Path, tmp_path: Path) -> None:
    command = ["export", str(folder), "--out", str(tmp_path / "out")]
    for words, said in (
        (["--to", "mlflow", "--overwrite"], "is for a CSV"),
        (["--columns", "performance"], "say --to"),
        (["--to", "comet"], "Choose from: csv, tensorboard, mlflow, wandb"),
    ):
        outcome = runner.invoke(app, [*command, *words])
        assert isinstance(outcome.exception, Refusal)
        assert said in str(outcome.exception)
    assert not (tmp_path / "out").exists()
