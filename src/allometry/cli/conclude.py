"""Conclude: what a study shows once nothing of it is left to train."""

import json as jsonlib
from typing import TYPE_CHECKING

import typer

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.curves.place import Place
    from allometry.curves.store import Store
    from allometry.studies.survey import Survey


def conclude(survey: "Survey", store: "Store", *, json: bool) -> None:
    """Fit, print and draw what a finished study shows, if a law can be fitted."""
    from allometry.cli.fit import print_verdicts
    from allometry.cli.report import laws_or_why, write_page
    from allometry.curves.durable import Damaged
    from allometry.curves.objects import Unreachable
    from allometry.reports import verdict

    _film(survey, store, quiet=json)
    try:
        found, without = laws_or_why(store)
    except (Damaged, Unreachable):
        raise
    except Refusal as error:
        if json:
            typer.echo(_made(store, [], None, str(error)))
            return
        typer.echo(f"All runs are done and kept in {store.path}.")
        typer.echo(f"No law was fitted: {error}")
        return
    fits = verdict.store_verdicts(store, found)
    page = write_page(store, found, without=without)
    if json:
        typer.echo(_made(store, fits, page, without))
        return
    if without:
        typer.echo(f"No law was fitted: {without}")
    print_verdicts(found)
    typer.echo(f"\nRuns{' and law' if found else ''}: {store.path}")
    typer.echo(f"Page:         {page}")


def _film(survey: "Survey", store: "Store", *, quiet: bool) -> None:
    """Draw the episode that the page of a study of trials shows."""
    from allometry.studies import film

    if film.due(survey, store):
        typer.echo("Drawing an episode of the run that scored best ...", err=quiet)
        film.write(survey, store)


def _made(store: "Store", fits: "list[Place]", page: "Place | None", why: str) -> str:
    """Say as JSON what a study has made; `why` is what kept its law from a fit."""
    statuses = store.runs()["status"].value_counts(sort=True).rows()
    document = {
        "store": str(store.path),
        "runs": dict(statuses),
        "fits": [str(path) for path in fits],
        "page": None if page is None else str(page),
        "no_law": why or None,
    }
    return jsonlib.dumps(document, indent=1)
