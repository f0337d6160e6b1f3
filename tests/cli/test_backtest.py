"""Forms are ranked by what they had not seen, and the table says which are wrong."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

COLUMNS = ["--column", "x=width", "--column", "y=cost"]
POWER = ["--law", "power", *COLUMNS]
RIVALS = {"power", "power-floor", "last value"}
EACH = "power-floor per setting"
SCORE = {
    "law",
    "cut",
    "error",
    "bias",
    "allowed",
    "covered",
    "identified",
    "by_distance",
    "note",
    "leaning",
}


@pytest.fixture
def exact(tmp_path) -> Path:
    """The pure power law cost = 1/width at twenty widths, each twice the last."""
    width = 2.0 ** np.arange(20)
    path = tmp_path / "exact.csv"
    pl.DataFrame({"width": width, "cost": 1 / width}).write_csv(path)
    return path


@pytest.fixture
def floor(tmp_path) -> Path:
    """Cost 20 width^−0.45 + 0.3 of 5 seeds, with 2 % of luck."""
    generator = np.random.default_rng(0)
    width = np.tile(np.geomspace(1e1, 1e7, 16), 5)
    luck = np.exp(0.02 * generator.standard_normal(len(width)))
    path = tmp_path / "floor.csv"
    cost = (20 * width**-0.45 + 0.3) * luck
    run = np.repeat([f"seed-{seed}" for seed in range(5)], 16)
    pl.DataFrame({"run": run, "width": width, "cost": cost}).write_csv(path)
    return path


def test_the_right_form_is_printed_first_and_the_wrong_one_is_flagged(
    allometry, floor
) -> None:
    outcome = allometry("backtest", floor, *POWER)
    assert outcome.code == 0
    assert "power-floor forecasts best" in outcome.said
    assert "power is contradicted by what lies beyond the cuts" in outcome.said
    assert "Do not forecast with it." in outcome.said
    rows = [line.split()[0] for line in outcome.out.splitlines() if "%" in line]
    assert rows[0] == "power-floor"
    assert set(rows[1:3]) == {"power", "last"}
    assert "nan" not in outcome.out


def test_json_has_the_documented_keys_and_the_same_verdict(allometry, floor) -> None:
    found = allometry("backtest", floor, *POWER, "--json").document
    assert set(found) == {
        "along",
        "response",
        "scale",
        "cuts",
        "ranking",
        "flagged",
        "scores",
        "sentences",
    }
    assert (found["along"], found["response"]) == ("width", "cost")
    assert found["scale"] == "log"
    assert found["cuts"] == pytest.approx([1e7 / 30, 1e6, 1e7 / 3])
    assert all(set(one) == {"law", "error"} for one in found["ranking"])
    assert {one["law"] for one in found["ranking"]} == RIVALS
    assert found["ranking"][0]["law"] == "power-floor"
    # The luck of a run is all that remains to be missed.
    assert found["ranking"][0]["error"] == pytest.approx(0.02, rel=0.35)
    assert found["flagged"] == ["power"]
    assert len(found["scores"]) == 3 * len(found["cuts"])
    assert all(set(one) == SCORE for one in found["scores"])
    said = allometry("backtest", floor, *POWER).said
    assert all(sentence in said for sentence in found["sentences"])


def test_without_luck_the_errors_are_those_by_hand(allometry, exact) -> None:
    words = ["--cuts", "512", "--json"]
    found = allometry("backtest", exact, *POWER, *words).document
    assert found["cuts"] == [512]
    assert found["flagged"] == []
    scores = {one["law"]: one for one in found["scores"]}
    assert scores["power"]["error"] == pytest.approx(0.0, abs=1e-9)
    assert scores["power"]["identified"] is True
    assert scores["power-floor"]["identified"] is False
    # That cost stays at 2^−9 is wrong by 1 to 10 times ln 2 at 2^10 to 2^19.
    last = scores["last value"]
    assert last["error"] == pytest.approx(math.log(2) * math.sqrt(38.5))
    assert last["bias"] == pytest.approx(math.log(2) * 5.5)
    assert last["by_distance"] == pytest.approx(
        {
            "1–3": math.log(2),
            "3–10": math.log(2) * math.sqrt((4 + 9) / 2),
            "10+": math.log(2) * math.sqrt((385 - 14) / 7),
        }
    )
    assert last["allowed"] is None
    assert last["covered"] is None


def test_a_law_of_two_inputs_is_scored_along_its_data(allometry, tmp_path) -> None:
    generator = np.random.default_rng(0)
    N, D = (
        grid.ravel()
        for grid in np.meshgrid(np.geomspace(1e3, 3e7, 6), np.geomspace(1e4, 1e9, 12))
    )
    loss = 0.5 + 60 * N**-0.4 + 300 * D**-0.42
    loss *= np.exp(0.005 * generator.standard_normal(len(N)))
    path = tmp_path / "losses.csv"
    pl.DataFrame({"size": N, "tokens": D, "loss": loss}).write_csv(path)
    words = ["--law", "two-term", "--law", "power-floor", "--column", "parameters=size"]
    words += ["--column", "data=tokens", "--cuts", "1e6", "--json"]
    found = allometry("backtest", path, *words).document
    assert found["along"] == "data"
    assert {one["law"] for one in found["ranking"]} == {"two-term", EACH, *RIVALS}
    assert found["ranking"][0]["law"] == "two-term"
    assert found["ranking"][0]["error"] < 2 * 0.005
    assert "two-term" not in found["flagged"]


def test_no_name_is_cut_off_in_a_narrow_terminal(
    allometry, tmp_path, monkeypatch
) -> None:
    generator = np.random.default_rng(0)
    sizes, seeds = np.geomspace(1e4, 1e7, 6), np.arange(4)
    N, D, seed = (
        grid.ravel() for grid in np.meshgrid(sizes, np.geomspace(1e4, 1e9, 30), seeds)
    )
    loss = 0.5 + 60 * N**-0.4 + 300 * D**-0.42
    loss *= np.exp(0.02 * generator.standard_normal(len(N)))
    path = tmp_path / "losses.csv"
    columns = {"parameters": N, "data": D, "seed": seed, "loss": loss}
    pl.DataFrame(columns).write_csv(path)
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = allometry("backtest", path, "--law", "two-term").out.splitlines()
        assert max(map(len, lines)) <= width
        text = " ".join(lines)
        assert "…" not in text
        for name in ("two-term", "power-floor", "per setting", "contradicted"):
            assert name in text
        for cut in ("3.33e7", "1e8", "3.33e8"):
            assert cut in lines[1].split()


def test_it_cuts_along_the_column_asked_for(allometry, exact) -> None:
    frame = pl.read_csv(exact)
    frame.with_columns(depth=pl.col("width") * 3).write_csv(exact)
    words = ["--along", "depth", "--cuts", "1536", "--json"]
    found = allometry("backtest", exact, *POWER, *words).document
    assert found["along"] == "depth"
    last = next(one for one in found["scores"] if one["law"] == "last value")
    assert last["error"] == pytest.approx(math.log(2) * math.sqrt(38.5))


def test_without_a_law_the_naive_rivals_compete(allometry, exact) -> None:
    found = allometry("backtest", exact, *COLUMNS, "--cuts", "512", "--json").document
    assert {one["law"] for one in found["ranking"]} == RIVALS


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--law", "chinchilla"], ["no law 'chinchilla'; choose from: intrinsic"]),
        (["--law", "intrinsic"], ["intrinsic law cannot be scored", "Backtest the"]),
        (["--law", "power"], ["no column 'x'; it has: width, cost", "--column"]),
        (["--law", "two-term"], ["no column 'data'; it has: width", "--column"]),
        ([*POWER[:4], "--column", "y=nope"], ["no column 'nope'", "--column"]),
        ([*POWER, "--along", "nope"], ["no column 'nope'", "it has: width, cost"]),
        ([*POWER, "--cuts", "many"], ["--cuts: 'many' is no number", "1.2e6"]),
        ([*POWER, "--cuts", "512,"], ["--cuts: '' is no number"]),
        ([*POWER, "--cuts", "1e9"], ["The cut 1e+09", "runs from 1 to 524288"]),
        ([*POWER, "--cuts", "512,-1"], ["The cut -1 leaves nothing", "runs from 1"]),
        ([*POWER, "--cuts", "nan"], ["The cut nan leaves nothing", "runs from 1"]),
        ([*POWER, "--column", "z"], ["'z' is no pair", "write --column data=tokens"]),
        ([*POWER, "--column", "x=cost"], ["--column gives 'x' twice", "keep one"]),
        ([*POWER, "--column", "z=cost"], ["input or response 'z'", "for: x, y"]),
        ([*POWER, "--column", "run=nope"], ["no column 'nope' for 'run'", "run=NAME"]),
        (
            [*POWER, "--law", "two-term"],
            ["no column 'parameters'; it has: width, cost", "--column"],
        ),
    ],
)
def test_bad_input_is_named(allometry, exact, words, message) -> None:
    allometry("backtest", exact, *words).refuses(*message)
    allometry("backtest", exact, *words, "--json").refuses(*message)


@pytest.mark.parametrize(
    "words",
    [
        ["--column", "x=name", "--column", "y=cost"],
        ["--column", "x=width", "--column", "y=name"],
        [*COLUMNS, "--along", "name"],
    ],
)
def test_text_is_no_axis_and_no_response(allometry, exact, words) -> None:
    pl.read_csv(exact).with_columns(name=pl.lit("a")).write_csv(exact)
    allometry("backtest", exact, "--law", "power", *words).refuses(
        "Column 'name' holds String, not numbers", "--column", "--along"
    )


def test_a_column_that_was_guessed_keeps_its_name(allometry, exact) -> None:
    pl.read_csv(exact).rename({"width": "flops"}).write_csv(exact)
    words = ["--law", "power", "--column", "x=flops", "--column", "y=cost"]
    words += ["--cuts", "512", "--json"]
    found = allometry("backtest", exact, *words).document
    assert found == allometry("backtest", exact, *words, "--along", "flops").document


def test_nothing_is_said_beside_the_scores(allometry, exact) -> None:
    assert allometry("backtest", exact, *POWER, "--cuts", "512").err == ""


def test_too_few_data_are_refused_with_what_it_takes(allometry, exact) -> None:
    pl.read_csv(exact).head(8).write_csv(exact)
    allometry("backtest", exact, *POWER).refuses(
        "8 observations below it and 4 above", "Give cuts, or more runs"
    )


def test_a_table_that_cannot_be_read_is_named(allometry, exact) -> None:
    missing = exact.with_name("absent.csv")
    allometry("backtest", missing, *POWER).refuses(str(missing), "does not exist")
    exact.write_text("width,cost\n1,2\n3\n", encoding="utf-8")
    allometry("backtest", exact, *POWER).refuses(
        f"{exact}, line 3 has 1 cells, and the header has 2", "Give every line as many"
    )
