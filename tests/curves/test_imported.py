"""A stored import is whole or none, and says where its curves came from."""

import json
from pathlib import Path

import polars as pl
import pytest

from allometry.curves import imported
from allometry.curves.formats import load
from allometry.curves.mapping import Wanted
from allometry.curves.opened import open_curves
from allometry.curves.table import RUNS
from allometry.refusal import Refusal

TEXT = "run,seed,interactions,performance,n_params\n" + "".join(
    f"{run},{seed},{x},{x / 10},{size}\n"
    for run, seed, size in (("a", 0, 100), ("b", 1, 200))
    for x in (0, 1, 2, 3)
)


@pytest.fixture
def conformed(tmp_path: Path):
    path = tmp_path / "log.csv"
    path.write_text(TEXT, encoding="utf-8")
    return load("csv", [path], Wanted())


def store(folder: Path, conformed, **options) -> imported.Imported:
    about = {"format": "csv", "title": "Mine", "command": "allometry import csv x"}
    return imported.write(folder, conformed, **about, **options)


def test_an_import_reads_like_a_store(tmp_path: Path, conformed) -> None:
    store(tmp_path / "out", conformed)
    found = open_curves(tmp_path / "out")
    runs = found.runs()
    assert set(RUNS) <= set(runs.columns)
    assert runs.select("run", "seed", "parameters", "fingerprint").rows() == [
        ("a", 0, 100, None),
        ("b", 1, 200, None),
    ]
    assert found.curves()["checkpoint"].to_list() == [0, 1, 2, 3] * 2
    table = found.table()
    assert table["interactions"].to_list() == [1, 2, 3] * 2
    assert table["parameters"].to_list() == [100] * 3 + [200] * 3
    assert found.study["title"] == "Mine"
    assert found.scores().is_empty()


def test_the_record_names_its_sources_without_their_folders(
    tmp_path, conformed
) -> None:
    store(tmp_path / "out", conformed)
    record = json.loads((tmp_path / "out" / "import.json").read_text())
    (source,) = record["sources"]
    assert source["path"] == "log.csv"
    assert source["bytes"] == len(TEXT)
    assert len(source["sha256"]) == 64
    assert record["columns"]["parameters"] == "n_params"
    assert str(tmp_path) not in json.dumps(record)


def test_a_folder_in_use_is_left_alone(tmp_path: Path, conformed) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(Refusal, match="not empty and holds no import"):
        store(folder, conformed, overwrite=True)
    assert (folder / "thesis.tex").read_text() == "years of work"
    store(tmp_path / "new", conformed)
    with pytest.raises(Refusal, match=r"holds an import already.*--overwrite"):
        store(tmp_path / "new", conformed)
    store(tmp_path / "new", conformed, overwrite=True)


def test_without_its_record_a_folder_is_no_import(tmp_path: Path, conformed) -> None:
    store(tmp_path / "out", conformed)
    (tmp_path / "out" / "import.json").unlink()
    with pytest.raises(Refusal, match="not the folder of a study"):
        open_curves(tmp_path / "out")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "is damaged"),
        (lambda text: text.replace('"version":1', '"version":2'), "version 2.*newer"),
        (lambda text: text.replace('"title"', '"titel"'), "is damaged"),
    ],
    ids=["cut", "newer", "misspelt"],
)
def test_a_damaged_record_is_refused(tmp_path, conformed, damage, message) -> None:
    store(tmp_path / "out", conformed)
    path = tmp_path / "out" / "import.json"
    path.write_text(damage(path.read_text().replace('"version": 1', '"version":1')))
    with pytest.raises(Refusal, match=message):
        open_curves(tmp_path / "out")


def test_a_damaged_table_is_refused(tmp_path: Path, conformed) -> None:
    found = store(tmp_path / "out", conformed)
    path = tmp_path / "out" / "curves.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refusal, match=r"curves\.parquet is damaged"):
        found.curves()


def test_derived_files_may_not_take_the_record_s_place(tmp_path, conformed) -> None:
    found = store(tmp_path / "out", conformed)
    assert found.write_text("fit.json", "{}").read_text() == "{}"
    with pytest.raises(ValueError, match="no derived file"):
        found.write_text("import.json", "{}")
    with pytest.raises(ValueError, match="no derived file"):
        found.write_text("../fit.json", "{}")


def test_a_table_of_runs_without_curves_has_a_run_per_row() -> None:
    table = pl.DataFrame({"parameters": [1.0, 2.0], "loss": [3.0, 2.0]})
    runs, curves = imported.split(table)
    assert runs["run"].to_list() == ["row 1", "row 2"]
    assert curves["loss"].to_list() == [3.0, 2.0]
