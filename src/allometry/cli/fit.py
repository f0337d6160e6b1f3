"""`allometry fit`: the law of a study, printed and stored."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from allometry.laws.estimates import Estimate
    from allometry.reports.verdict import Verdict


def fit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print what fit.json holds, and no more.")
    ] = False,
) -> None:
    """Fit the scaling law of a study's runs.

    Prints the law with 90 % intervals and says when the runs cannot identify one.
    Writes fit.json into DIR (one file per value of the axis, if the study has a law
    for each).
    """
    from allometry.curves.store import open_store
    from allometry.laws import card
    from allometry.reports import verdict

    store = open_store(folder)
    found = verdict.verdicts(store)
    written = verdict.store_verdicts(store, found)
    if json:
        for item in found:
            typer.echo(card.to_json(item.fit), nl=False)
        return
    print_verdicts(found)
    for path in written:
        typer.echo(f"Written: {path}")


def print_verdicts(found: "list[Verdict]") -> None:
    """Print every law: its sentences, then its numbers with intervals."""
    from rich.console import Console
    from rich.markup import escape

    from allometry.laws import summary

    console = Console(highlight=False)
    for item in found:
        if item.label:
            console.print(f"\n[bold]{escape(item.label)}[/bold]")
        console.print()
        for sentence in summary.sentences(item.fit):
            console.print(escape(sentence))
        if _numbers(item):
            console.print(_table(item))


def _numbers(item: "Verdict") -> dict[str, "Estimate"]:
    """Give the estimates of a law that have a value."""
    estimates = {**item.fit.parameters, **item.fit.derived}.items()
    return {name: one for name, one in estimates if math.isfinite(one.value)}


def _table(item: "Verdict") -> object:
    from rich.table import Table

    table = Table("", "value", "90 % interval", "unit", box=None, pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, estimate in _numbers(item).items():
        table.add_row(
            name,
            f"{estimate.value:.4g}",
            f"{estimate.low:.4g} to {estimate.high:.4g}",
            "" if estimate.unit == "1" else estimate.unit,
        )
    return table
