"""`allometry backtest`: which form forecasts best, told by what it had not seen."""

import dataclasses
import json as jsonlib
import math
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.options import COLUMN_HELP, number, pairs

if TYPE_CHECKING:
    from rich.table import Table

    from allometry.laws.score import Backtest

#: Columns of a terminal from which on a table has room for two blanks between cells.
_ROOMY = 80


def backtest(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="A table, or the folder of curves."),
    ],
    law: Annotated[
        list[str] | None,
        typer.Option(help="A form to score; repeat it for each. See allometry forms."),
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    along: Annotated[
        str | None,
        typer.Option(help="Column to cut along; by default what grows along a curve."),
    ] = None,
    cuts: Annotated[
        str | None,
        typer.Option(
            help="Cuts, such as 1e12,1e13; by default 1/30, 1/10 and 1/3 of the "
            "largest value."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the scores as JSON, and no more.")
    ] = False,
) -> None:
    """Fit forms below a cut, score them above, rank them by that.

    Naive rivals (the last value, a power law, one with a floor; of a law of several
    inputs also one for each setting) are always among them. A form whose errors lean
    one way by more than luck allows is flagged, and so are bands that hold too little.

    Example: allometry backtest losses.csv --law two-term --law power-floor
    --column parameters=size --column data=tokens
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from allometry.cli.tables import read_source
    from allometry.curves.place import place
    from allometry.laws.backtest import backtest as score

    source = read_source(place(path), pairs(column or [], "--column", "data=tokens"))
    chosen = None if cuts is None else [number(c, "--cuts") for c in cuts.split(",")]
    shown = Console(stderr=True)
    # A bar that is not shown would still end in an empty line.
    silent = json or not shown.is_terminal
    with Progress(console=shown, transient=True, disable=silent) as bar:
        task = bar.add_task("Scoring", total=None)
        found = score(
            source.table,
            law or (),
            columns=dict(source.columns),
            along=None if along is None else source.meant(along),
            cuts=chosen,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    found = dataclasses.replace(found, warnings=(*source.notes, *found.warnings))
    if json:
        typer.echo(jsonlib.dumps(found.to_dict(), indent=1))
        return
    console = Console(highlight=False)
    console.print(_table(found, gap=1 if console.width < _ROOMY else 2))
    for sentence in found.sentences():
        console.print(escape(sentence))


def _table(found: "Backtest", gap: int) -> "Table":
    """Tabulate errors by form and cut, the best form first, with `gap` blanks between.

    Headings are broken by hand: rich would rather cut the names of forms.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column("form", overflow="fold")
    table.add_column("error", justify="right", overflow="fold")
    for cut in found.cuts:
        short = f"{cut:.3g}".replace("e+0", "e").replace("e+", "e")
        table.add_column(f"beyond\n{short}", justify="right", overflow="fold")
    table.add_column("band\nholds", justify="right")
    table.add_column("", overflow="fold")
    for law, error in found.ranking:
        mine = [score for score in found.scores if score.law == law]
        held = f"{found.covered[law]:.0%}" if law in found.covered else ""
        doubts = "contradicted" if law in found.flagged else ""
        if not all(one.identified for one in mine):
            doubts = f"{doubts} not identified".strip()
        errors = [_say(found, one.error) for one in mine]
        table.add_row(law, _say(found, error), *errors, held, doubts)
    return table


def _say(found: "Backtest", error: float) -> str:
    if math.isnan(error):
        return "–"
    return f"{math.expm1(error):.1%}" if found.scale == "log" else f"{error:.3g}"
