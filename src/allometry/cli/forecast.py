"""`allometry forecast`: what a compute will buy, or what a result will cost."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.options import numbers
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from rich.table import Table

    from allometry.laws.forecast import Forecast


def forecast(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FIT", help="A fit.json, or a folder or URL that has one."
        ),
    ],
    compute: Annotated[
        float | None,
        typer.Option(help="Training FLOPs to spend: what is the best run?"),
    ] = None,
    performance: Annotated[
        float | None,
        typer.Option(help="Performance to reach: what will it take?"),
    ] = None,
    loss: Annotated[
        float | None, typer.Option(help="Loss to reach (two-term): what will it take?")
    ] = None,
    size: Annotated[
        float | None,
        typer.Option(help="Parameters: what does this size cost instead of the best?"),
    ] = None,
    environment: Annotated[
        float | None,
        typer.Option(
            help="What an interaction with the environment costs, as the parameters of "
            "a network that costs as much: what is the cheapest run then?"
        ),
    ] = None,
    reference: Annotated[
        float | None,
        typer.Option(
            help="Interactions that a person, or another system, needs for the same."
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            help="An input of the form, or its response, such as x=1e6; repeat it."
        ),
    ] = None,
    kappa: Annotated[
        float | None,
        typer.Option(help="FLOPs per parameter and datum (two-term); by default 6."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the answers as JSON, and no more.")
    ] = False,
) -> None:
    """Forecast from a law, with 90 % intervals.

    Warns beyond 30 times the data, and refuses where nothing can be said. A study's
    folder without a fit is fitted first.

    Examples: allometry forecast runs/quickstart --compute 1e12 --size 5000; allometry
    forecast losses.fit.json --loss 2.1; allometry forecast power.fit.json --at x=1e6.
    """
    asked: dict[str, float | None] = {
        "compute": compute,
        "performance": performance,
        "loss": loss,
        "size": size,
        "environment": environment,
        "reference": reference,
        **numbers(at or [], "--at", "x=1e6"),
    }
    question = {name: value for name, value in asked.items() if value is not None}
    if not question:
        raise Refusal(
            "Ask something: --compute 1e12, --performance 0.99 or --loss 2.0; a form's "
            "input with --at x=1e6."
        )
    from allometry.cli.fits import fit_of
    from allometry.curves.place import place

    answer = fit_of(place(path)).forecast(kappa=kappa, **question)
    if json:
        typer.echo(jsonlib.dumps(answer.to_dict(), indent=1))
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_table(answer))
    for warning in answer.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")


def _table(answer: "Forecast") -> "Table":
    from rich.table import Table

    table = Table("", "value", "90 % interval", "unit", box=None, pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, estimate in answer.answers.items():
        exact = estimate.low == estimate.high
        interval = "" if exact else f"{estimate.low:.4g} to {estimate.high:.4g}"
        unit = "" if estimate.unit == "1" else estimate.unit
        table.add_row(name.replace("_", " "), f"{estimate.value:.4g}", interval, unit)
    return table
