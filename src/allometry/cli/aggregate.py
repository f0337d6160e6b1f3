"""`allometry aggregate`: methods compared over tasks, with intervals over runs."""

import dataclasses
import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.options import COLUMN_HELP, checked_seed, numbers, pairs

if TYPE_CHECKING:
    from rich.table import Table

    from allometry.laws.aggregate import Aggregate


def aggregate(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="A table, or the folder of curves."),
    ],
    by: Annotated[str, typer.Option(help="Column of what is compared.")] = "method",
    task: Annotated[str, typer.Option(help="Column of the task.")] = "task",
    score: Annotated[str, typer.Option(help="Column of the score.")] = "performance",
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    metric: Annotated[
        str | None, typer.Option(help="Which metric, if a table has several.")
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(help="Score at these interactions; by default at the end."),
    ] = None,
    low: Annotated[
        list[str] | None,
        typer.Option(help="A task's lowest score, such as walker=0; with --high."),
    ] = None,
    high: Annotated[
        list[str] | None,
        typer.Option(help="A task's highest score, such as walker=1000."),
    ] = None,
    chance: Annotated[
        float | None,
        typer.Option(help="Score of a run that has none: missing or non-finite."),
    ] = None,
    statistic: Annotated[
        list[str] | None,
        typer.Option(
            help="iqm, median, mean, p20, lowest_decile, optimality_gap; repeat."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the numbers as JSON, and no more.")
    ] = False,
) -> None:
    """Aggregate scores over tasks: interquartile mean, median, 20th percentile.

    Intervals are 90 %, from a bootstrap of runs within tasks. Scores are taken as they
    are, unless --low and --high put them on one scale.

    Example: allometry aggregate results.csv --by method --task env_name
    """
    import numpy as np

    from allometry.cli.tables import read_source
    from allometry.curves.mapping import ROLES
    from allometry.curves.place import place
    from allometry.laws.aggregate import DEFAULT
    from allometry.laws.aggregate import aggregate as over_tasks
    from allometry.laws.run_scores import (
        final_scores,
        normalised,
        scales,
        with_chance,
    )

    told = pairs(column or [], "--column", "performance=return")
    generator = np.random.default_rng(checked_seed(seed))
    source = read_source(place(path), told, metric=metric).with_roles(tuple(ROLES))
    table = source.with_names(by, task, score).table
    said = source.notes
    curves = {"run", "interactions"} <= set(table.columns)
    if curves or at is not None:
        table, more = final_scores(table, score=score, at=at, chance=chance)
        said += more
    elif chance is not None:
        table, more = with_chance(table, chance, score=score)
        said += more
    bottom = numbers(low or [], "--low", "walker=0")
    top = numbers(high or [], "--high", "walker=1000")
    doubts: tuple[str, ...] = ()
    if bottom or top:
        table = normalised(table, bottom, top, task=task, score=score)
    else:
        doubts = scales(table, task=task, score=score)
    found = over_tasks(
        table,
        generator,
        by=by,
        task=task,
        score=score,
        statistics=statistic or DEFAULT,
    )
    found = dataclasses.replace(found, warnings=(*doubts, *found.warnings))
    if json:
        document = {**found.to_dict(), "notes": list(said)}
        typer.echo(jsonlib.dumps(document, indent=1))
        return
    _print(found, by, said)


def _print(found: "Aggregate", by: str, said: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_table(found, by))
    for sentence in (*said, *found.warnings):
        console.print(escape(sentence))


def _table(found: "Aggregate", by: str) -> "Table":
    from rich.table import Table

    table = Table(by, "statistic", "value", "90 % interval", box=None, pad_edge=False)
    for method, estimates in found.estimates.items():
        for name, one in estimates.items():
            interval = f"{one.low:.4g} to {one.high:.4g}"
            table.add_row(method, name, f"{one.value:.4g}", interval)
    return table
