"""Tests of `allometry report`: of a study, of a table's fit, of an import."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.reports import adapting

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def digits(allometry, tmp_path, monkeypatch):
    """Give a folder with the runs of the digits, as a CSV, and their fit."""
    shutil.copy(EXAMPLES / "digits.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert allometry("fit", "digits.csv").code == 0
    return tmp_path


def test_a_page_is_written_beside_its_law(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    outcome = allometry("report", path)
    assert outcome.code == 0
    assert str(path / "report.html") in outcome.said
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "<title>Simulated" in text
    assert "allometry run simulated" in text
    assert (path / "fit.json").is_file()


def test_a_page_that_goes_elsewhere_leaves_the_store_as_it_was(
    allometry, stores, tmp_path
):
    """An entry of an atlas, or a store that can only be read."""
    path = stores.simulated(tmp_path / "s").path
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert allometry("report", path, "--out", tmp_path / "page.html").code == 0
    after = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert after == before


def test_page_and_fit_card_say_which_code_trained_the_runs(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    assert allometry("report", path).code == 0
    said = "allometry 0.0.9, commit c0ffee1, with local changes"
    text = (path / "report.html").read_text(encoding="utf-8")
    assert f"<dt>Trained by</dt><dd>{said}</dd>" in text
    fit = json.loads((path / "fit.json").read_text())
    assert fit["card"]["trained_by"] == [said]


def test_a_page_of_several_laws_holds_them_all(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s", by_horizon=True).path
    assert allometry("report", path).code == 0
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "h = 1" in text
    assert "h = 4" in text


def test_a_study_without_a_law_has_a_page_of_adaptation(allometry, tmp_path):
    path = adapting.write(tmp_path / "s").store.path
    assert allometry("report", path).code == 0
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "Better from trial to trial?" in text
    assert not list(path.glob("fit*.json"))
    allometry("fit", path).refuses("asks for no law", "allometry.laws.fit")


def test_a_page_replaces_the_one_before(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    (path / "report.html").write_text("an old page")
    assert allometry("report", path).code == 0
    assert "an old page" not in (path / "report.html").read_text(encoding="utf-8")


def test_the_fit_of_a_table_becomes_a_page_with_its_curves(allometry, digits):
    outcome = allometry("report", "digits.fit.json")
    assert outcome.code == 0
    assert outcome.said.strip() == "Page: digits.html"
    text = (digits / "digits.html").read_text(encoding="utf-8")
    assert "How fast each size learns" in text
    assert "allometry fit digits.csv" in text
    assert {path.name for path in digits.iterdir()} == {
        "digits.csv",
        "digits.fit.json",
        "digits.html",
    }


@pytest.mark.parametrize("imported", [False, True], ids=["a table", "an import"])
def test_a_page_of_foreign_curves_speaks_of_no_study_of_ours(
    allometry, digits, imported
):
    frame = pl.read_csv("digits.csv").rename({"performance": "test_accuracy"})
    frame.write_csv("mine.csv")
    fit = ["fit", "mine.csv", "--column", "performance=test_accuracy"]
    made = ["allometry fit mine.csv --column performance=test_accuracy"]
    if imported:
        column = ["--column", "performance=test_accuracy"]
        assert allometry("import", "csv", "mine.csv", "--out", "o", *column).code == 0
        fit = ["fit", "o"]
        column = " ".join(column)
        made = [f"allometry import csv mine.csv --out o {column}", "allometry fit o"]
    assert allometry(*fit).code == 0
    assert allometry("report", "o" if imported else "mine.fit.json").code == 0
    page = "o/report.html" if imported else "mine.html"
    text = (digits / page).read_text(encoding="utf-8")
    assert "Test accuracy (at most 1)" in text
    text = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert f"<pre>{chr(10).join(made)}</pre>" in text
    assert "read the curves and made the law, and trained nothing" in text
    assert "This page shows those of <code>mine.csv</code>" in text
    for ours in ("makes the study", "study.json", "bundles/", "records", "Fingerpr"):
        assert ours not in text


def test_the_page_of_our_own_study_says_how_to_make_it_again(
    allometry, stores, tmp_path
):
    path = stores.simulated(tmp_path / "s").path
    assert allometry("report", path).code == 0
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "This command makes the study" in text
    assert "study.json" in text
    assert "trained nothing" not in text


def test_the_table_is_found_beside_its_fit(allometry, digits, tmp_path, monkeypatch):
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("digits.csv", "digits.fit.json"):
        shutil.move(digits / name, moved / name)
    outcome = allometry("report", "moved/digits.fit.json", "--out", "page.html")
    assert outcome.code == 0
    assert (tmp_path / "page.html").is_file()


def test_without_its_table_the_page_is_refused_with_the_remedy(allometry, digits):
    (digits / "digits.csv").unlink()
    outcome = allometry("report", "digits.fit.json")
    assert outcome.code == 2
    assert "digits.csv is not there: put it beside the fit" in outcome.said


def test_an_intrinsic_fit_without_any_source_is_refused(allometry, digits):
    path = digits / "digits.fit.json"
    document = json.loads(path.read_text())
    del document["card"]["table"]
    path.write_text(json.dumps(document))
    outcome = allometry("report", "digits.fit.json")
    assert outcome.code == 2
    assert "allometry report DIR" in outcome.said


def test_the_page_can_be_named_and_told_as_json(allometry, digits):
    words = ["--out", "x.html", "--title", "Named by me", "--json"]
    outcome = allometry("report", "digits.fit.json", *words)
    assert json.loads(outcome.said) == {"page": "x.html"}
    assert "<title>Named by me" in (digits / "x.html").read_text(encoding="utf-8")
