"""`allometry isoflop`: the best size at each compute, beside the parametric fit."""

import json as jsonlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allometry.cli.options import COLUMN_HELP, number, pairs
from allometry.cli.tables import KAPPA

if TYPE_CHECKING:
    from rich.table import Table

    from allometry.laws.isoflop import IsoFlop


def isoflop(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A table, or the folder of curves."),
    ],
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    budgets: Annotated[
        str | None, typer.Option(help="Computes in FLOPs, such as 1e18,1e19.")
    ] = None,
    kappa: Annotated[
        float,
        typer.Option(help="FLOPs per parameter and datum: data are compute / (κ N)."),
    ] = KAPPA,
    json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as JSON, and no more.")
    ] = False,
) -> None:
    """Read the best size at each compute off parabolas, beside the two-term law.

    Parabolas are biased on grids that are not centred on the best size; how much, for
    this very grid, is told from the two-term law fitted to the same runs.

    Example: allometry isoflop runs.csv --column parameters=size --column compute=flops
    """
    from allometry import laws
    from allometry.cli.tables import read_source, with_data
    from allometry.laws.isoflop import bias
    from allometry.laws.isoflop import isoflop as profiles
    from allometry.refusal import Refusal

    source = read_source(path, pairs(column or [], "--column", "loss=val_loss"))
    chosen = (
        None
        if budgets is None
        else [number(c, "--budgets") for c in budgets.split(",")]
    )
    found = profiles(source.table, columns=dict(source.columns), budgets=chosen)
    said: dict[str, Any] = found.to_dict()
    sentences = list(found.warnings)
    table, said_of_data = with_data(source.table, kappa)
    sentences += said_of_data
    try:
        fit = laws.fit("two-term", table)
    except Refusal as refusal:
        sentences.append(f"The two-term law could not be fitted beside it: {refusal}")
    else:
        exponent = fit.derived["size_exponent"]

        def law(N: Any, C: Any) -> Any:
            return fit.predict(parameters=N, data=C / (kappa * N))["value"].to_numpy()

        off = bias(law, exponent.value, found.profiles)
        said["two_term"] = {
            "size_exponent": [exponent.value, exponent.low, exponent.high],
            "identified": fit.identified,
            "bias_of_the_parabolas": None if math.isnan(off) else off,
        }
        sentences.append(
            f"The two-term law of the same runs has {exponent.value:.3f} "
            f"({exponent.low:.3f} to {exponent.high:.3f})"
            + ("" if fit.identified else ", and is not identified")
            + ("." if math.isnan(off) else f"; if it held exactly, these parabolas "
               f"would be off by {off:+.3f}.")
        )  # fmt: skip
    if json:
        typer.echo(jsonlib.dumps(said, indent=1))
        return
    _print(found, sentences)


def _print(found: "IsoFlop", sentences: list[str]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_table(found))
    one = found.size_exponent
    if not math.isnan(one.value):
        console.print(
            f"The best size of the parabolas grows as compute^{one.value:.3f} "
            f"({one.low:.3f} to {one.high:.3f})."
        )
    for sentence in sentences:
        console.print(escape(sentence))


def _table(found: "IsoFlop") -> "Table":
    from rich.table import Table

    table = Table(
        "compute (FLOPs)",
        "runs",
        "best size (parameters)",
        "",
        box=None,
        pad_edge=False,
    )
    for one in found.profiles:
        size = f"{one.best_size:.4g}" if one.usable else "–"
        table.add_row(f"{one.compute:.3g}", str(len(one.sizes)), size, one.why)
    return table
