"""Tables: what a verb is pointed at, read into one data frame.

A path is the folder of a study or of an import, or a file: CSV, TSV, Parquet or JSON
lines.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from allometry.refusal import Refusal

if TYPE_CHECKING:
    import polars as pl

    from allometry.curves.imported import Imported
    from allometry.curves.mapping import Conformed
    from allometry.curves.place import Place
    from allometry.curves.store import Store

#: FLOPs per parameter and datum of a dense network, forward and backward.
KAPPA = 6.0
#: What refuses a table for its columns, and the `--column`s that are no role of curves.
Check = Callable[[Sequence[str], Mapping[str, str]], None]


@dataclasses.dataclass(frozen=True)
class Source:
    """A table, where it came from, and what the user's `--column`s mean in it.

    `folder` is the open folder, None for a file. `columns` are those that are no role
    of curves: inputs and responses of a form. `renamed` is a column's name in the file
    or before its import → the name that it has got.
    """

    path: "Place"
    table: "pl.DataFrame"
    columns: Mapping[str, str]
    folder: "Store | Imported | None"
    notes: tuple[str, ...] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def meant(self, name: str) -> str:
        """Follow a column that the user names to the name that it has got."""
        return name if name in self.table.columns else self.renamed.get(name, name)

    def own_names(self) -> dict[str, str]:
        """Give the numbers that have another name in the file: ours → its own."""
        from allometry.curves.mapping import ROLES, TEXT

        return {
            role: name
            for name, role in self.renamed.items()
            if role in ROLES and role not in TEXT and name != role
        }

    def with_names(self, *names: str) -> "Source":
        """Give the table its columns under these names of the user's, too."""
        table = self.table
        for name in names:
            if (meant := self.meant(name)) != name:
                table = table.with_columns(table[meant].alias(name))
        return dataclasses.replace(self, table=table)

    def with_roles(self, roles: Sequence[str]) -> "Source":
        """Give the table the columns of `--column` under the names of their roles.

        Raises `Refusal` for what is none of `roles`, and for a column that is not
        there.
        """
        table = self.table
        for role, name in self.columns.items():
            if role not in roles:
                raise Refusal(
                    f"--column {role}={name}: {role!r} is nothing that is read here. "
                    f"Name columns for: {', '.join(roles)}."
                )
            if name not in table.columns:
                raise Refusal(
                    f"The table has no column {name!r} for {role!r}; it has: "
                    f"{', '.join(table.columns)}. Name one of them: --column "
                    f"{role}=NAME."
                )
            table = table.with_columns(table[name].alias(role))
        return dataclasses.replace(self, table=table, columns={})

    def fit_file(self) -> "Place":
        """Give where a fit of this table is kept."""
        if self.folder is not None:
            return self.path / "fit.json"
        assert isinstance(self.path, Path)
        return self.path.with_name(f"{self.path.stem}.fit.json")


def read_source(
    path: "Place",
    columns: Mapping[str, str],
    *,
    metric: str | None = None,
    check: Check | None = None,
) -> Source:
    """Read what `path` names; `columns` are the pairs of `--column`.

    `metric` chooses among several of a file. `check` refuses a file for its columns,
    before its runs are told apart.

    Raises `Refusal` where it cannot be read, with file, line and remedy.
    """
    from allometry.curves.imported import Imported
    from allometry.curves.opened import open_curves

    if isinstance(path, Path) and not path.is_dir():
        return _file(path, columns, metric, check)
    folder = open_curves(path)
    table = folder.table()
    if table.is_empty():
        raise Refusal(
            f"{path} has no checkpoint of any run yet. Run the study first: "
            "allometry run."
        )
    before = folder.record.columns if isinstance(folder, Imported) else {}
    renamed = {name: role for role, name in before.items()}
    return Source(path, table, columns, folder, renamed=renamed)


def made_of(names: Sequence[str]) -> str | None:
    """Name the column that κ turns into the compute that a table lacks, if any."""
    if "compute" in names or "parameters" not in names:
        return None
    return next((name for name in ("data", "interactions") if name in names), None)


def with_compute(
    table: "pl.DataFrame", kappa: float | None
) -> tuple["pl.DataFrame", tuple[str, ...]]:
    """Add the column `compute` = κ parameters × data or interactions; say so.

    Nothing is done where there is compute already, or nothing to make it of. Raises
    `Refusal` where it could be made and κ is not given, or is no number above 0.
    """
    of = made_of(table.columns)
    if of is None:
        return table, ()
    if kappa is None:
        raise Refusal(
            "There is no column for compute: name it, --column compute=NAME, or make "
            f"it, --kappa 6 (compute is then 6 FLOPs × parameters × {of})."
        )
    _refuse_kappa(kappa)
    made = table.with_columns(compute=kappa * table["parameters"] * table[of])
    return made, (
        f"There is no column for compute: it is taken as {kappa:g} FLOPs × parameters "
        f"× {of}.",
    )


def with_data(
    table: "pl.DataFrame", kappa: float = KAPPA
) -> tuple["pl.DataFrame", tuple[str, ...]]:
    """Add the column `data` = compute / (κ parameters) where there is none; say so.

    Raises `Refusal` for a κ that is no number above 0.
    """
    _refuse_kappa(kappa)
    if "data" in table.columns or not {"compute", "parameters"} <= set(table.columns):
        return table, ()
    made = table.with_columns(data=table["compute"] / (kappa * table["parameters"]))
    return made, (
        f"There is no column for data: it is taken as compute / ({kappa:g} × "
        "parameters).",
    )


def _refuse_kappa(kappa: float) -> None:
    if not (math.isfinite(kappa) and kappa > 0):
        raise Refusal(
            f"--kappa is {kappa:g}: give the FLOPs per parameter and datum, a number "
            "above 0 such as 6."
        )


def imported(
    path: Path,
    columns: Mapping[str, str],
    folder: Path,
    command: str,
    title: str | None = None,
) -> "Imported":
    """Import a file into a new folder, read as `read_source` reads it.

    `command` is what made the fit, for the page; `title` is the file's name without
    another.
    """
    from allometry.curves.imported import write

    read, _ = _conformed(path, columns)
    named = title or path.stem
    return write(folder, read, format="csv", title=named, command=command)


def _file(
    path: Path, columns: Mapping[str, str], metric: str | None, check: Check | None
) -> Source:
    read, taken = _conformed(path, columns, metric, check)
    renamed = {name: role for role, name in read.columns.items()}
    meant = _meant(columns, taken, renamed)
    table, more = _begun(_as_given(read))
    return Source(path, table, meant, None, (*read.notes, *more), renamed)


def _begun(table: "pl.DataFrame") -> tuple["pl.DataFrame", tuple[str, ...]]:
    """Leave out the rows of curves before the first step, as imports do; say so."""
    import polars as pl

    from allometry.curves.mapping import AXES

    axis = next((role for role in AXES if role in table.columns), None)
    if axis is None or "run" not in table.columns:
        return table, ()
    goes_on = (pl.col(axis) > 0).any().over("run")
    begun = table.filter(~((pl.col(axis) == 0) & goes_on).fill_null(False))
    if not (gone := table.height - begun.height):
        return table, ()
    rows = f"1 row at 0 {axis} is" if gone == 1 else f"{gone} rows at 0 {axis} are"
    return begun, (f"{rows} left out: no logarithm can be taken there.",)


def _as_given(read: "Conformed") -> "pl.DataFrame":
    """Take out columns that reading has added and that say nothing new."""
    from allometry.curves.formats import ASIDE

    table = read.table.drop("source").rename({ASIDE: "source"}, strict=False)
    if "status" in table.columns and "status" not in read.columns:
        finished = (table["status"] == "done").all()
        return table.drop("status") if finished else table
    return table


def _conformed(
    path: Path,
    columns: Mapping[str, str],
    metric: str | None = None,
    check: Check | None = None,
) -> "tuple[Conformed, set[str]]":
    """Read a file; the table, and which of `columns` were roles of curves."""
    from allometry.curves import formats
    from allometry.curves.mapping import ROLES, Wanted, guess

    if not path.exists():
        raise Refusal(
            f"{path} does not exist: name a table, or the folder of a study or import."
        )
    # A column may be asked for twice: as a role of curves, and as a form's input.
    raw = formats.FORMATS["csv"].read(path).drop("line").columns
    there = {
        role: name for role, name in columns.items() if role in ROLES and name in raw
    }
    if check is not None:
        renamed = {name: role for role, name in guess(raw, there).items()}
        names = [renamed.get(name, name) for name in raw]
        check(names, _meant(columns, set(there), renamed))
    return formats.load("csv", [path], Wanted(columns=there, metric=metric)), set(there)


def _meant(
    columns: Mapping[str, str], taken: set[str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """Give the `--column`s that are no roles of curves, under the names they have got.

    Several columns of one role are joined by commas.
    """
    return {
        role: ",".join(renamed.get(name, name) for name in names.split(","))
        for role, names in columns.items()
        if role not in taken
    }
