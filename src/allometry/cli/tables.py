"""Tables: what a verb is pointed at, read into one data frame.

A path is the folder of a study or of an import, or a file: CSV, TSV, Parquet or JSON
lines.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from allometry.refusal import Refusal

if TYPE_CHECKING:
    import polars as pl

    from allometry.curves.imported import Imported
    from allometry.curves.mapping import Conformed
    from allometry.curves.store import Store

#: FLOPs per parameter and datum of a dense network, forward and backward.
KAPPA = 6.0


@dataclasses.dataclass(frozen=True)
class Source:
    """A table, where it came from, and what the user's `--column`s mean in it.

    `folder` is the open folder, None for a file. `columns` are those that are no role
    of curves: inputs and responses of a form.
    """

    path: Path
    table: "pl.DataFrame"
    columns: Mapping[str, str]
    folder: "Store | Imported | None"
    notes: tuple[str, ...] = ()

    def fit_file(self) -> Path:
        """Give where a fit of this table is kept."""
        if self.folder is not None:
            return self.path / "fit.json"
        return self.path.with_name(f"{self.path.stem}.fit.json")


def read_source(
    path: Path, columns: Mapping[str, str], *, metric: str | None = None
) -> Source:
    """Read what `path` names; `columns` are the pairs of `--column`.

    `metric` chooses among several of a file.

    Raises `Refusal` where it cannot be read, with file, line and remedy.
    """
    from allometry.curves.opened import open_curves

    if not path.is_dir():
        return _file(path, columns, metric)
    folder = open_curves(path)
    table = folder.table()
    if table.is_empty():
        raise Refusal(
            f"{path} has no checkpoint of any run yet. Run the study first: "
            "allometry run."
        )
    return Source(path, table, columns, folder)


def with_data(
    table: "pl.DataFrame", kappa: float = KAPPA
) -> tuple["pl.DataFrame", tuple[str, ...]]:
    """Add the column `data` = compute / (κ parameters) where there is none; say so."""
    if "data" in table.columns or not {"compute", "parameters"} <= set(table.columns):
        return table, ()
    made = table.with_columns(data=table["compute"] / (kappa * table["parameters"]))
    return made, (
        f"There is no column for data: it is taken as compute / ({kappa:g} × "
        "parameters).",
    )


def imported(
    path: Path, columns: Mapping[str, str], folder: Path, command: str
) -> "Imported":
    """Import a file into a new folder, read as `read_source` reads it.

    `command` is what made the fit, for the page.
    """
    from allometry.curves.imported import write

    read, _ = _conformed(path, columns, None)
    return write(folder, read, format="csv", title=path.stem, command=command)


def _file(path: Path, columns: Mapping[str, str], metric: str | None) -> Source:
    read, taken = _conformed(path, columns, metric)
    renamed = {name: role for role, name in read.columns.items()}
    asked = {role: name for role, name in columns.items() if role not in taken}
    meant = {role: _meant(name, renamed) for role, name in asked.items()}
    return Source(path, read.table, meant, None, read.notes)


def _conformed(
    path: Path, columns: Mapping[str, str], metric: str | None
) -> "tuple[Conformed, set[str]]":
    """Read a file; the table, and which of `columns` were roles of curves."""
    from allometry.curves import formats
    from allometry.curves.mapping import ROLES, Wanted

    if not path.exists():
        raise Refusal(
            f"{path} does not exist: name a table, or the folder of a study or import."
        )
    # A column may be asked for twice: as a role of curves, and as a form's input.
    raw = formats.FORMATS["csv"].read(path).columns
    there = {
        role: name for role, name in columns.items() if role in ROLES and name in raw
    }
    return formats.load("csv", [path], Wanted(columns=there, metric=metric)), set(there)


def _meant(names: str, renamed: Mapping[str, str]) -> str:
    """Follow columns to the names that they have got; several are joined by commas."""
    return ",".join(renamed.get(name, name) for name in names.split(","))
