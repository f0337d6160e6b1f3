"""Segments: the rows of one commit in one table, an immutable Parquet file each."""

import io
from collections.abc import Mapping
from typing import Any

import polars as pl

from allometry.curves import durable
from allometry.curves.durable import Damaged
from allometry.curves.manifest import FileRecord
from allometry.curves.place import Place
from allometry.curves.table import Column, schema

#: Rows and bytes of one segment: they bound the memory that a hostile file can take.
ROW_LIMIT = 1_000_000
LIMIT = 128 * 2**20


def conform(frame: pl.DataFrame, columns: dict[str, Column]) -> pl.DataFrame:
    """Give `frame` exactly these columns, in their order and with their types.

    A number that is not finite becomes null. Raises ValueError for a missing, unknown
    or unfit column, naming it.
    """
    wanted = schema(columns)
    wrong = set(frame.columns) ^ set(wanted)
    if wrong:
        raise ValueError(f"columns missing or unknown: {', '.join(sorted(wrong))}")
    for name in wanted:
        found = frame.schema[name]
        if not _keeps_values(found, wanted[name]):
            raise ValueError(f"column {name} is {found}, not {wanted[name]}")
    exact = frame.select(*wanted).cast(pl.Schema(wanted))
    return exact.with_columns(
        pl.when(pl.col(pl.Float64).is_finite()).then(pl.col(pl.Float64)).name.keep()
    )


def write(folder: Place, name: str, frame: pl.DataFrame) -> FileRecord:
    """Write the rows of one commit, and describe the file."""
    data = encode(frame)
    if frame.height > ROW_LIMIT or len(data) > LIMIT:
        raise ValueError(f"{frame.height} rows are too many for one segment")
    durable.write(folder / name, data)
    return FileRecord.of(name, data)


def encode(frame: pl.DataFrame) -> bytes:
    """Write a table as Parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()


def read(
    folder: Place,
    record: FileRecord,
    wanted: Mapping[str, Any] | None,
    remedy: str = "",
) -> pl.DataFrame:
    """Read a segment with exactly the `wanted` columns (None: any).

    Raises Damaged if the file is missing, differs from its record or is no such table.
    """
    path = folder / record.name
    if record.size > LIMIT:
        raise Damaged(path, f"has {record.size} bytes; {LIMIT} are allowed", remedy)
    data = record.read(folder, remedy)
    try:
        found = pl.read_parquet_schema(io.BytesIO(data))
        if wanted is not None and dict(found) != dict(wanted):
            raise Damaged(path, "has other columns than it should", remedy)
        frame = pl.read_parquet(io.BytesIO(data), n_rows=ROW_LIMIT + 1)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise Damaged(path, "is no table in Parquet format", remedy) from error
    if frame.height > ROW_LIMIT:
        raise Damaged(path, f"has more than {ROW_LIMIT} rows", remedy)
    return frame


def _keeps_values(before: Any, after: Any) -> bool:
    """Say whether a cast from one Polars type to the other loses nothing."""
    if before in (after, pl.Null):
        return True
    if after == pl.Float64:
        return bool(before.is_numeric())
    return bool(after == pl.Int64 and before.is_integer())
