"""What is exported to a tracker and imported again is what it was."""

import struct
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from allometry.curves import crc, imported, sinks
from allometry.curves.formats import load
from allometry.curves.from_tensorboard import records
from allometry.curves.mapping import Wanted
from allometry.curves.protobuf import fields
from allometry.curves.store import create
from allometry.curves.table import CURVES
from allometry.curves.to_tensorboard import FILE
from allometry.refusal import Refusal

CHECKPOINTS = 5
TRACKERS = ("tensorboard", "mlflow", "wandb")


@pytest.fixture(autouse=True)
def no_sync(no_sync):
    """Skip the waiting for the disk: no test here cuts its power."""


@pytest.fixture
def filled(study, tmp_path):
    """A store of numbers that no float of 32 bits holds; w4-s1 diverges."""
    store = create(tmp_path / "filled", {"name": "small"}, study.plan())
    chance = np.random.default_rng(0)
    for bundle in store.bundles:
        runs = store.plan.filter(bundle=bundle)["run"].to_list()
        rows = [row(run, index, chance) for run in runs for index in range(CHECKPOINTS)]
        history = {"attempts": [{"attempt": 1, "time": 1_700_000_000.0}]}
        status = {run: "nonfinite" if run == "w4-s1" else "done" for run in runs}
        store.claim(bundle, {}).commit(
            curves=pl.DataFrame(rows, schema={k: c.dtype for k, c in CURVES.items()}),
            scores=None,
            checkpoint=None,
            metadata={"history": history},
            status=status,
            fingerprint="f00d",
            finished=True,
        )
    return store


def row(run, index, chance):
    diverged = run == "w4-s1" and index >= 2
    whole = {n: 3**index for n, c in CURVES.items() if c.dtype.is_integer()}
    real = {n: chance.lognormal(20, 9) for n, c in CURVES.items() if c.dtype.is_float()}
    about = {"run": run, "checkpoint": index, "interactions": 10**6 * (index + 1)}
    return whole | real | about | ({"performance": None} if diverged else {})


def again(to: str, folder: Path, out: Path) -> imported.Imported:
    conformed = load(to, [folder], Wanted())
    return imported.write(out, conformed, format=to, title="again", command="test")


@pytest.mark.parametrize("to", TRACKERS)
def test_curves_that_come_back_are_the_same(filled, tmp_path, to):
    if to == "wandb":
        pytest.importorskip("wandb", reason="wandb is not installed")
    count, metrics = sinks.export(filled, to, tmp_path / "out", None)
    assert count == 4
    assert metrics == [
        n for n in CURVES if n not in ("run", "checkpoint", "interactions")
    ]
    found = again(to, tmp_path / "out", tmp_path / "again")
    columns = ["run", "checkpoint", "interactions", *metrics]
    assert found.curves().select(columns).equals(filled.curves().select(columns))
    runs, before = found.runs(), filled.runs()
    assert runs["run"].to_list() == before["run"].to_list()
    assert runs["status"].to_list() == before["status"].to_list()
    for name in ("seed", "parameters", "width"):
        known = name if name in runs.columns else f"run/{name}"
        assert runs[known].to_list() == before[name].to_list()


def test_the_checksum_is_the_one_of_the_standard():
    assert crc.crc(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc.crc(bytes(32)) == 0x8A9136AA  # RFC 3720, appendix B.4
    assert crc.masked(b"") == 0xA282EAD8


def test_event_files_are_framed_and_hold_what_tensorboard_draws(filled, tmp_path):
    sinks.export(filled, "tensorboard", tmp_path / "out", ["performance"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "w4-s0", "w4-s1", "w8-s0", "w8-s1"
    ]  # fmt: skip
    file = tmp_path / "out" / "w4-s0" / FILE
    data, place = file.read_bytes(), 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        body = data[place + 12 : place + 12 + length]
        checks = [
            struct.unpack_from("<I", data, place + at)[0] for at in (8, 12 + length)
        ]
        assert checks == [crc.masked(data[place : place + 8]), crc.masked(body)]
        place += length + 16
    first, *events = [dict(fields(record)) for record in records(file)]
    assert first[3] == b"brain.Event:2"
    curve = filled.curves().filter(run="w4-s0")
    assert [event[2] for event in events] == curve["interactions"].to_list()
    times = [struct.unpack("<d", event[1])[0] for event in events]
    assert times == [1_700_000_000.0 + each for each in curve["seconds"]]
    values = [dict(fields(next(part(event[5], 1)))) for event in events]
    assert {value[1] for value in values} == {b"performance"}
    drawn = [struct.unpack("<f", value[2])[0] for value in values]
    assert drawn == [float(np.float32(each)) for each in curve["performance"]]


def part(message, number):
    return (value for field, value in fields(message) if field == number)


def test_mlflow_finds_its_files(filled, tmp_path):
    out = tmp_path / "mlruns"
    sinks.export(filled, "mlflow", out, ["performance"])
    assert 'name: "small"' in (out / "1" / "meta.yaml").read_text()
    names = {
        path.read_text(): path.parents[1]
        for path in out.glob("1/*/tags/mlflow.runName")
    }
    run = names["w8-s1"]
    about = (run / "meta.yaml").read_text().splitlines()
    assert f'artifact_uri: "{run.as_uri()}/artifacts"' in about
    assert f'run_id: "{run.name}"' in about
    assert "status: 3" in about
    assert [path.name for path in (run / "metrics").iterdir()] == ["performance"]
    assert (run / "params" / "width").read_text() == "8"
    first = filled.curves().filter(run="w8-s1").row(0, named=True)
    line = (run / "metrics" / "performance").read_text().splitlines()[0].split()
    assert line[0] == str(round(1000 * (1_700_000_000.0 + first["seconds"])))
    assert (float(line[1]), int(line[2])) == (first["performance"], 10**6)


def test_what_is_there_is_not_overwritten(filled, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert sinks.export(filled, "mlflow", out, None)[0] == 4
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(Refusal, match="not overwritten"):
        sinks.export(filled, "mlflow", out, None)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refusal, match="not overwritten"):
        sinks.export(filled, "tensorboard", tmp_path / "file", None)


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(filled, tmp_path, store):
    out = tmp_path / "out"
    with pytest.raises(Refusal, match="Did you mean 'tensorboard'"):
        sinks.export(filled, "tensorbord", out, None)
    with pytest.raises(Refusal, match=r"no metric 'luck'.*performance"):
        sinks.export(filled, "mlflow", out, ["performance", "luck"])
    with pytest.raises(Refusal, match="no checkpoint of any run"):
        sinks.export(store, "tensorboard", out, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filled", "study"]


def of_csv(text: str, tmp_path: Path) -> imported.Imported:
    (tmp_path / "mine.csv").write_text(text)
    return again("csv", tmp_path / "mine.csv", tmp_path / "mine")


def test_names_of_strangers_stay_in_the_folder(tmp_path):
    rows = "".join(
        f"{run},{step},0.5\n"
        for run in ("..", "../../x", "a/b c", "=cmd|x", "ünï")
        for step in (1, 2, 3)
    )
    folder = of_csv("run,interactions,performance\n" + rows, tmp_path)
    for to in ("tensorboard", "mlflow"):
        sinks.export(folder, to, tmp_path / to, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine", "mine.csv", "mlflow", "tensorboard"
    ]  # fmt: skip
    assert len(list((tmp_path / "tensorboard").iterdir())) == 5
    found = load("mlflow", [tmp_path / "mlflow"], Wanted()).table
    assert set(found["run"]) == {"..", "../../x", "a/b c", "=cmd|x", "ünï"}


def test_a_column_that_mlflow_cannot_name_is_refused(tmp_path):
    rows = "".join(f"a,{step},0.5,{step}\n" for step in (1, 2, 3))
    folder = of_csv("run,interactions,performance,../x\n" + rows, tmp_path)
    out = tmp_path / "out"
    with pytest.raises(Refusal, match="cannot be a name in MLflow"):
        sinks.export(folder, "mlflow", out, None)
    assert not out.exists()
    assert sinks.export(folder, "mlflow", out, ["performance"])[0] == 1


def test_a_parameter_gets_a_name_that_mlflow_takes(tmp_path):
    rows = "".join(f"a,{step},0.5,7\n" for step in (1, 2, 3))
    folder = of_csv("run,interactions,performance,../x\n" + rows, tmp_path)
    sinks.export(folder, "mlflow", tmp_path / "out", None)
    (file,) = (tmp_path / "out").glob("1/*/params/*x")
    assert (file.name, file.read_text()) == ("_x", "7")


def test_curves_without_interactions_are_refused(tmp_path):
    folder = of_csv("run,data,loss\na,1,0.5\na,2,0.4\na,3,0.3\n", tmp_path)
    with pytest.raises(Refusal, match="without interactions"):
        sinks.export(folder, "tensorboard", tmp_path / "out", None)


def test_without_its_library_wandb_is_refused(filled, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(Refusal, match=r"pip install 'allometry\[wandb\]'"):
        sinks.export(filled, "wandb", tmp_path / "out", None)
    assert not (tmp_path / "out").exists()
