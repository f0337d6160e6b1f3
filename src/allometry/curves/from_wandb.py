"""Weights & Biases: CSV exports, and offline `.wandb` files.

A CSV export of a chart has a column `Step` and, for every run, `NAME - METRIC` with
`__MIN` and `__MAX` beside it. An export of a table of runs is a long table and is read
as one. An offline file is a LevelDB log of protocol-buffer records, of which the run's
name, its configuration and its history are read; no package is needed for it.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from allometry.curves.delimited import read_delimited
from allometry.curves.from_long import column
from allometry.curves.protobuf import parts, text
from allometry.refusal import Refusal

_BETWEEN = " - "
_BOUNDS = ("__MIN", "__MAX")
#: Of an offline file: its own header, that of a piece, and the size of a block.
_HEADER_OF_FILE, _HEADER, _BLOCK = b":W&B\xe1\xbe\x00", 7, 32_768
#: Field numbers of the messages Record, HistoryRecord, RunRecord, ConfigRecord and of
#: their items (wandb_internal.proto).
_HISTORY, _RUN, _ITEM = 2, 17, 1
_RUN_ID, _CONFIG, _DISPLAY_NAME, _UPDATE = 1, 4, 8, 1
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16


def is_export(path: Path) -> bool:
    """Say whether a file is an export or an offline run."""
    return path.suffix.lower() in (".csv", ".wandb")


def read(path: Path) -> pl.DataFrame:
    """Read one file into a row per run and step.

    Raises `Refusal` with file and line where it is none of the two.
    """
    return _offline(path) if path.suffix.lower() == ".wandb" else _export(path)


def _export(path: Path) -> pl.DataFrame:
    frame = read_delimited(path)
    charted = [
        name
        for name in frame.columns
        if _BETWEEN in name and not name.endswith(_BOUNDS)
    ]
    if not charted:
        return frame
    axes = [name for name in frame.columns if _BETWEEN not in name and name != "line"]
    text = [name for name in charted if not frame.schema[name].is_numeric()]
    charted = [name for name in charted if name not in text]
    if not axes or not charted:
        raise Refusal(f"{path} has no column of steps, or none of numbers beside it.")
    long = frame.unpivot(
        charted, index=[*axes, "line"], variable_name="series", value_name="value"
    ).drop_nulls("value")
    parts = (
        pl.col("series").str.splitn(_BETWEEN, 2).struct.rename_fields(["run", "metric"])
    )
    return long.with_columns(parts.alias("parts")).unnest("parts").drop("series")


def _offline(path: Path) -> pl.DataFrame:
    rows: dict[Any, dict[str, Any]] = {}
    about: dict[str, Any] = {"run": path.parent.name}
    for number, data in enumerate(_records(path), 1):
        try:
            for run in parts(data, _RUN):
                about |= _about(run)
            for history in parts(data, _HISTORY):
                row = dict(_items(history, _ITEM))
                # After a resume a step may come twice: the later one holds.
                rows[row.get("_step", len(rows))] = row
        except (ValueError, IndexError, RecursionError) as error:
            raise Refusal(
                f"{path}, record {number} cannot be read ({error}). Is it an offline "
                "file of W&B, and whole?"
            ) from error
    if not rows:
        raise Refusal(f"{path} has logged no history.")
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = {name: column([row.get(name) for row in rows.values()]) for name in names}
    frame = pl.DataFrame(table)
    return frame.with_columns(**{k: pl.lit(v) for k, v in about.items()})


def _records(path: Path) -> Iterator[bytes]:
    """Give the records of a LevelDB log, up to the last whole one.

    After a header the file is blocks of 32 KiB; a record may span several, as pieces
    with checksum, length and kind: whole, first, middle or last.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror}).") from error
    if data[:4] != b":W&B":
        raise Refusal(
            f"{path} is no offline file of W&B: it does not begin with ':W&B'."
        )
    place, whole = len(_HEADER_OF_FILE), b""
    while place + _HEADER <= len(data):
        if _BLOCK - place % _BLOCK < _HEADER:
            place += _BLOCK - place % _BLOCK
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        piece = data[place + _HEADER : place + _HEADER + length]
        if kind not in (1, 2, 3, 4) or len(piece) < length:
            return
        place += _HEADER + length
        whole = piece if kind in (1, 2) else whole + piece
        if kind in (1, 4):
            yield whole


def _about(run: bytes) -> dict[str, Any]:
    """Read a run's name and the plain values of its configuration."""
    found: dict[str, Any] = {}
    for config in parts(run, _CONFIG):
        for name, value in _items(config, _UPDATE):
            if not name.startswith("_"):
                found[name] = value
    if name := text(run, _DISPLAY_NAME) or text(run, _RUN_ID):
        found["run"] = name
    return found


def _items(data: bytes, number: int) -> Iterator[tuple[str, Any]]:
    """Give the keys and plain values of repeated items, nested keys joined by `/`."""
    for item in parts(data, number):
        nested = [part.decode("utf-8") for part in parts(item, _NESTED_KEY)]
        name = text(item, _KEY) or "/".join(nested)
        value = json.loads(text(item, _VALUE) or "null")
        if name and isinstance(value, int | float | str):
            yield name, value
