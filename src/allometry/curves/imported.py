"""Imported curves: a folder of two tables, and the record of where they came from.

    import.json       format, sources with size and SHA-256, columns, notes, command
    runs.parquet      one row per run
    curves.parquet    one row per run and checkpoint
    fit.json, …       derived; may be deleted

`import.json` is written last: a folder without it is no import.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pydantic

import allometry
from allometry.curves import durable
from allometry.curves.mapping import AXES, Conformed
from allometry.curves.table import CURVES, RUNS, SCORES, Column, schema
from allometry.refusal import Refusal

RECORD = "import.json"
VERSION = 1


class Source(pydantic.BaseModel):
    """A file that was imported."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    path: str
    bytes: int
    sha256: str


class ImportRecord(pydantic.BaseModel):
    """What `import.json` holds."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")
    kind: Literal["allometry import"] = "allometry import"
    version: int = VERSION
    allometry: str
    title: str
    format: str
    sources: tuple[Source, ...]
    columns: dict[str, str]
    notes: tuple[str, ...]
    command: str


@dataclasses.dataclass(frozen=True, eq=False)
class Imported:
    """An import that can be read like a study's store."""

    path: Path
    record: ImportRecord

    @property
    def study(self) -> dict[str, Any]:
        """Name, title and command, as a study has them; the law is asked for later."""
        return {
            "name": self.path.name,
            "title": self.record.title,
            "command": self.record.command,
            "law": {},
        }

    def runs(self) -> pl.DataFrame:
        """Read the table of runs; columns that a study's have and it lacks are null."""
        return _filled(_read(self.path / "runs.parquet"), RUNS)

    def curves(self) -> pl.DataFrame:
        """Read the learning curves, filled up like the runs."""
        return _filled(_read(self.path / "curves.parquet"), CURVES)

    def scores(self) -> pl.DataFrame:
        """Give an empty table: imports have no scores beside their curves."""
        return pl.DataFrame(schema=schema(SCORES))

    def table(self) -> pl.DataFrame:
        """Give curves with the columns of their runs, from the first step on."""
        runs = _read(self.path / "runs.parquet")
        curves = _read(self.path / "curves.parquet")
        table = curves.join(runs, on="run", how="left")
        axis = next((role for role in AXES if role in table.columns), None)
        return table if axis is None else table.filter(pl.col(axis) > 0)

    def write_text(self, name: str, text: str) -> Path:
        """Write a file derived from the curves, in the place of the one before."""
        if name == RECORD or Path(name).name != name:
            raise ValueError(f"{name} is no derived file")
        path = self.path / name
        durable.replace(path, text.encode())
        return path

    def doubts(self, bundles: Sequence[str]) -> tuple[str, ...]:
        """Give what was noted when the curves were imported."""
        return self.record.notes


def write(
    folder: Path,
    conformed: Conformed,
    *,
    format: str,
    title: str,
    command: str,
    overwrite: bool = False,
) -> Imported:
    """Store conformed curves in a new folder, or in the place of an import.

    Raises `Refusal` for a folder in use and for a full disk.
    """
    _refuse_used(folder, overwrite)
    runs, curves = split(conformed.table)
    record = ImportRecord(
        allometry=allometry.__version__,
        title=title,
        format=format,
        sources=_sources(conformed.table),
        columns=dict(conformed.columns),
        notes=conformed.notes,
        command=command,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
        for name, frame in (("runs.parquet", runs), ("curves.parquet", curves)):
            buffer = io.BytesIO()
            frame.write_parquet(buffer)
            durable.replace(folder / name, buffer.getvalue())
        text = record.model_dump_json(indent=1)
        durable.replace(folder / RECORD, text.encode())
    except OSError as error:
        raise Refusal(
            f"{folder} cannot be written ({error.strerror}). Free the space or the "
            "permission, or name another folder."
        ) from error
    return Imported(folder, record)


def open_import(folder: Path) -> Imported:
    """Open an import; raise `Refusal` if it is none, damaged or newer."""
    path = folder / RECORD
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict) and document.get("version", 0) > VERSION:
            raise Refusal(
                f"{path} has version {document['version']}, and this Allometry reads "
                f"up to {VERSION}. Install a newer Allometry, or import again."
            )
        return Imported(folder, ImportRecord.model_validate(document))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Refusal(
            f"{path} is damaged ({error}). Import the curves again."
        ) from error


def split(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a table into runs (what a run has one value of) and curves.

    A table without runs is all curves, each row a run of its own.
    """
    table = table.drop("source", strict=False)
    if "run" not in table.columns:
        names = pl.format("row {}", pl.int_range(1, table.height + 1))
        table = table.with_columns(names.alias("run"))
    others = [name for name in table.columns if name not in ("run", *AXES)]
    counts = table.group_by("run").agg(pl.col(others).n_unique())
    static = [name for name in others if counts[name].max() == 1]
    static = [name for name in static if name not in ("performance", "loss")]
    runs = table.select("run", *static).unique("run", maintain_order=True)
    curves = table.select(
        ["run", *(n for n in table.columns if n not in static and n != "run")]
    )
    axis = next((role for role in AXES if role in curves.columns), None)
    if axis is not None:
        curves = curves.sort("run", axis)
    checkpoint = pl.int_range(pl.len(), dtype=pl.Int64).over("run")
    return runs.sort("run"), curves.with_columns(checkpoint=checkpoint)


def _sources(table: pl.DataFrame) -> tuple[Source, ...]:
    if "source" not in table.columns:
        return ()
    found = []
    for name in table["source"].unique(maintain_order=True):
        path = Path(name)
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        found.append(Source(path=path.name, bytes=size, sha256=digest))
    return tuple(found)


def _refuse_used(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise Refusal(f"{folder} is a file: choose a folder for the import.")
    if not folder.exists():
        return
    names = {path.name for path in folder.iterdir()}
    if RECORD in names and not overwrite:
        raise Refusal(
            f"{folder} holds an import already: choose another folder, or say "
            "--overwrite."
        )
    if names and RECORD not in names and names - {"runs.parquet", "curves.parquet"}:
        raise Refusal(
            f"{folder} is not empty and holds no import: choose a new or empty folder. "
            "Nothing in it was changed."
        )


def _filled(frame: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """Give whole numbers our types, and add the columns that are missing as nulls."""
    for name, column in columns.items():
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=column.dtype).alias(name))
        elif column.dtype == pl.Int64() and frame.schema[name].is_float():
            frame = frame.with_columns(pl.col(name).round().cast(pl.Int64))
    return frame


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refusal(
            f"{path} is damaged ({error}). Import the curves again."
        ) from error
