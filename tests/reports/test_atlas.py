"""The atlas: entries are fitted again from their tables, and differences are told."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from allometry.curves import owner
from allometry.curves.store import Store, open_store
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
    assert kept.progress("arena-4")["planned"] == 7


def test_an_entry_names_no_host(store, added) -> None:
    """The store does, where this looks: in every column of text of every table."""
    machine = owner.this_process()["machine"]

    def told(folder: Path) -> bool:
        texts = [path.read_text() for path in folder.rglob("*.json")]
        for path in folder.rglob("*.parquet"):
            frame = pl.read_parquet(path).select(pl.col(pl.String))
            texts += [str(row) for row in frame.rows()]
        return any(machine in text or '"host"' in text for text in texts)

    assert told(store.path)
    assert not told(added)


def test_an_entry_tells_which_code_trained_it(store, added) -> None:
    names = store.bundles
    assert open_store(added).code_versions(names) == store.code_versions(names)
    assert store.code_versions(names) == ("allometry 0.1.0, commit 051cdf1",)


def test_doubts_of_the_record_are_kept(store, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Store, "doubts", lambda self, bundles: ("A bit was flipped.",))
    place = atlas.add(store, tmp_path, "doubtful")
    monkeypatch.undo()
    kept = open_store(place)
    assert kept.doubts(["arena-4"]) == ("A bit was flipped.",)


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


def test_laws_beside_that_of_compute_are_compared_where_they_were_stored(entry) -> None:
    path = entry / "generalisation.json"
    stored = json.loads(path.read_text())
    before = [{k: x for k, x in one.items() if k != "others"} for one in stored]
    path.write_text(json.dumps(before))
    assert atlas.check(entry).reproduced  # from before there were any
    stored[0]["others"]["size"][0]["log_constant"] += 1
    path.write_text(json.dumps(stored))
    (told,) = atlas.check(entry).laws[0].differences
    assert told.startswith("0.others.size.0.log_constant is")


def test_a_law_that_was_not_stored_is_told(entry) -> None:
    (entry / "generalisation.json").unlink()
    assert atlas.check(entry).laws[0].differences == ("it was not stored",)


def test_a_law_that_the_tables_do_not_give_is_told(entry) -> None:
    (entry / "fit.json").write_text("{}")
    found = atlas.check(entry)
    assert not found.reproduced
    assert found.laws[-1].differences == ("the tables do not give it",)


def foretold(entry: Path, factor: float) -> dict:
    """The forecast of the level before the last that the law itself made."""
    stored = json.loads((entry / "generalisation.json").read_text())
    law = stored[1]["laws"][0]["forecast"]
    return {
        "made": "2026-11-21",
        "by": "arena",
        "level": 14,
        "threshold": 0.5,
        "performance": "performance",
        "predicted": {key: law["predicted"][key] * factor for key in ("value", "low")}
        | {"high": law["predicted"]["high"] * factor},
    }


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "held"), (9.0, "missed")])
def test_a_forecast_stands_beside_its_outcome(entry, factor, outcome) -> None:
    (entry / atlas.FORECAST).write_text(json.dumps(foretold(entry, factor)))
    said = atlas.check(entry).forecast
    assert said.startswith("forecast on 2026-11-21 for arena = 14")
    assert said.endswith(outcome)


@pytest.mark.parametrize(
    "change", [{"level": 15}, {"threshold": 0.6}, {"by": "objects"}]
)
def test_a_forecast_of_what_the_study_has_not_is_told(entry, change) -> None:
    told = foretold(entry, 1.0) | change
    (entry / atlas.FORECAST).write_text(json.dumps(told))
    assert atlas.check(entry).forecast.endswith("no such level, score or threshold")


@pytest.mark.parametrize(
    ("change", "where"),
    [({"threshold": "half"}, "threshold"), ({"predicted": {}}, "predicted.value")],
)
def test_a_forecast_that_is_none_is_refused(entry, change, where) -> None:
    told = foretold(entry, 1.0) | change
    (entry / atlas.FORECAST).write_text(json.dumps(told))
    with pytest.raises(Refusal, match=f"is no forecast: {where}"):
        atlas.check(entry)


def test_a_forecast_may_stand_there_before_the_runs(store, tmp_path, entry) -> None:
    place = tmp_path / "mine" / "state"
    place.mkdir(parents=True)
    (place / atlas.FORECAST).write_text(json.dumps(foretold(entry, 1.0)))
    (said,) = atlas.awaited(tmp_path / "mine").items()
    assert said[0] == "state"
    assert said[1].startswith("forecast on 2026-11-21 for arena = 14 at 0.5: ")
    assert said[1].endswith("FLOPs; not run yet")
    assert atlas.add(store, tmp_path / "mine", "state") == place
    assert atlas.check(place).forecast.endswith("held")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["state"]
    assert atlas.awaited(tmp_path / "mine") == {}


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
