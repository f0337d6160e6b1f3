"""The atlas: entries are fitted again from their tables, and differences are told."""

import json
import shutil

import polars as pl
import pytest

from allometry.curves.store import open_store
from allometry.refusal import Refusal
from allometry.reports import atlas
from tests.reports import generalising


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return generalising.write(tmp_path_factory.mktemp("study") / "s")


@pytest.fixture(scope="module")
def added(store, tmp_path_factory):
    return atlas.add(store, tmp_path_factory.mktemp("atlas"), "state")


@pytest.fixture
def entry(added, tmp_path):
    return shutil.copytree(added, tmp_path / "atlas" / added.name)


def test_an_entry_holds_the_tables_and_no_network(store, added) -> None:
    kept = open_store(added)
    assert kept.table().equals(store.table().with_columns(pl.lit(1).alias("attempts")))
    assert kept.scores().equals(store.scores())
    names = {path.name for path in added.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith("safetensors")]
    assert (added / "generalisation.json").is_file()
    assert b'"host"' not in b"".join(path.read_bytes() for path in added.glob("*.json"))


def test_an_entry_is_reproduced_from_its_tables(entry) -> None:
    found = atlas.check(entry)
    assert found.reproduced
    assert [law.file for law in found.laws] == ["generalisation.json"]
    assert "at 0.5 compute ∝ states^0.5" in found.laws[0].says
    assert atlas.entries(entry.parent) == [entry]


def test_a_law_that_is_not_the_tables_is_told(entry) -> None:
    path = entry / "generalisation.json"
    stored = json.loads(path.read_text())
    exponent = stored[0]["laws"][0]["exponent"]
    exponent["value"] *= 1.0005
    path.write_text(json.dumps(stored))
    assert atlas.check(entry).reproduced  # within the tolerance
    exponent["value"] *= 1.01
    path.write_text(json.dumps(stored))
    found = atlas.check(entry)
    assert not found.reproduced
    assert found.laws[0].differences[0].startswith("0.laws.0.exponent.value is")


def test_a_law_that_was_not_stored_is_told(entry) -> None:
    (entry / "generalisation.json").unlink()
    assert atlas.check(entry).laws[0].differences == ("it was not stored",)


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "held"), (9.0, "missed")])
def test_a_forecast_stands_beside_its_outcome(entry, factor, outcome) -> None:
    stored = json.loads((entry / "generalisation.json").read_text())
    law = stored[1]["laws"][0]["forecast"]
    told = {
        "made": "2026-11-21",
        "by": "arena",
        "level": 14,
        "threshold": 0.5,
        "performance": "performance",
        "predicted": {key: law["predicted"][key] * factor for key in ("value", "low")}
        | {"high": law["predicted"]["high"] * factor},
    }
    (entry / atlas.FORECAST).write_text(json.dumps(told))
    said = atlas.check(entry).forecast
    assert said.startswith("forecast on 2026-11-21 for arena = 14")
    assert said.endswith(outcome)


def test_what_cannot_be_added_is_refused(store, tmp_path) -> None:
    atlas.add(store, tmp_path, "one")
    with pytest.raises(Refusal, match="exists: choose another --name"):
        atlas.add(store, tmp_path, "one")
    nothing = generalising.write(tmp_path / "n", complexities=[])
    with pytest.raises(Refusal, match="asks for no law"):
        atlas.add(nothing, tmp_path, "two")
    assert not (tmp_path / "two").exists()
    with pytest.raises(Refusal, match="is no folder"):
        atlas.entries(tmp_path / "none")
    with pytest.raises(Refusal, match="holds no law"):
        atlas.entries(tmp_path / "n" / "bundles")
