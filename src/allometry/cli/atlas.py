"""`allometry atlas`: laws that were measured, fitted again from their records."""

import dataclasses
import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from allometry.reports.atlas import Entry


def atlas(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the atlas, one entry a folder.")
    ] = Path("atlas"),
    add: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            help="Put a finished study into the atlas: its tables and its laws, no "
            "networks, no name of a host, no hour.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the entry that is added; the study's if not given."),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print the entries as JSON, or the added one."),
    ] = False,
) -> None:
    """List measured laws, and fit each again from its tables.

    Says of every law whether it is the one that the atlas tells of; if one is not, the
    exit code is 1. `allometry report atlas/NAME` writes the page of an entry, and its
    command trains it again.

    Examples: allometry atlas; allometry atlas mine --add runs/quickstart.
    """
    from allometry.curves.manifest import refuse_names
    from allometry.curves.store import open_store
    from allometry.reports import atlas as laws

    if add is not None:
        store = open_store(add)
        called = name or str(store.study["name"])
        refuse_names([called], "entry")
        place = laws.add(store, folder, called)
        if json:
            typer.echo(jsonlib.dumps(_document(laws.check(place)), indent=1))
        else:
            typer.echo(f"Added: {place}")
        return
    found = []
    for path in laws.entries(folder):
        found.append(laws.check(path))
        if not json:
            _print(found[-1])
    if json:
        typer.echo(jsonlib.dumps([_document(one) for one in found], indent=1))
    else:
        for name, said in laws.awaited(folder).items():
            typer.secho(name, bold=True, nl=False)
            typer.echo(f"  {said}")
        same = sum(one.reproduced for one in found)
        typer.echo(f"{same} of {len(found)} entries are reproduced from their tables.")
    if not all(one.reproduced for one in found):
        raise typer.Exit(1)


def _document(entry: "Entry") -> dict[str, Any]:
    return dataclasses.asdict(entry) | {"reproduced": entry.reproduced}


def _print(entry: "Entry") -> None:
    typer.secho(f"{entry.name}", bold=True, nl=False)
    typer.echo(f"  {entry.title}; {entry.runs} runs: {entry.command}")
    for law in entry.laws:
        mark = "DIFFERS" if law.differences else "same"
        typer.echo(f"  {mark:8}{law.file:20}{law.says}")
        for line in law.differences[:3]:
            typer.echo(f"            {line}")
        if len(law.differences) > 3:
            typer.echo(f"            and {len(law.differences) - 3} more")
    if entry.forecast:
        typer.echo(f"  {entry.forecast}")
