"""Wide tables: one column for the axis, and one per run."""

from pathlib import Path

import polars as pl

from allometry.curves import from_long
from allometry.curves.mapping import axis
from allometry.refusal import Refusal

#: Values of runs, while a run may have the name of ours.
_VALUE = "performance of the run"


def read(path: Path) -> pl.DataFrame:
    """Read one file: the axis and one row per run and checkpoint, `run` the column.

    Empty cells are checkpoints that a run does not have. Raises `Refusal` for a long
    table, and where there is nothing beside the axis.
    """
    frame = from_long.read(path)
    names = [name for name in frame.columns if name != "line"]
    along = axis(names) or names[0]
    if "run" in names or along == "performance":
        name = "run" if "run" in names else along
        raise Refusal(
            f"{path} has the column {name!r}, as a long table has: import it as csv. A "
            "wide table has one column for the axis and one per run."
        )
    numeric = [n for n in names if n != along and frame.schema[n].is_numeric()]
    if not numeric:
        raise Refusal(
            f"{path} has no column of numbers beside {along!r}: a wide table has one "
            "column for the axis and one per run."
        )
    rows = frame.select(along, "line", *numeric).unpivot(
        numeric, index=[along, "line"], variable_name="run", value_name=_VALUE
    )
    return rows.drop_nulls(_VALUE).rename({_VALUE: "performance"})
