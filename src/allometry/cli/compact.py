"""`allometry compact`: fold finished runs into tables of the whole store."""

import dataclasses
import json as jsonlib
from typing import Annotated

import typer


def compact(
    path: Annotated[
        str, typer.Argument(metavar="STORE", help="Folder or URL of a study.")
    ],
    drop_checkpoints: Annotated[
        bool,
        typer.Option(
            "--drop-checkpoints",
            help="Remove checkpoints of finished runs too: their networks are lost.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was done as JSON.")
    ] = False,
) -> None:
    """Fold the records of finished runs into a few tables, which read fast.

    Nothing changes for who reads the store, and a study may be running meanwhile.
    The same command again folds what has finished since.

    Example: allometry compact runs/quickstart
    """
    from allometry.curves import compact as compaction
    from allometry.curves.store import open_store

    store = open_store(path)
    done = compaction.compact(store, drop_checkpoints=drop_checkpoints)
    if json:
        typer.echo(jsonlib.dumps({"store": path} | dataclasses.asdict(done)))
        return
    rows = ", ".join(f"{count} of {table}" for table, count in done.rows.items())
    left = len(store.bundles) - done.covered
    typer.echo(
        f"{done.folded} bundles folded; {done.covered} are compacted ({rows}), {left} "
        "are not."
    )
