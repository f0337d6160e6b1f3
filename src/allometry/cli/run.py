"""`allometry run`: train a study, fit its law, write its page."""

import json as jsonlib
import shlex
from typing import Annotated

import typer

from allometry.cli.conclude import conclude
from allometry.cli.interrupt import stoppable
from allometry.cli.launch import (
    CpusPerWorker,
    Launch,
    On,
    RayAddress,
    SlurmOptions,
    Wait,
    Where,
)
from allometry.cli.train import (
    BudgetText,
    CommitEvery,
    Lease,
    check_seconds,
    read_budget,
    train,
)


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
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Folder for the results, or a URL such as s3://BUCKET/NAME; runs/NAME "
            "if not given.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be run, and how long it takes."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Bundles to train at once: one per core if not given; on a cluster, "
            "as many as fit (ray) or 8 jobs (slurm).",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Train in so many worker processes, each on its share of the cores, "
            "instead of in threads of this one.",
        ),
    ] = None,
    commit_every: CommitEvery = 10.0,
    lease: Lease = 60.0,
    budget: BudgetText = None,
    on: On = Where.LOCAL,
    ray_address: RayAddress = None,
    cpus_per_worker: CpusPerWorker = None,
    slurm: SlurmOptions = None,
    wait: Wait = False,
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
    chunk, with everything kept. The same command a second time beside the first, or
    `allometry work FOLDER`, shares the study with it, never a bundle.

    With --on ray or --on slurm the workers are started on a cluster, all of whose
    machines see the folder.
    """
    check_seconds(commit_every)
    allowed = read_budget(budget)
    launch = Launch(on, workers, ray_address, cpus_per_worker, slurm, wait, processes)
    launch.check(budget)
    from allometry.curves.place import place
    from allometry.studies import executor
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
    folder = place(out if out is not None else f"runs/{survey.study.name}")
    with stoppable() as stop:
        store = executor.prepare(survey, folder, _command(study, changes))
        left = not executor.is_finished(survey, store)
        if left and on is Where.LOCAL:
            train(
                survey,
                store,
                stop,
                quiet=json,
                workers=workers,
                processes=processes,
                commit_every=commit_every,
                lease=lease,
                budget=allowed,
            )
    if left and on is not Where.LOCAL:
        launch.train(survey, store, commit_every, lease, allowed, json=json)
    conclude(survey, store, json=json)


def _command(study: str, changes: list[str] | None) -> str:
    """Say how to make the study again, without where it was put."""
    words = ["allometry", "run", study]
    for change in changes or []:
        words += ["--set", change]
    return shlex.join(words)
