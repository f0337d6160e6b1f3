"""`allometry isoflop`: the best size at each compute, beside the parametric fit."""

import json as jsonlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allometry.cli.options import COLUMN_HELP, number, pairs
from allometry.cli.tables import KAPPA
from allometry.refusal import Refusal

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from allometry.laws.isoflop import IsoFlop


def isoflop(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="A table, or the folder of curves."),
    ],
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    budgets: Annotated[
        str | None, typer.Option(help="Computes in FLOPs, such as 1e18,1e19.")
    ] = None,
    kappa: Annotated[
        float | None,
        typer.Option(
            help="FLOPs per parameter and interaction or datum, by default 6. Data are "
            "compute / (κ N); given, it makes the compute of a table without: κ N E."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as JSON, and no more.")
    ] = False,
) -> None:
    """Read the best size at each compute off parabolas, beside the two-term law.

    Parabolas are biased on grids that are not centred on the best size; how much, for
    this very grid, is told from the two-term law fitted to the same runs.

    Example: allometry isoflop runs.csv --column parameters=size --column compute=flops
    """
    from allometry.cli.tables import read_source, with_compute
    from allometry.curves.place import place
    from allometry.laws.isoflop import ROLES
    from allometry.laws.isoflop import isoflop as profiles

    told = pairs(column or [], "--column", "loss=val_loss")
    source = read_source(place(path), told, check=_check)
    source = source.with_roles((*ROLES, "run", "data"))
    table, made = with_compute(source.table, kappa)
    chosen = (
        None
        if budgets is None
        else [number(c, "--budgets") for c in budgets.split(",")]
    )
    found = profiles(table, budgets=chosen)
    two_term, more = _beside(table, KAPPA if kappa is None else kappa, found)
    sentences = [*_sentences(found), *source.notes, *made, *more]
    if json:
        document = {**found.to_dict(), "two_term": two_term, "notes": sentences}
        typer.echo(jsonlib.dumps(document, indent=1))
        return
    _print(found, sentences)


def _check(names: Sequence[str], columns: Mapping[str, str]) -> None:
    """Refuse a table that lacks a column; the data are the two-term law's alone."""
    from allometry.cli.tables import made_of
    from allometry.laws.isoflop import require

    told = {role: name for role, name in columns.items() if role != "data"}
    if "compute" not in told and (of := made_of(names)):
        # Compute that is made of a column is not missing: see `with_compute`.
        told["compute"] = of
    require(names, told)


def _beside(
    table: "pl.DataFrame", kappa: float, found: "IsoFlop"
) -> tuple[dict[str, Any] | None, list[str]]:
    """Fit the two-term law to the same runs: its numbers, and what there is to say.

    None where it cannot be fitted; the sentences then say why.
    """
    from allometry import laws
    from allometry.cli.tables import with_data
    from allometry.laws.isoflop import bias

    table, said = with_data(table, kappa)
    try:
        fit = laws.fit("two-term", table)
        exponent = fit.derived["size_exponent"]

        def law(N: Any, C: Any) -> Any:
            return fit.predict(parameters=N, data=C / (kappa * N))["value"].to_numpy()

        off = bias(law, exponent.value, found.profiles)
    except Refusal as refusal:
        why = f"The two-term law could not be fitted beside it: {refusal}"
        return None, [*said, why]
    told = (
        f"The two-term law of the same runs has {exponent.value:.3f} "
        f"({exponent.low:.3f} to {exponent.high:.3f})"
    )
    if not fit.identified:
        told += ", and is not identified"
    if not math.isnan(off):
        told += f"; if it held exactly, these parabolas would be off by {off:+.3f}"
    numbers = (exponent.value, exponent.low, exponent.high)
    document = {
        "size_exponent": [_finite(number) for number in numbers],
        "identified": fit.identified,
        "bias_of_the_parabolas": _finite(off),
    }
    return document, [*said, f"{told}."]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sentences(found: "IsoFlop") -> list[str]:
    """Say what the parabolas tell, and what to doubt of it."""
    one = found.size_exponent
    if math.isnan(one.value):
        return list(found.warnings)
    told = (
        f"The best size of the parabolas grows as compute^{one.value:.3f} "
        f"({one.low:.3f} to {one.high:.3f})."
    )
    return [told, *found.warnings]


def _print(found: "IsoFlop", sentences: list[str]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_table(found))
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
