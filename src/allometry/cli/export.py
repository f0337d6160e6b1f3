"""`allometry export`: curves as a CSV, or as the logs of an experiment tracker."""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.curves.imported import Imported
    from allometry.curves.store import Store


def export(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="Folder of a study or an import, or a URL."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="CSV file to write, or with --to a new folder.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="What to write: csv, or for a tracker tensorboard, mlflow, wandb.",
        ),
    ] = "csv",
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Metrics for a tracker, such as performance,compute; all if not "
            "given.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace the CSV if it is there.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was written as JSON.")
    ] = False,
) -> None:
    """Write a folder's learning curves as one CSV, or for an experiment tracker.

    The CSV has a row per run and checkpoint; text that a spreadsheet would run as a
    formula gets a leading apostrophe.

    A tracker gets a new folder with all runs, their steps counted in interactions:
    event files of TensorBoard, MLflow's folder mlruns, or offline runs of Weights &
    Biases (needs its library). `allometry import` reads each of them back.

    Example: allometry export runs/quickstart --out curves.csv

    allometry export runs/quickstart --to tensorboard --out events
    """
    from allometry.curves.opened import open_curves

    if to != "csv":
        if overwrite:
            raise Refusal("--overwrite is for a CSV: name a new folder for a tracker.")
        _track(open_curves(path), to, out, columns, json=json)
        return
    from allometry.curves.export import to_csv

    if columns is not None:
        raise Refusal("--columns chooses metrics for a tracker: say --to as well.")
    if out.exists() and not overwrite:
        raise Refusal(f"{out} exists: name another file, or say --overwrite.")
    table = open_curves(path).table()
    to_csv(table, out)
    if json:
        said = {"file": str(out), "rows": table.height, "columns": table.columns}
        typer.echo(jsonlib.dumps(said))
        return
    typer.echo(f"{table.height} rows, {table.width} columns: {out}")


def _track(
    folder: "Store | Imported", to: str, out: Path, columns: str | None, *, json: bool
) -> None:
    from allometry.curves import sinks

    names = None if columns is None else [name.strip() for name in columns.split(",")]
    count, metrics = sinks.export(folder, to, out, names)
    if json:
        said = {"folder": str(out), "runs": count, "metrics": metrics}
        typer.echo(jsonlib.dumps(said))
        return
    typer.echo(f"{count} runs, {len(metrics)} metrics: {out}")
