"""Delimited text (CSV, TSV) as a frame, with errors that name the line.

The fast reader is Polars'. Where it stumbles, the file is walked with the standard
library to say which line is wrong, and how.
"""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from allometry.refusal import Refusal

_DELIMITERS = (",", "\t", ";", "|")
#: Rows from which column types are guessed; a column that then fails is read as text.
_ROWS = 10_000
#: Cells that mean a missing number.
MISSING = ("", "NA", "N/A", "na", "null", "None", "none", "-")
#: Cells that are numbers to Polars and to Python, but not finite.
NOT_FINITE = (
    "nan",
    "NaN",
    "NAN",
    "inf",
    "-inf",
    "Infinity",
    "-Infinity",
    "Inf",
    "-Inf",
)


def read_delimited(path: Path, delimiter: str | None = None) -> pl.DataFrame:
    """Read a file into a frame with a column `line` (the header is line 1).

    `delimiter` is guessed from the header. Columns hold numbers or text; empty cells
    are null.

    Raises:
        Refusal: the file cannot be read, is empty, is no UTF-8 text, has a ragged line,
            or a column that is unnamed or named twice.
    """
    header = _header(path, delimiter)
    delimiter, names = header
    try:
        frame = pl.read_csv(
            path,
            separator=delimiter,
            infer_schema_length=_ROWS,
            null_values=list(MISSING),
        )
    except pl.exceptions.PolarsError as error:
        _refuse_first_fault(path, delimiter, names)
        try:
            frame = pl.read_csv(
                path,
                separator=delimiter,
                infer_schema=False,
                null_values=list(MISSING),
            )
        except pl.exceptions.PolarsError:
            raise Refusal(f"{path} cannot be read as a table: {error}.") from error
        frame = frame.select(_number_or_text(frame[name]) for name in frame.columns)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        _refuse_first_fault(path, delimiter, names)
        raise Refusal(f"{path} cannot be read as a table.") from None
    if frame.is_empty():
        raise Refusal(f"{path} has a header and no rows: give it one per checkpoint.")
    # A line that is too short is filled up with nulls: tell it from empty cells.
    if frame[frame.columns[-1]].null_count():
        _refuse_first_fault(path, delimiter, names)
    # A column without a name is the index of a frame that somebody wrote.
    frame = frame.drop([name for name in frame.columns if not name.strip()])
    lines = pl.int_range(2, frame.height + 2, dtype=pl.Int64).alias("line")
    return frame.with_columns(lines)


def _header(path: Path, delimiter: str | None) -> tuple[str, list[str]]:
    """Give the delimiter and the names of the first line, checked."""
    try:
        with path.open("rb") as file:
            first = file.readline(1_000_000)
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}). Name a file that exists."
        ) from error
    try:
        text = first.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{path}, line 1 is not UTF-8 text (byte {error.start}). Save the table as "
            "UTF-8, or name the right format."
        ) from error
    if not text.strip() or "\0" in text:
        raise Refusal(
            f"{path}, line 1 is empty: the first line should name the columns."
            if "\0" not in text
            else f"{path}, line 1 holds bytes that are no text. Is it a table?"
        )
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise Refusal(
            f"{path}, line 1: the names of the columns cannot be read ({error}). Close "
            "every quotation mark."
        ) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refusal(
            f"{path}, line 1 names the column {twice[0]!r} twice. Rename one of them."
        )
    return delimiter, names


def _refuse_first_fault(path: Path, delimiter: str, names: list[str]) -> None:
    """Walk the file to its first fault, and refuse it by line."""
    line = 1
    try:
        for line, row in _rows(path, delimiter):
            if row and len(row) != len(names):
                raise Refusal(
                    f"{path}, line {line} has {len(row)} cells, and the header has "
                    f"{len(names)}. Give every line as many; quote text that holds "
                    f"{delimiter!r}."
                )
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{path} is not UTF-8 text after line {line} (byte {error.start} of its "
            "part). Save the table as UTF-8."
        ) from error
    except csv.Error as error:
        raise Refusal(f"{path}, after line {line}: {error}. Mend that line.") from error


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        for row in itertools.islice(reader, 1, None):
            yield reader.line_num, row


def _number_or_text(column: pl.Series) -> pl.Series:
    """Turn text into numbers where every cell is one."""
    numbers = column.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() else column
