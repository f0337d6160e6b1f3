"""Curves of other tools become a folder, a fit, and numbers that can be read."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from allometry.laws import card
from allometry.laws.intrinsic.simulate import Scenario, simulate

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the published data are not beside the project"
)
WIDTHS = {128: 3.2e5, 256: 1.2e6, 512: 4.6e6, 1024: 1.8e7}


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    """A study's curves under names that are not ours."""
    table = simulate(Scenario(), np.random.default_rng(0))
    names = {"parameters": "n_params", "interactions": "env_step", "compute": "flops"}
    path = tmp_path / "curves.csv"
    table.rename({**names, "performance": "success_rate"}).write_csv(path)
    return path


def test_a_csv_becomes_a_law_in_two_commands(allometry, curves, tmp_path) -> None:
    out = tmp_path / "mine"
    outcome = allometry("import", "csv", curves, "--out", out)
    assert outcome.code == 0
    assert "24 runs, 960 rows" in outcome.said
    assert "success_rate" in outcome.said
    assert f"allometry fit {out}" in outcome.said
    outcome = allometry("fit", out)
    assert outcome.code == 0
    assert "size_exponent" in outcome.said
    assert card.read(out / "fit.json").identified


def test_a_file_is_fitted_at_once_and_its_fit_asked(
    allometry, curves, tmp_path
) -> None:
    assert allometry("fit", curves).code == 0
    fit = curves.with_name("curves.fit.json")
    assert card.read(fit).law == "intrinsic"
    assert allometry("plot", fit, "--out", tmp_path / "law.pdf").code == 0
    assert (tmp_path / "law.pdf").read_bytes().startswith(b"%PDF")


def test_json_has_the_documented_keys(allometry, curves, tmp_path) -> None:
    outcome = allometry("import", "csv", curves, "--out", tmp_path / "o", "--json")
    found = json.loads(outcome.out)
    assert list(found) == ["out", "format", "runs", "rows", "columns", "notes"]
    assert found["columns"]["interactions"] == "env_step"


def test_what_is_missing_for_a_law_is_said(allometry, tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("run,step,score\na,1,2\na,2,3\na,3,3\n", encoding="utf-8")
    outcome = allometry("import", "csv", path, "--out", tmp_path / "o")
    assert "--parameters" in outcome.said
    assert "--kappa" in outcome.said
    outcome = allometry("fit", tmp_path / "o")
    assert outcome.code == 2
    assert "Say which law" in outcome.said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cvs", "t.csv"], "no format 'cvs'. Did you mean 'csv'?"),
        (["csv", "absent.csv"], "absent.csv does not exist"),
        (["csv", "t.csv", "--column", "score"], "write --column performance=score"),
        (["csv", "t.csv", "--column", "performance=scor"], "Did you mean 'score'?"),
        (["csv", "t.csv", "--parameters", "a=big"], "'big' is no number"),
        (["csv", "t.csv", "--metric", "win"], "no column 'metric'"),
        (["csv", "n.csv"], "no column for performance or loss"),
        (["csv", "t.csv", "--kappa", "0"], "--kappa is 0: give the FLOPs per parame"),
        (["csv", "t.csv", "--kappa", "-6"], "--kappa is -6: give the FLOPs per para"),
        (["csv", "t.csv", "--kappa", "nan"], "a number above 0 such as 6"),
        (["wide", "t.csv"], "has the column 'run', as a long table has: import it as"),
    ],
)
def test_bad_input_is_named(allometry, tmp_path, monkeypatch, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("run,step,score\na,1,2\na,2,3\n", encoding="utf-8")
    Path("n.csv").write_text("run,step\na,1\na,2\n", encoding="utf-8")
    outcome = allometry("import", *words, "--out", "o")
    assert outcome.code == 2
    assert message in outcome.said
    assert "Traceback" not in outcome.said
    assert not Path("o").exists()


@needs_data
def test_simba_v2_is_imported_in_one_command(allometry, tmp_path) -> None:
    sizes = [
        word
        for width, size in WIDTHS.items()
        for word in ("--parameters", f"simbaV2_cwidth{width}={size}")
    ]
    files = sorted((SHARED / "simbav2_width").glob("*.csv"))
    out = tmp_path / "simba"
    outcome = allometry(
        "import", "csv", *files, "--out", out, "--metric", "avg_return", *sizes
    )
    assert outcome.code == 0
    runs = pl.read_parquet(out / "runs.parquet")
    assert set(runs["parameters"].unique()) == set(WIDTHS.values())
    assert runs.height == 750
    assert not any("_v0" in task for task in runs["task"].unique())


@needs_data
def test_simba_v2_does_not_tell_the_law_of_its_width(allometry, tmp_path) -> None:
    """Four widths cannot tell a floor and an exponent: the answer says so."""
    files = sorted((SHARED / "simbav2_width").glob("*.csv"))
    table = pl.concat([pl.read_csv(file) for file in files])
    last = table.filter(
        (pl.col("env_step") == 1e6)
        & (pl.col("metric") == "avg_return")
        & (pl.col("env_name") == "dog-run")
    ).with_columns(
        width=pl.col("exp_name").str.extract(r"(\d+)$").cast(pl.Int64),
        shortfall=1000 - pl.col("value"),
    )
    last.write_csv(tmp_path / "dog.csv")
    columns = ("x=width", "y=shortfall", "performance=value")
    told = [word for column in columns for word in ("--column", column)]
    path = tmp_path / "dog.csv"
    outcome = allometry("fit", path, "--law", "power-floor", *told)
    assert outcome.code == 0
    assert "Not identified" in outcome.said
    assert not card.read(tmp_path / "dog.fit.json").identified
