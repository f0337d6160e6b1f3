"""`allometry run`: train a study, fit its law, write its page."""

import json as jsonlib
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.interrupt import EXIT_CODE, stoppable
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.curves.store import Store
    from allometry.studies.survey import Survey


def run(
    study: Annotated[
        str,
        typer.Argument(
            help="A study that comes with Allometry (quickstart, horizon, …), or the "
            "path of a study file (.toml)."
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of the study, such as training.interactions=65536 or "
            "grid.agent.width=[4,8,16]. May be given more than once.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results; runs/NAME if not given."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be run, and how long it takes."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Bundles to train at once; one per core if not given."
        ),
    ] = None,
    commit_every: Annotated[
        float,
        typer.Option(min=0, help="Seconds between commits: the most a crash can cost."),
    ] = 10.0,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print what was made as JSON; progress goes to stderr."
        ),
    ] = False,
) -> None:
    """Train a study; then fit its law and write its page.

    The same command again goes on where it stopped: finished runs are kept, and an
    interrupted one continues from its last commit. Ctrl-C stops after the current
    chunk, with everything kept.
    """
    if math.isnan(commit_every):
        raise Refusal("--commit-every is not a number; give seconds, such as 10.")
    from allometry.studies import study as studies
    from allometry.studies.survey import Survey

    survey = Survey(studies.load(study, changes or []))
    if dry_run:
        from allometry.cli.survey import print_survey, survey_document

        if json:
            typer.echo(jsonlib.dumps(survey_document(survey, workers), indent=1))
        else:
            print_survey(survey, workers)
        return
    folder = out if out is not None else Path("runs") / survey.study.name
    store = _train(
        survey, folder, _command(study, changes), commit_every, workers, quiet=json
    )
    _film(survey, store, quiet=json)
    _conclude(store, json=json)


def _film(survey: "Survey", store: "Store", *, quiet: bool) -> None:
    """Draw the episode that the page of a study of trials shows."""
    from allometry.studies import film

    if film.due(survey, store):
        typer.echo("Drawing an episode of the run that scored best ...", err=quiet)
        film.write(survey, store)


def _train(
    survey: "Survey",
    folder: Path,
    command: str,
    commit_every: float,
    workers: int | None,
    *,
    quiet: bool,
) -> "Store":
    """Train what is left of the study; exit with code 130 if told to stop.

    `quiet` keeps the standard output free: progress goes to the standard error.
    """
    from rich.console import Console

    from allometry.cli.watch import Display
    from allometry.studies import executor

    with stoppable() as stop:
        store = executor.prepare(survey, folder, command)
        if executor.is_finished(survey, store):
            return store
        shown = Console(highlight=False, stderr=quiet)
        with Display(survey, store, shown) as display:
            complete = executor.run(
                survey,
                store,
                display,
                stop=stop,
                commit_every=commit_every,
                workers=workers,
            )
    if not complete:
        typer.echo(
            f"Stopped; {folder} keeps everything. The same command goes on.", err=quiet
        )
        raise typer.Exit(EXIT_CODE)
    return store


def _conclude(store: "Store", *, json: bool) -> None:
    """Fit, print and draw what a finished study shows, if a law can be fitted."""
    from allometry.cli.fit import print_verdicts
    from allometry.cli.report import laws_or_why, write_page
    from allometry.curves.durable import Damaged
    from allometry.reports import verdict

    try:
        found, without = laws_or_why(store)
    except Damaged:
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


def _made(store: "Store", fits: list[Path], page: Path | None, why: str) -> str:
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


def _command(study: str, changes: list[str] | None) -> str:
    """Say how to make the study again, without where it was put."""
    words = ["allometry", "run", study]
    for change in changes or []:
        words += ["--set", change]
    return shlex.join(words)
