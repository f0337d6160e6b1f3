"""Files made to do harm: refused within a second, little memory, nothing executed."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import resource
import time

import polars as pl
import pytest

from allometry.curves import sealed, segment
from allometry.curves.manifest import path_of
from allometry.curves.store import STUDY, open_store
from allometry.refusal import Refusal


@contextlib.contextmanager
def refused_quickly(match: str):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    with pytest.raises(Refusal, match=match):
        yield
    assert time.process_time() - begin < 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kB


def sealed_json(body: bytes, version: int = sealed.FORMAT) -> bytes:
    """An envelope with a right checksum around any bytes."""
    checksum = hashlib.sha256(b"%d\n" % version + body).hexdigest().encode()
    return b'{"format": %d, "sha256": "%s", "body": %s}\n' % (version, checksum, body)


@pytest.fixture
def begun(store, study):
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    return store.path / "bundles" / "w4", claim.manifest


def forge(begun, **changes) -> None:
    """Replace all manifests by one with a right checksum and these fields."""
    folder, state = begun
    for path in folder.glob("manifest-*"):
        path.unlink()
    body = json.loads(state.model_dump_json()) | changes
    path_of(folder, state.version).write_bytes(sealed_json(json.dumps(body).encode()))


def forge_file(begun, kind: str, data: bytes) -> None:
    """Put `data` in the place of a file, and its right size and SHA-256 on record."""
    folder, state = begun
    named = getattr(state, kind)
    name = (named if kind == "checkpoint" else named[-1]).name
    (folder / name).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    record = {"name": name, "size": len(data), "sha256": sha256}
    forge(begun, **{kind: record if kind == "checkpoint" else [record]})


class Owned:
    """Unpickling this makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "name",
    [
        "../../../secret.parquet",
        "/etc/passwd",
        "sub/curves-00000001-00000002.parquet",
        "curves-00000001-00000002.parquet\n",
        "study.json",
        "",
    ],
)
@pytest.mark.parametrize("kind", ["curves", "checkpoint"])
def test_a_manifest_names_plain_files_of_its_own_folder_only(store, begun, name, kind):
    record = {"name": name, "size": 1, "sha256": "0" * 64}
    forge(begun, **{kind: record if kind == "checkpoint" else [record]})
    for act in (store.curves, store.runs, lambda: store.claim("w4", {})):
        with refused_quickly("is no valid record: .*name"):
            act()


def test_a_study_names_plain_files_only(store):
    record = {"name": "../runs.parquet", "size": 1, "sha256": "0" * 64}
    body = {"kind": "allometry store", "study": {}, "runs": record}
    (store.path / STUDY).write_bytes(sealed_json(json.dumps(body).encode()))
    with refused_quickly(r"study.json is no valid record: runs\.name"):
        open_store(store.path)


def test_a_renamed_pickle_is_not_executed(store, begun, tmp_path):
    data = pickle.dumps(Owned(tmp_path / "owned"))
    forge_file(begun, "checkpoint", data)
    with refused_quickly("is no safetensors file"):
        store.claim("w4", {}).checkpoint()
    forge_file(begun, "curves", data)
    with refused_quickly("is no table in Parquet format"):
        store.curves()
    (store.path / STUDY).write_bytes(data)
    with refused_quickly("cut or not a record"):
        open_store(store.path)
    assert not (tmp_path / "owned").exists()


def safetensors_of(header: object, data: bytes, length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    size = len(text) if length is None else length
    return size.to_bytes(8, "little") + text + data


def tensor(begin: int, end: int, shape: list[int]) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        safetensors_of({}, b"", length=2**63),
        safetensors_of({"a": tensor(0, 4, [1])}, b"\0" * 4, length=10**7),
        safetensors_of({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, b"\0" * 12),
        safetensors_of({"a": tensor(0, 8, [2]), "b": tensor(0, 8, [2])}, b"\0" * 8),
        safetensors_of({"a": tensor(0, 4000, [1000])}, b"\0" * 8),
        safetensors_of({"a": tensor(0, 8, [2**61, 8])}, b"\0" * 8),
        safetensors_of({"a": tensor(8, 0, [2])}, b"\0" * 8),
        safetensors_of({"a": tensor(0, 8, [2]) | {"dtype": "os.system"}}, b"\0" * 8),
        safetensors_of([[[]]] * 1000, b""),
        (20 * 2**20).to_bytes(8, "little") + b"[" * (20 * 2**20),
    ],
)
def test_a_malformed_checkpoint(store, begun, data):
    forge_file(begun, "checkpoint", data)
    with refused_quickly("is no safetensors file"):
        store.claim("w4", {}).checkpoint()


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1" * 3, b"PAR1" + b"\xff" * 400 + b"PAR1", b"run,checkpoint\nw4-s0,0\n"],
)
def test_a_malformed_segment(store, begun, data):
    forge_file(begun, "curves", data)
    with refused_quickly("is no table in Parquet format"):
        store.curves()


def test_a_segment_whose_inside_is_scrambled_never_crashes(store, study, begun):
    whole = segment.encode(study.rows_at(0))
    for place in range(0, len(whole), 37):
        data = bytearray(whole)
        data[place : place + 8] = b"\xff" * 8
        forge_file(begun, "curves", bytes(data))
        with contextlib.suppress(Refusal):
            store.curves()


def test_a_segment_that_unpacks_to_far_more_than_it_weighs(store, study, begun):
    row = study.rows_at(0, ("w4-s0",))
    many = pl.select(
        pl.repeat(row[name][0], 3_000_000, dtype=row[name].dtype).alias(name)
        for name in row.columns
    )
    data = segment.encode(many)
    assert len(data) < 200_000
    del many
    forge_file(begun, "curves", data)
    with refused_quickly(f"more than {segment.ROW_LIMIT} rows"):
        store.curves()


def test_a_segment_with_other_columns(store, study, begun):
    rows = study.rows_at(0)
    for other in (rows.drop("compute"), rows.cast({"compute": pl.String})):
        buffer = io.BytesIO()
        other.write_parquet(buffer)
        forge_file(begun, "curves", buffer.getvalue())
        with refused_quickly("has other columns"):
            store.curves()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 7_000_000,
        b'{"a":' * 1_000_000,
        b"9" * 7_000_000,
        b'{"version": ' + b"9" * 6_000_000 + b"}",
        b'"' + b"\xff" * 100 + b'"',
        b"null",
        b"",
    ],
)
def test_json_that_is_deep_long_or_wrong(store, begun, body):
    folder, _ = begun
    for path in folder.glob("manifest-*"):
        path.write_bytes(sealed_json(body))
    with refused_quickly("is no valid record"):
        store.runs()


def test_records_beyond_all_measure_are_not_read(store, begun):
    folder, _ = begun
    for path in [*folder.glob("manifest-*"), store.path / STUDY]:
        with path.open("r+b") as file:
            file.truncate(2**40)
    with refused_quickly("bytes where"):
        store.claim("w4", {})
    with refused_quickly("bytes where"):
        open_store(store.path)


def test_a_pipe_in_the_place_of_a_file_does_not_block(store, begun):
    folder, state = begun
    path = folder / state.curves[0].name
    path.unlink()
    os.mkfifo(path)
    with refused_quickly("not a regular file"):
        store.curves()
    (store.path / STUDY).unlink()
    os.mkfifo(store.path / STUDY)
    with refused_quickly("not a regular file"):
        open_store(store.path)


def test_a_link_planted_where_a_commit_will_write_is_not_followed(
    store, study, begun, tmp_path
):
    folder, _ = begun
    target = tmp_path / "precious"
    target.write_text("mine")
    claim = store.claim("w4", {})
    token = claim.manifest.token
    name = f"curves-{token:08d}-{token + 1:08d}.parquet"
    (folder / name).symlink_to(target)
    study.commit(claim, 1)
    assert target.read_text() == "mine"
    assert study.indices(store) == [0, 1]


def test_a_manifest_cannot_speak_for_the_runs_of_another_bundle(store, begun):
    forge(begun, status={"w4-s0": "done", "w4-s1": "done", "w8-s0": "failed"})
    runs = store.runs()
    assert runs["run"].to_list() == ["w4-s0", "w4-s1", "w8-s0", "w8-s1"]
    assert runs["status"].to_list() == ["done", "done", "queued", "queued"]
