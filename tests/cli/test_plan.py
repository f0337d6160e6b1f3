"""Tests of `allometry plan`."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from allometry import laws
from allometry.cli.main import app
from allometry.laws import card
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal

HORIZON = ["--law", "horizon", "--guess", "E_0=2e4", "--guess", "h_0=20"]
runner = CliRunner()


def refusal(*arguments: str) -> str:
    outcome = runner.invoke(app, ["plan", *arguments])
    assert isinstance(outcome.exception, Refusal), outcome.output
    return str(outcome.exception)


@pytest.fixture
def fit_file(tmp_path: Path) -> Path:
    truth = {"E_0": 2e4, "h_0": 20.0}
    grid = Grid({"horizon": (1.0, 4.0, 16.0, 64.0)})
    table = simulate(
        forms.find("horizon", None), truth, grid, Noise(), np.random.default_rng(0)
    )
    path = tmp_path / "fit.json"
    card.write(laws.fit("horizon", table), path)
    return path


def test_a_plan_says_its_runs_and_what_they_would_tell() -> None:
    outcome = runner.invoke(
        app, ["plan", *HORIZON, "--grid", "horizon=1,4,16,64", "--studies", "5"]
    )
    assert outcome.exit_code == 0, outcome.output
    assert "12 runs, 4.95e+05 agent steps together" in outcome.stdout
    assert "horizon: 1, 4, 16, 64" in outcome.stdout
    assert "seeds: 3 of each" in outcome.stdout
    assert "identify the law" in outcome.stdout
    assert "h_0" in outcome.stdout


def test_json_has_its_keys_and_nothing_around_it() -> None:
    outcome = runner.invoke(
        app,
        ["plan", *HORIZON, "--grid", "horizon=1,4,16,64", "--studies", "3", "--json"],
    )
    said = json.loads(outcome.stdout)
    assert set(said) == {
        "design", "studies", "identified", "constants", "others", "notes",
    }  # fmt: skip
    assert set(said["design"]) == {
        "law", "guess", "fixed", "growing", "seeds", "checkpoints", "runs", "cost",
        "cost_unit", "noise",
    }  # fmt: skip
    assert said["design"]["runs"] == 12
    assert set(said["constants"]["h_0"]) == {"truth", "low", "high", "covered"}


def test_a_study_says_what_to_add(fit_file: Path) -> None:
    outcome = runner.invoke(
        app, ["plan", "--study", str(fit_file), "--constant", "h_0", "--studies", "4"]
    )
    assert outcome.exit_code == 0, outcome.output
    assert "12 seeds instead of 3" in outcome.stdout
    assert "halves the interval" in outcome.stdout


def test_json_of_additions(fit_file: Path) -> None:
    outcome = runner.invoke(
        app, ["plan", "--study", str(fit_file), "--studies", "3", "--json"]
    )
    said = json.loads(outcome.stdout)
    assert set(said) == {
        "constant", "interval", "identified_as_it_is", "additions",
        "cheapest_that_halves", "notes",
    }  # fmt: skip
    assert set(said["additions"][0]) == {
        "what", "runs", "cost", "ratio", "low", "high", "identified",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_plan() -> None:
    arguments = [
        "plan",
        *HORIZON,
        "--grid",
        "horizon=1,4,16",
        "--studies",
        "3",
        "--json",
    ]
    first, second = (runner.invoke(app, arguments).stdout for _ in range(2))
    assert first == second
    assert first != runner.invoke(app, [*arguments, "--seed", "1"]).stdout


def test_bad_input_is_refused(fit_file: Path) -> None:
    assert "--budget 1e13" in refusal()
    assert "is no number" in refusal("--guess", "alpha_N=much")
    assert "is no number" in refusal(*HORIZON, "--grid", "horizon=1,two")
    assert "--constant belongs to --study" in refusal("--constant", "alpha_N")
    assert "leave out" in refusal("--study", str(fit_file), "--budget", "1e9")
    assert "no_such" in refusal("--study", "no_such.json")
    assert "no constant" in refusal("--study", str(fit_file), "--constant", "beta")
