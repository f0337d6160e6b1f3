"""`allometry fit`: the law of a study, or of anybody's table, printed and stored."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allometry.cli.fits import read_fit, write_fit
from allometry.cli.options import COLUMN_HELP, number, pairs, value_of
from allometry.refusal import Refusal

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from allometry.cli.tables import Source
    from allometry.curves.place import Place
    from allometry.laws.fitted import Fit
    from allometry.reports.verdict import Verdict


def fit(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A table (CSV, TSV, Parquet, JSON lines), or the folder of a study or "
            "an import, or the URL of a study.",
        ),
    ],
    law: Annotated[
        str | None,
        typer.Option(help="Name of the form; `allometry forms` lists them."),
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help=COLUMN_HELP)] = None,
    at: Annotated[
        float | None,
        typer.Option(
            help="Fit what runs needed to reach this performance, not their curves."
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(help="With --at: what they needed; by default interactions."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Column whose runs are left out together for intervals."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting of the fit, such as loss=squared, delta=1e-3, "
            "interval=bootstrap, chance=0, exclude_first=0.02; for the intrinsic law "
            "chance=-200, maximum=900, band=0,850 (decide it before you look), "
            "natural_metric=fail-to-success. Repeat.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File for the fit; by default beside the data.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print what fit.json holds, and no more.")
    ] = False,
) -> None:
    """Fit a scaling law to finished runs.

    Prints the law with 90 % intervals, says when the runs cannot identify one, and
    writes it down for forecast, plot and report. For a study's folder the law is the
    study's own, unless --law asks for another.

    Examples: allometry fit runs/quickstart; allometry fit losses.csv --law two-term
    --column parameters=size --column data=tokens; allometry fit curves.csv --law power
    --at 0.5 --column x=parameters --column y=interactions.
    """
    from allometry.curves.opened import is_study
    from allometry.curves.place import place
    from allometry.laws import card

    columns = pairs(column or [], "--column", "parameters=critic_params")
    settings = pairs(set_ or [], "--set", "loss=squared")
    if of is not None and at is None:
        raise Refusal(
            f"--of {of} says what runs needed to reach a performance, and none is "
            "given: add --at, or leave --of out."
        )
    asked = law or columns or settings or at is not None or by or out
    named = place(path)
    if not asked and is_study(named):
        _study(named, json)
        return
    found, source = fit_table(
        named,
        law,
        columns,
        settings | ({"by": by} if by else {}),
        at,
        of or "interactions",
    )
    target = out or source.fit_file()
    replaced = _replaced(target, found)
    write_fit(found, target)
    if json:
        typer.echo(card.to_json(found), nl=False)
        return
    print_fit(found)
    typer.echo(f"\nWritten: {target}")
    if replaced:
        typer.echo(replaced)
    typer.echo(f"Next:    allometry plot {target}, allometry forecast {target} --help")


def fit_table(
    path: "Place",
    law: str | None,
    columns: dict[str, str],
    settings: dict[str, str],
    at: float | None = None,
    of: str = "interactions",
) -> "tuple[Fit, Source]":
    """Fit a law to what `path` names; the fit, and the table it was fitted to."""
    import dataclasses

    from allometry import laws
    from allometry.cli.tables import read_source, with_data
    from allometry.laws.crossing import thresholds

    source = read_source(path, columns)
    table, names = source.table, dict(source.columns)
    if "by" in settings:
        settings = {**settings, "by": source.meant(settings["by"])}
    if at is not None:
        of = source.meant(of)
        table = thresholds(table, at, of=of)
        if law is None:
            raise Refusal("With --at, name the form too: --law power, threshold, …")
    name = law or _guess(table, source)
    if name == "intrinsic":
        table = _with_status(table)
    if name == "two-term" and "data" not in names:
        table, more = with_data(table)
        source = dataclasses.replace(source, notes=(*source.notes, *more))
    found = laws.fit(name, table, columns=names, **_options(settings))
    fit_of = dict(found.card)
    fit_of["command"] = "allometry " + shlex.join(sys.argv[1:])
    if source.folder is None:
        fit_of["table"] = {"file": str(path), "columns": columns}
    if named := source.own_names():
        fit_of["named"] = named
    if at is not None:
        fit_of["at"] = {"performance": at, "of": of}
    notes = tuple(note for note in source.notes if note not in found.warnings)
    found = dataclasses.replace(found, card=fit_of, warnings=(*found.warnings, *notes))
    return found, source


def _replaced(target: "Place", fit: "Fit") -> str | None:
    """Say that a file holds another law, which the fit will take the place of."""
    try:
        held = read_fit(target).law
    except Refusal:
        return None
    if held == fit.law:
        return None
    return f"Replaced: {target} held the {held} law; --out keeps both."


def _guess(table: Any, source: "Source") -> str:
    """Take the intrinsic law where its columns are there; else ask."""
    from allometry.laws.form.registry import forms
    from allometry.laws.intrinsic.runs import COLUMNS

    # Where no column tells of a status, every run has ended: see `_with_status`.
    lacking = [
        name for name in COLUMNS if name not in table.columns and name != "status"
    ]
    if not lacking and not table["parameters"].null_count():
        return "intrinsic"
    listed = "; ".join(
        f"{form.name} ({', '.join(item.name for item in form.inputs)} → "
        f"{form.response.name})"
        for form in forms.values()
    )
    why = (
        f"the intrinsic law lacks {', '.join(lacking)}"
        if lacking
        else "some models have no size"
    )
    raise Refusal(
        f"Say which law: --law NAME ({why}{_remedy(lacking, source)}). There are: "
        f"{listed}."
    )


def _remedy(lacking: Sequence[str], source: "Source") -> str:
    """Say how curves get the compute that they lack."""
    if "compute" not in lacking or "interactions" in lacking:
        return ""
    kappa = "--kappa 6"
    if "parameters" in lacking:
        kappa += " --parameters NAME=1.2e6"
    if source.folder is not None:
        return f"; for compute, import the curves again with {kappa}"
    return (
        "; for compute, name its column, --column compute=NAME, or make it: allometry "
        f"import csv {source.path} --out DIR {kappa}"
    )


def _with_status(table: "pl.DataFrame") -> "pl.DataFrame":
    """Say that all runs are done, for a law that asks, where no column says more."""
    import polars as pl

    from allometry.laws.intrinsic.runs import COLUMNS

    if set(COLUMNS) - set(table.columns) != {"status"}:
        return table
    return table.with_columns(pl.lit("done").alias("status"))


def _options(settings: dict[str, str]) -> dict[str, Any]:
    """Read settings: numbers, lists `1,2`, pairs `1:2,3:4`, true and false, text."""
    found: dict[str, Any] = {}
    for name, text in settings.items():
        if text in ("true", "false"):
            found[name] = text == "true"
        elif ":" in text:
            pairs_of = [part.split(":") for part in text.split(",")]
            found[name] = tuple(
                tuple(number(x, f"--set {name}") for x in pair) for pair in pairs_of
            )
        elif "," in text:
            found[name] = tuple(number(x, f"--set {name}") for x in text.split(","))
        else:
            value = value_of(text)
            whole = isinstance(value, float) and value.is_integer()
            found[name] = int(value) if whole and name in _WHOLE else value
    return found


_WHOLE = ("resamples", "seed")


def _study(folder: "Place", json: bool) -> None:
    """Fit the laws that a study asks for."""
    from allometry.curves.store import open_store
    from allometry.laws import card
    from allometry.reports import verdict

    store = open_store(folder)
    found = verdict.verdicts(store)
    replaced = [_replaced(store.path / item.file, item.fit) for item in found]
    written = verdict.store_verdicts(store, found)
    if json:
        told = [card.to_json(item.fit).rstrip() for item in found]
        # One law is one object; several are a list, in the order of their files.
        typer.echo(told[0] if len(told) == 1 else f"[{', '.join(told)}]")
        return
    print_verdicts(found)
    for path, said in zip(written, replaced, strict=True):
        typer.echo(f"Written: {path}")
        if said:
            typer.echo(said)


def print_verdicts(found: "list[Verdict]") -> None:
    """Print every law of a study, under the value of the axis that it belongs to."""
    for item in found:
        print_fit(item.fit, item.label)


def print_fit(fit: "Fit", label: str = "") -> None:
    """Print a law: its sentences, then its numbers with intervals."""
    from rich.console import Console
    from rich.markup import escape

    from allometry.laws import summary

    console = Console(highlight=False)
    if label:
        console.print(f"\n[bold]{escape(label)}[/bold]")
    console.print()
    if form := fit.card.get("form"):
        console.print(f"[dim]{escape(str(form))}[/dim]")
    for sentence in summary.sentences(fit):
        console.print(escape(sentence))
    if summary.constants(fit):
        console.print(_table(fit))


def _table(fit: "Fit") -> "Table":
    from rich.table import Table

    from allometry.laws import summary

    table = Table("", "value", "90 % interval", "unit", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, estimate in summary.constants(fit).items():
        table.add_row(
            name,
            f"{estimate.value:.4g}",
            f"{estimate.low:.4g} to {estimate.high:.4g}",
            ("" if estimate.unit == "1" else estimate.unit)
            + ("" if estimate.identified else " (not identified)"),
        )
    return table
