"""`allometry forecast`: what a compute will buy, or what a performance will cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.laws.estimates import Estimate
    from allometry.laws.intrinsic.forecast import Forecast


def forecast(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a study, or a fit.json.")
    ],
    compute: Annotated[
        float | None,
        typer.Option(help="Training FLOPs to spend: what is the best run?"),
    ] = None,
    performance: Annotated[
        float | None,
        typer.Option(help="Performance to reach: what will it take?"),
    ] = None,
) -> None:
    """Forecast from a study's law, with 90 % intervals.

    Give either --compute or --performance. Fits the law first if DIR has no fit.json.
    Warns beyond 30 times the data's compute, and refuses where nothing can be said.
    """
    if (compute is None) == (performance is None):
        raise Refusal(
            "Give either --compute or --performance, such as --compute 1e12 or "
            "--performance 0.99."
        )
    from rich.console import Console
    from rich.markup import escape

    from allometry.laws import card
    from allometry.laws.intrinsic.forecast import forecast as ask

    fit = card.read(_fit_file(folder))
    answer = ask(fit, compute=compute, performance=performance)
    console = Console(highlight=False)
    console.print(_table(answer))
    for warning in answer.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")


def _fit_file(path: Path) -> Path:
    """Find the one law to forecast from, fitting it if that has not been done."""
    from allometry.curves.store import open_store
    from allometry.reports import verdict

    if path.is_file():
        return path
    store = open_store(path)
    files = verdict.fit_files(path) or verdict.store_verdicts(
        store, verdict.verdicts(store)
    )
    if len(files) > 1:
        names = ", ".join(str(file) for file in files)
        raise Refusal(f"{path} holds several laws; name one of its files: {names}.")
    return files[0]


def _table(answer: "Forecast") -> object:
    from rich.table import Table

    rows: dict[str, tuple[Estimate | None, str]] = {
        "compute": (answer.compute, "FLOPs"),
        "best size": (answer.optimal_size, "parameters"),
        "interactions": (answer.optimal_interactions, "agent steps"),
        "performance": (answer.performance, ""),
    }
    table = Table("", "value", "90 % interval", "unit", box=None, pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, (estimate, unit) in rows.items():
        if estimate is not None:
            exact = estimate.low == estimate.high
            interval = "" if exact else f"{estimate.low:.4g} to {estimate.high:.4g}"
            table.add_row(name, f"{estimate.value:.4g}", interval, unit)
    return table
