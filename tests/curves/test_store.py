import json
import os

import numpy as np
import polars as pl
import pytest

from allometry.curves import sealed
from allometry.curves.store import STUDY, create, open_store
from allometry.curves.table import CURVES, RUNS, SCORES, schema
from allometry.refusal import Refusal

everywhere = pytest.mark.parametrize("root", ["disk", "memory"], indirect=True)


@everywhere
def test_a_new_store_has_queued_runs_and_empty_tables(store):
    assert store.study == {"name": "small", "sizes": [4, 8]}
    assert store.bundles == ("w8", "w4")
    runs = store.runs()
    assert runs["run"].to_list() == ["w4-s0", "w4-s1", "w8-s0", "w8-s1"]
    assert set(runs["status"]) == {"queued"}
    assert set(runs["attempts"]) == {0}
    assert runs["fingerprint"].null_count() == 4
    assert store.progress("w4") == {}
    assert store.manifest("w4") is None
    assert store.curves().is_empty()
    assert store.scores().is_empty()
    assert store.table().is_empty()


@everywhere
def test_schemas_are_those_of_the_tables(store, study):
    study.commit(store.claim("w4", {}), 0)
    covariates = {"width": pl.Int64()}
    assert store.curves().schema == schema(CURVES)
    assert store.scores().schema == schema(SCORES)
    assert list(store.runs().schema.items()) == [
        *schema(RUNS).items(),
        *covariates.items(),
    ]
    rest = [item for item in schema(RUNS).items() if item[0] != "run"]
    assert list(store.table().schema.items()) == [
        *schema(CURVES).items(),
        *rest,
        *covariates.items(),
    ]


@everywhere
def test_rows_come_back_sorted_and_joined_with_their_runs(store, study):
    claim = store.claim("w4", {"process": 7})
    for index in range(3):
        study.commit(claim, index, finished=index == 2)
    again = open_store(store.path)
    assert study.indices(again) == [0, 1, 2]
    table = again.table()
    assert table["run"].to_list() == ["w4-s0"] * 3 + ["w4-s1"] * 3
    assert table["compute"].to_list() == [0.0, 1.0, 2.0] * 2
    assert set(table["width"]) == {4}
    assert set(table["status"]) == {"done"}
    assert set(table["fingerprint"]) == {"f2"}
    runs = again.runs()
    assert runs["status"].to_list() == ["done", "done", "queued", "queued"]
    assert runs["attempts"].to_list() == [1, 1, 0, 0]
    assert again.manifest("w4").finished
    assert again.manifest("w4").owner == {"process": 7}
    assert again.progress("w4") == {"index": 2}


@everywhere
def test_checkpoints_come_back_bit_for_bit(store, study):
    generator = np.random.default_rng(0)
    arrays = {
        "float": generator.normal(size=(3, 4)).astype(np.float32),
        "double": np.array([np.nan, -0.0, np.inf]),
        "key": generator.integers(0, 2**32, (2,), dtype=np.uint32),
        "scalar": np.array(3, np.int32),
        "flag": np.array([True, False]),
        "empty": np.zeros((0, 5), np.float16),
        "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    }
    study.commit(store.claim("w4", {}), 0, checkpoint=arrays)
    found = store.claim("w4", {}).checkpoint()
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_a_number_that_is_not_finite_becomes_null(store, study):
    rows = study.rows_at(0).with_columns(performance=pl.lit(float("nan")))
    metadata = {"loss": float("nan"), "deep": [{"x": float("inf")}], "index": 0}
    study.commit(store.claim("w4", {}), 0, curves=rows, metadata=metadata)
    assert store.curves()["performance"].to_list() == [None, None]
    found = {"loss": None, "deep": [{"x": None}], "index": 0}
    assert store.progress("w4") == found


def test_a_text_is_replaced_whole(store):
    store.write_text("fit.json", "old")
    path = store.write_text("fit.json", "α")
    assert path == store.path / "fit.json"
    assert path.read_text(encoding="utf-8") == "α"
    assert not [name for name in os.listdir(store.path) if name.startswith("tmp-")]


@pytest.mark.parametrize("name", ["study.json", "lock", "bundles", "runs-x.parquet"])
def test_a_text_cannot_replace_the_record(store, name):
    with pytest.raises(ValueError, match="belongs to the store"):
        store.write_text(name, "")


@pytest.mark.parametrize("name", ["../fit.json", "a/b", ".hidden", ""])
def test_a_text_stays_in_the_store(store, name):
    with pytest.raises(Refusal, match="cannot be used"):
        store.write_text(name, "")


def test_create_refuses_a_folder_in_use(tmp_path, study):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(Refusal, match="is not empty and holds no study"):
        create(tmp_path, {}, study.plan())
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_create_refuses_a_store_and_a_file(store, study):
    with pytest.raises(Refusal, match="holds a study already"):
        create(store.path, {}, study.plan())
    with pytest.raises(Refusal, match="is a file"):
        create(store.path / STUDY, {}, study.plan())
    assert open_store(store.path).study["name"] == "small"


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "a b", "ä", "a\n"])
@pytest.mark.parametrize("column", ["run", "bundle"])
def test_create_refuses_names_that_no_file_can_have(tmp_path, study, column, name):
    runs = study.plan().with_columns(
        pl.when(pl.col("run") == "w4-s0")
        .then(pl.lit(name))
        .otherwise(pl.col(column))
        .alias(column)
    )
    with pytest.raises(Refusal, match=f"{column} name"):
        create(tmp_path / "study", {}, runs)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"updates": pl.lit(1)}, "names of columns: updates"),
        ({"status": pl.lit("done")}, "names of columns: status"),
        ({"seed": pl.lit(1.5)}, "column seed is Float64"),
        ({"layers": pl.lit([1, 2])}, "not plain values: layers"),
        ({"run": pl.lit("same")}, "two of one name"),
        ({"bundle": pl.lit(None, pl.String)}, "without a bundle"),
    ],
)
def test_create_rejects_columns_that_do_not_fit(tmp_path, study, change, message):
    with pytest.raises(ValueError, match=message):
        create(tmp_path / "study", {}, study.plan().with_columns(**change))


def test_opening_what_is_no_store_says_what_to_do(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("x")
    for name, sentence in [
        ("nowhere", "does not exist"),
        ("file", "is a file"),
        ("empty", "is empty"),
        ("other", "has no study.json"),
    ]:
        with pytest.raises(Refusal, match=sentence) as refusal:
            open_store(tmp_path / name)
        assert str(tmp_path / name) in str(refusal.value)
        assert "allometry run" in str(refusal.value)


def test_a_damaged_study_is_named(store):
    path = store.path / STUDY
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(Refusal, match=r"study\.json is damaged") as refusal:
            open_store(store.path)
        assert "Restore it from a copy" in str(refusal.value)


def test_a_damaged_table_of_runs_is_named(store):
    (path,) = store.path.glob("runs-*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refusal, match=f"{path.name} is damaged"):
        open_store(store.path)
    path.unlink()
    with pytest.raises(Refusal, match=f"{path.name} is missing"):
        open_store(store.path)


def test_a_newer_store_asks_for_a_newer_allometry(store, study, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(sealed, "FORMAT", 2)
        path = create(store.path.parent / "newer", {}, study.plan().head(0)).path
    with pytest.raises(Refusal, match="format 2 by a newer Allometry"):
        open_store(path)


def test_a_newer_manifest_is_not_taken_for_damage(store, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(sealed, "FORMAT", 2)
        store.claim("w4", {})
    for act in (store.runs, store.curves, lambda: store.claim("w4", {})):
        with pytest.raises(Refusal, match="newer Allometry"):
            act()
    assert len(list((store.path / "bundles" / "w4").iterdir())) == 1


def test_records_are_json_that_anybody_can_read(store, study):
    study.commit(store.claim("w4", {}), 0)
    paths = [store.path / STUDY, *store.path.glob("bundles/w4/manifest-*.json")]
    assert len(paths) == 3
    for path in paths:
        assert json.loads(path.read_text())["format"] == sealed.FORMAT
