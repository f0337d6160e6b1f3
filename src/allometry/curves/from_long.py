"""Long tables: one row per run and checkpoint, as CSV, TSV, Parquet or JSON lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from allometry.curves.delimited import read_delimited
from allometry.refusal import Refusal

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson")


def read(path: Path) -> pl.DataFrame:
    """Read one file into a frame with a column `line`, by its suffix.

    Raises `Refusal` naming file and line where it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix in (".jsonl", ".ndjson"):
        return from_records(path, json_lines(path))
    return read_delimited(path, "\t" if suffix == ".tsv" else None)


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give each line's number and object; blank lines are passed over.

    Raises `Refusal` for what is no JSON object in UTF-8. The bare tokens NaN and
    Infinity, which Python writes, are read.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(line, path, number)
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}). Name a file that exists."
        ) from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8 text (byte {error.start}).") from error


def from_records(
    path: Path, records: Iterator[tuple[int, dict[str, Any]]]
) -> pl.DataFrame:
    """Make a frame of numbers and text from objects; nested values are left out."""
    rows: list[dict[str, Any]] = []
    for line, record in records:
        plain = {str(k): v for k, v in record.items() if _is_plain(v)}
        rows.append({**plain, "line": line})
    if not rows:
        raise Refusal(f"{path} is empty: give it one JSON object per checkpoint.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        {name: column([row.get(name) for row in rows]) for name in names}
    )


def column(values: list[Any]) -> pl.Series:
    """Make a column: numbers if all are, else text."""
    present = [value for value in values if value is not None]
    if all(isinstance(v, int) and abs(v) < 2**62 for v in present):
        return pl.Series(
            [None if v is None else int(v) for v in values], dtype=pl.Int64
        )
    if all(isinstance(value, int | float) for value in present):
        numbers = [None if value is None else _float(value) for value in values]
        return pl.Series(numbers, dtype=pl.Float64)
    return pl.Series([None if v is None else str(v) for v in values], dtype=pl.String)


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            f"{path}, line {number} is no JSON ({error}). Give one object per line."
        ) from error
    if not isinstance(record, dict):
        raise Refusal(
            f"{path}, line {number} is no JSON object but a {type(record).__name__}: "
            "give one object per line."
        )
    return record


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, int | float | str)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refusal(f"{path} cannot be read as Parquet ({error}).") from error
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        raise Refusal(f"{path} cannot be read as Parquet: it is damaged.") from None
    nested = [name for name in frame.columns if frame[name].dtype.is_nested()]
    frame = frame.drop(nested)
    if frame.is_empty():
        raise Refusal(f"{path} has no rows of plain columns.")
    return frame.with_columns(pl.int_range(1, frame.height + 1).alias("line"))
