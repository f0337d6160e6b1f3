"""`allometry work`: train what a study has left, beside any number of other workers."""

from typing import Annotated

import typer

from allometry.cli.conclude import conclude
from allometry.cli.interrupt import stoppable
from allometry.cli.train import (
    BudgetText,
    CommitEvery,
    Lease,
    check_seconds,
    read_budget,
    train,
)


def work(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE",
            help="The folder of a study, which `allometry run` has made, or its URL.",
        ),
    ],
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            help="Wait for the bundles of other workers, and take over those whose "
            "worker is lost; or end when nothing is free.",
        ),
    ] = True,
    concluded: Annotated[
        bool,
        typer.Option(
            "--conclude/--no-conclude",
            help="Fit the law and write the page after the last bundle, or leave that "
            "to another command.",
        ),
    ] = True,
    commit_every: CommitEvery = 10.0,
    lease: Lease = 60.0,
    budget: BudgetText = None,
) -> None:
    """Work on a study that was begun: claim a bundle, train it, go on to the next.

    Start it as often as you like, on any machine that sees the folder: workers share
    the study, never a bundle. No study file is needed: the folder holds the study.

    A worker that is killed or cut off loses its bundle to another, which goes on from
    the last commit; what the lost one then tries to commit does not count. Ctrl-C or
    SIGTERM commits after the current chunk and gives the bundle back.

    Whoever finishes the last bundle fits the law and writes the page.
    """
    check_seconds(commit_every)
    allowed = read_budget(budget)
    from allometry.curves.store import open_store
    from allometry.studies.executor import is_finished
    from allometry.studies.survey import of_store

    with stoppable() as stop:
        opened = open_store(store)
        survey = of_store(opened)
        if is_finished(survey, opened):
            typer.echo(f"Nothing is left to train in {store}.")
            return
        outcome = train(
            survey,
            opened,
            stop,
            workers=1,
            wait=wait,
            commit_every=commit_every,
            lease=lease,
            budget=allowed,
        )
    if outcome.last and concluded:
        conclude(survey, opened, json=False)
    elif outcome.complete:
        typer.echo(f"All runs are done and kept in {store}.")
    else:
        typer.echo(
            f"Nothing is free in {store}: {outcome.elsewhere} of its bundles are with "
            "other workers. Without --no-wait, this command waits for them."
        )
