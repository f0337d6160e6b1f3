"""`allometry atlas`: the project's own entries are reproduced; others are added."""

import json
from pathlib import Path

import pytest

ATLAS = Path(__file__).resolve().parents[2] / "atlas"
FINISHED = "digits"


def test_every_entry_of_the_atlas_is_reproduced_from_its_tables(allometry) -> None:
    outcome = allometry("atlas", ATLAS)
    assert outcome.code == 0, outcome
    folders = [path for path in ATLAS.iterdir() if path.is_dir()]
    entries = {path.name for path in folders if (path / "study.json").is_file()}
    assert {FINISHED, "generalisation-state"} <= entries
    assert all(path.name in outcome.said for path in folders)
    waiting = len(folders) - len(entries)
    assert outcome.said.count("not run yet") == waiting
    count = len(entries)
    assert f"{count} of {count} entries are reproduced" in outcome.said


def test_an_entry_is_added_from_a_store_and_read_again(allometry, tmp_path) -> None:
    mine = tmp_path / "mine"
    added = allometry("atlas", mine, "--add", ATLAS / FINISHED, "--name", "again")
    assert added.code == 0, added
    assert added.out == f"Added: {mine / 'again'}\n"
    found = json.loads(allometry("atlas", mine, "--json").out)
    assert [(one["name"], one["reproduced"]) for one in found] == [("again", True)]
    words = ("--add", ATLAS / FINISHED, "--name", "told", "--json")
    told = allometry("atlas", mine, *words).document
    assert told == found[0] | {"name": "told"}
    own = json.loads((ATLAS / FINISHED / "fit.json").read_text())
    copied = json.loads((mine / "again" / "fit.json").read_text())
    assert copied["parameters"] == own["parameters"]


def test_a_law_that_its_tables_do_not_give_ends_with_1(allometry, tmp_path) -> None:
    mine = tmp_path / "mine"
    allometry("atlas", mine, "--add", ATLAS / FINISHED, "--name", "again")
    path = mine / "again" / "fit.json"
    stored = json.loads(path.read_text())
    stored["derived"]["size_exponent"]["value"] += 0.01
    path.write_text(json.dumps(stored))
    outcome = allometry("atlas", mine)
    assert outcome.code == 1
    assert "DIFFERS" in outcome.said
    assert "derived.size_exponent.value is" in outcome.said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["mine", "--add", "nowhere"], "nowhere does not exist"),
        (["mine", "--add", ATLAS / FINISHED, "--name", "../out"], "entry"),
    ],
)
def test_what_is_none_is_refused(
    allometry, tmp_path, monkeypatch, words, message
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = allometry("atlas", *words)
    assert outcome.code == 2
    assert message in outcome.said
    assert not (tmp_path / "out").exists()
