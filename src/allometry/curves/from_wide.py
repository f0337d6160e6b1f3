"""Wide tables: one column for the axis, and one per run."""

from pathlib import Path

import polars as pl

from allometry.curves import from_long
from allometry.curves.mapping import axis
from allometry.refusal import Refusal


def read(path: Path) -> pl.DataFrame:
    """Read one file: the axis and one row per run and checkpoint, `run` the column.

    Empty cells are checkpoints that a run does not have. Raises `Refusal` where there
    is no axis, or nothing beside it.
    """
    frame = from_long.read(path)
    names = [name for name in frame.columns if name != "line"]
    along = axis(names) or names[0]
    numeric = [n for n in names if n != along and frame.schema[n].is_numeric()]
    if not numeric:
        raise Refusal(
            f"{path} has no column of numbers beside {along!r}: a wide table has one "
            "column for the axis and one per run."
        )
    rows = frame.unpivot(
        numeric, index=[along, "line"], variable_name="run", value_name="performance"
    )
    return rows.drop_nulls("performance")
