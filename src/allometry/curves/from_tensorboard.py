"""TensorBoard's event files, read without TensorBoard.

A file is a chain of records (length, checksum of the length, data, checksum), each an
`Event` message with a step and a list of tagged values; scalars stand there as plain
floats or as tensors with one element. Only these fields are read. A file that breaks
off, as a crashed run leaves it, is read to its last whole record.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from allometry.curves import crc
from allometry.curves.protobuf import fields
from allometry.refusal import Refusal

#: No scalar's record is near as long; a longer one means that the file is damaged.
_LONGEST = 256_000_000
#: Field of a value in which our own export keeps it as a double; others skip it.
EXACT = 2000
#: TensorProto's types: struct code of one element.
_TYPES = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}


def is_run(path: Path) -> bool:
    """Say whether a folder has event files of its own."""
    return path.is_dir() and any("tfevents" in child.name for child in path.iterdir())


def read(path: Path) -> pl.DataFrame:
    """Read a run's folder, or one event file: a row per step, a column per tag.

    Of several files (restarts) the later one holds from its first step on. Raises
    `Refusal` for files without scalars and for what is no event file.
    """
    files = sorted(
        (child for child in path.iterdir() if "tfevents" in child.name)
        if path.is_dir()
        else [path]
    )
    kept: dict[int, dict[str, float]] = {}
    for file in files:
        rows = _rows(file)
        if rows:
            first = min(rows)
            kept = {step: row for step, row in kept.items() if step < first}
            kept |= rows
    if not kept:
        raise Refusal(f"{path} holds no scalar: nothing was logged there, or not yet.")
    steps = sorted(kept)
    tags = list(dict.fromkeys(tag for step in steps for tag in kept[step]))
    return pl.DataFrame(
        {
            "step": pl.Series(steps, dtype=pl.Int64),
            **{
                tag: pl.Series(
                    [kept[step].get(tag) for step in steps], dtype=pl.Float64
                )
                for tag in tags
                if tag != "step"
            },
        }
    )


def _rows(file: Path) -> dict[int, dict[str, float]]:
    rows: dict[int, dict[str, float]] = {}
    for number, data in enumerate(records(file), 1):
        try:
            step, scalars = _event(data)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
            raise Refusal(
                f"{file}, record {number} is no event ({error}). Is it a TensorBoard "
                "file, and whole?"
            ) from error
        if scalars:
            rows.setdefault(step, {}).update(scalars)
    return rows


def records(file: Path) -> Iterator[bytes]:
    """Give the records of a file, up to the last whole one.

    Raises `Refusal` for a file whose first record is none.
    """
    try:
        with file.open("rb") as stream:
            first = True
            while len(head := stream.read(12)) == 12:
                length, checksum = struct.unpack("<QI", head)
                if crc.masked(head[:8]) != checksum or length > _LONGEST:
                    if first:
                        raise Refusal(
                            f"{file} is no TensorBoard event file: its first record "
                            "has a wrong checksum."
                        )
                    return
                data = stream.read(length + 4)
                if len(data) < length + 4:
                    return
                first = False
                yield data[:-4]
    except OSError as error:
        raise Refusal(f"{file} cannot be read ({error.strerror}).") from error


def _event(data: bytes) -> tuple[int, dict[str, float]]:
    """Read an `Event`: its step (field 2) and the scalars of its summary (field 5)."""
    step, scalars = 0, {}
    for field, value in fields(data):
        if field == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >= 1 << 63 else value
        elif field == 5 and isinstance(value, bytes):
            for inner, one in fields(value):
                if inner == 1 and isinstance(one, bytes):
                    tag, scalar = _value(one)
                    if scalar is not None:
                        scalars[tag] = scalar
    return step, scalars


def _value(data: bytes) -> tuple[str, float | None]:
    """Read a `Summary.Value`: tag (1), simple_value (2) or tensor (8)."""
    tag, scalar = "", None
    for field, value in fields(data):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8")
        elif field == 2 and isinstance(value, bytes) and len(value) == 4:
            scalar = float(struct.unpack("<f", value)[0])
        elif field == EXACT and isinstance(value, bytes) and len(value) == 8:
            scalar = float(struct.unpack("<d", value)[0])
        elif field == 8 and isinstance(value, bytes):
            scalar = _tensor(value)
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """Read a `TensorProto` of one number: dtype (1), content (4), floats (5, 6)."""
    kind, content = 0, b""
    for field, value in fields(data):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field == 4 and isinstance(value, bytes):
            content = value
        elif field == 5 and isinstance(value, bytes):
            kind, content = 1, value
        elif field == 6 and isinstance(value, bytes):
            kind, content = 2, value
    code = _TYPES.get(kind)
    if code is None or len(content) != struct.calcsize(code):
        return None
    return float(struct.unpack(code, content)[0])
