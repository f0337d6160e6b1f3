"""`allometry import`: curves of other tools, into a folder that laws read."""

import json as jsonlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.options import COLUMN_HELP, numbers, pairs, value_of

if TYPE_CHECKING:
    from allometry.curves.imported import Imported
    from allometry.curves.mapping import Conformed

#: Names of `curves.formats.FORMATS`, which `--help` need not load.
FORMATS = (
    "csv", "wide", "tensorboard", "cleanrl", "sb3", "rllib", "wandb", "mlflow",
    "dreamerv3",
)  # fmt: skip


def import_(
    format: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="What the files are, such as csv."),
    ],
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE...", help="Files, folders or patterns."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    metric: Annotated[
        str | None, typer.Option(help="Which metric, if a table has several.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            help="N of a run, method or task, such as my-agent=1.2e6; repeat."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A role with one value, such as method=ppo; repeat."
        ),
    ] = None,
    kappa: Annotated[
        float | None,
        typer.Option(
            help="FLOPs per parameter and interaction, to make missing compute."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an import in the folder.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was imported as JSON.")
    ] = False,
) -> None:
    """Import learning curves that another tool has logged.

    FORMAT is csv (long tables: CSV, TSV, Parquet, JSON lines), wide (a column per run),
    tensorboard, cleanrl, sb3, rllib, wandb, mlflow or dreamerv3.

    Columns are guessed by their names and shown; say --column role=name where the guess
    is wrong. Then: allometry fit DIR, allometry report DIR.

    Example: allometry import csv results/*.csv --out mine --column performance=score
    """
    from allometry.curves import formats, imported
    from allometry.curves.mapping import Wanted, require_curves

    wanted = Wanted(
        columns=pairs(column or [], "--column", "performance=score"),
        constants={
            name: value_of(value)
            for name, value in pairs(set_ or [], "--set", "method=ppo").items()
        },
        parameters=numbers(parameters or [], "--parameters", "my-agent=1.2e6"),
        kappa=kappa,
        metric=metric,
    )
    with _Progress(quiet=json) as told:
        conformed = formats.load(format, sources, wanted, told)
    require_curves(conformed.table, "The table")
    stored = imported.write(
        out,
        conformed,
        format=format,
        title=title or out.name,
        command="allometry " + shlex.join(sys.argv[1:]),
        overwrite=overwrite,
    )
    if json:
        typer.echo(jsonlib.dumps(_summary(stored, conformed), indent=1))
        return
    _say(stored, conformed)


def _summary(stored: "Imported", conformed: "Conformed") -> dict[str, object]:
    table = conformed.table
    return {
        "out": str(stored.path),
        "format": stored.record.format,
        "runs": stored.runs().height,
        "rows": table.height,
        "columns": dict(conformed.columns),
        "notes": list(conformed.notes),
    }


def _say(stored: "Imported", conformed: "Conformed") -> None:
    """Show what was understood, what is missing for a law, and what comes next."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    table = conformed.table
    shown = Table("role", "column", "first values", box=None, pad_edge=False)
    for role in [name for name in table.columns if name != "source"]:
        first = table[role].drop_nulls().unique(maintain_order=True).head(3)
        values = ", ".join(_short(value) for value in first)
        came = conformed.columns.get(role, role)
        shown.add_row(
            role,
            escape(came if came in conformed.columns.values() else ""),
            escape(values),
        )
    console.print(shown)
    for note in conformed.notes:
        console.print(escape(note), soft_wrap=True)
    runs = stored.runs()
    console.print(
        f"\n{runs.height:,} runs, {table.height:,} rows: {escape(str(stored.path))}"
    )
    if "parameters" not in table.columns or table["parameters"].null_count():
        console.print(
            "The size of some models is not known: --parameters NAME=1.2e6 gives it, "
            "by run, method or task.",
            soft_wrap=True,
        )
    if "compute" not in table.columns:
        console.print(
            "There is no compute: name its column, or make it with --kappa 6 (FLOPs "
            "per parameter and interaction).",
            soft_wrap=True,
        )
    console.print(f"Next: allometry fit {escape(str(stored.path))}")


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else text[:23] + "…"


class _Progress:
    """A bar over files, on a terminal only."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(console=console, transient=True)
        self._task = self._bar.add_task("Reading", total=None)

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
