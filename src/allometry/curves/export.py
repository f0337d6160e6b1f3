"""Export: a frame as CSV that is safe to open in a spreadsheet.

A spreadsheet runs a cell that begins like a formula, and the names of runs and tasks
may come from a stranger's log. Such text gets a leading apostrophe, as OWASP advises
("CSV Injection"); every other reader sees the apostrophe as part of the text.
"""

import os
from pathlib import Path

import polars as pl

from allometry.curves import durable
from allometry.refusal import Refusal

#: What may begin a formula: OWASP's list, full-width signs and white space included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def to_csv(table: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV in which no text is a formula, whole or not at all.

    Text cells and names of columns that begin with one of `FORMULA` get a leading
    apostrophe. Numbers are written as they are, negative ones too. A file at `path` is
    replaced.

    Raises:
        Refusal: the file cannot be written, or CSV cannot hold a column.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise Refusal(f"{path} is no file: name the CSV file to write.")
    start = "|".join(FORMULA).replace("+", r"\+")
    text = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    escaped = table.with_columns(text.str.replace(f"^({start})", "'$1"))
    names = [f"'{name}" if name.startswith(FORMULA) else name for name in table.columns]
    try:
        escaped.columns = names
        data = escaped.write_csv().encode()
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise Refusal(
            f"{path} cannot be written as CSV: {reason}. Leave that column out, or "
            "rename it."
        ) from error
    durable.replace(path, data)
