"""`allometry export`: curves as a CSV that a spreadsheet opens safely."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from allometry.refusal import Refusal


def export(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Folder of a study or an import."),
    ],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    overwrite: Annotated[
        bool, typer.Option(help="Replace the file if it is there.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
) -> None:
    """Write a folder's learning curves as one CSV: a row per run and checkpoint.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.

    Example: allometry export runs/quickstart --out curves.csv
    """
    from allometry.curves.export import to_csv
    from allometry.curves.opened import open_curves

    if out.exists() and not overwrite:
        raise Refusal(f"{out} exists: name another file, or say --overwrite.")
    table = open_curves(path).table()
    to_csv(table, out)
    if json:
        said = {"file": str(out), "rows": table.height, "columns": table.columns}
        typer.echo(jsonlib.dumps(said))
        return
    typer.echo(f"{table.height} rows, {table.width} columns: {out}")
