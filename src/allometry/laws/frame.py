"""Frame: a data frame of Polars or pandas, and the columns that a law reads in it."""

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.form.form import Form, Quantity
from allometry.refusal import Refusal

#: Roles of a run, which every form may read beside its own.
RUN = ("run", "status", "seed")


def to_polars(table: Any) -> pl.DataFrame:
    """Turn a data frame of Polars or pandas, or a mapping of columns, into Polars'.

    Raises `Refusal` for anything else, and for a frame without rows.
    """
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    if not isinstance(table, pl.DataFrame):
        names = table.keys() if isinstance(table, Mapping) else _names(table)
        table = pl.DataFrame({str(name): _values(table[name]) for name in names})
    if table.is_empty():
        raise Refusal("The table has no rows: give it one per run and checkpoint.")
    return table


def column_of(
    frame: pl.DataFrame, role: Quantity, columns: Mapping[str, str], form: Form
) -> str:
    """Find the frame's column of a role; raise `Refusal` where there is none."""
    name = columns.get(role.name, role.name)
    if name in frame.columns:
        return name
    near = difflib.get_close_matches(name, frame.columns, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    meaning = f" ({role.meaning})" if role.meaning else ""
    raise Refusal(
        f"The table has no column {name!r}, which the form {form.name!r} needs for "
        f"{role.name!r}{meaning}.{hint} Its columns: {', '.join(frame.columns)}. Name "
        f'one: columns={{"{role.name}": …}}, or --column {role.name}=… on the command '
        "line."
    )


def with_runs(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Give the frame the columns `run`, `status` and `seed` that `columns` names.

    Raises `Refusal` for one that is not there.
    """
    for role in RUN:
        name = columns.get(role, role)
        if name == role:
            continue
        if name not in frame.columns:
            raise Refusal(
                f"The table has no column {name!r} for {role!r}; its columns: "
                f"{', '.join(frame.columns)}. Name one of these: --column {role}=NAME."
            )
        frame = frame.with_columns(frame[name].alias(role))
    return frame


def _names(table: Any) -> list[str]:
    if not hasattr(table, "columns") or not hasattr(table, "__getitem__"):
        raise Refusal(
            f"A {type(table).__name__} is no table: give a data frame of Polars or "
            "pandas, or a mapping from names to columns."
        )
    return list(table.columns)


def _values(column: Any) -> Any:
    """Give a column's values; pandas' missing text and numbers become null and NaN."""
    values = column.to_numpy() if hasattr(column, "to_numpy") else column
    if getattr(values, "dtype", None) == np.dtype(object):
        return [None if value is None or value != value else value for value in values]
    return values
