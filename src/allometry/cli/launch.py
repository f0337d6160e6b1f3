"""Launch: the options and the ends of `allometry run --on ray` and `--on slurm`."""

import dataclasses
import enum
import json as jsonlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.cli.interrupt import EXIT_CODE, stoppable
from allometry.cli.status import EVERY, follow
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.curves.store import Store
    from allometry.launching.slurm import Submitted
    from allometry.launching.worker import Worker
    from allometry.studies.budget import Budget
    from allometry.studies.survey import Survey
    from allometry.watching.status import Status

#: Seconds between two questions to Slurm's controller.
ASK = 15.0


class Where(enum.StrEnum):
    """Where the workers of a study are started."""

    LOCAL = "local"
    RAY = "ray"
    SLURM = "slurm"


On = Annotated[
    Where,
    typer.Option(
        "--on", help="Where to train: on this machine, on Ray, or as a Slurm array."
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The Ray cluster to join; RAY_ADDRESS if not given, and without either "
        "one is started on this machine.",
    ),
]
CpusPerWorker = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Cores that a worker takes on Ray, 1 if not given. On Slurm: --slurm "
        "cpus-per-task=N.",
    ),
]
SlurmOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE",
        help="An option of sbatch, such as partition=gpu, time=8:00:00, mem=16G or "
        "gres=gpu:1. May be given more than once.",
    ),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="With --on slurm: follow the study until it is done, then fit its law.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Launch:
    """Where the workers of a study are to be started, and with which options."""

    on: Where
    workers: int | None
    ray_address: str | None
    cpus_per_worker: float | None
    slurm: list[str] | None
    wait: bool
    processes: int | None

    def check(self, budget: str | None) -> None:
        """Refuse options that belong to another place."""
        from allometry.launching import slurm

        for option, given, place in (
            ("--ray-address", self.ray_address, Where.RAY),
            ("--cpus-per-worker", self.cpus_per_worker, Where.RAY),
            ("--slurm", self.slurm, Where.SLURM),
            ("--wait", self.wait, Where.SLURM),
            ("--processes", self.processes, Where.LOCAL),
        ):
            if given and self.on is not place:
                raise Refusal(f"{option} goes with --on {place}, not --on {self.on}.")
        if self.on is Where.SLURM and budget is not None:
            raise Refusal(
                "--budget is counted by the command that trains, and on Slurm that is "
                "none: give each job a time by --slurm time=2:00:00."
            )
        slurm.options(self.slurm or [])

    def train(
        self,
        survey: "Survey",
        store: "Store",
        commit_every: float,
        lease: float,
        budget: "Budget | None",
        *,
        json: bool,
    ) -> None:
        """Have the study trained; return only once nothing of it is left."""
        from allometry.launching.worker import worker

        told = worker(store.path, commit_every, lease)
        if self.on is Where.RAY:
            self._on_ray(survey, store, told, budget, quiet=json)
        else:
            self._on_slurm(survey, store, told, json=json)

    def _on_ray(
        self,
        survey: "Survey",
        store: "Store",
        told: "Worker",
        budget: "Budget | None",
        *,
        quiet: bool,
    ) -> None:
        from allometry.launching import ray

        cpus = self.cpus_per_worker or 1.0
        # Ray takes SIGTERM for itself when it is joined: it is taken back after that.
        with ray.joined(self.ray_address) as cluster, stoppable() as stop:
            bundles = len(survey.facts)
            workers = min(self.workers or cluster.slots(cpus), bundles)
            if lack := cluster.lack(cpus):
                typer.echo(lack, err=True)
            typer.echo(f"Asked Ray for {workers} workers.", err=quiet)
            crew = cluster.start(told, workers, cpus)

            def ended() -> bool:
                return stop.wait(EVERY) or crew.is_over

            _follow(store, ended, budget, quiet=quiet)
            crew.stop()
            failures = crew.failures()
        _check_finished(store, stop, budget, failures, quiet=quiet)

    def _on_slurm(
        self, survey: "Survey", store: "Store", told: "Worker", *, json: bool
    ) -> None:
        from allometry.launching import slurm

        name = survey.study.name
        workers = min(self.workers or slurm.WORKERS, len(survey.facts))
        more = slurm.options(self.slurm or [])
        # Slurm writes logs to a disk, wherever the store is.
        beside = store.path if isinstance(store.path, Path) else Path("runs") / name
        folder = beside / "slurm"
        made = slurm.submit(told, workers, folder, name, more)
        if not self.wait:
            _print_submitted(store, made, json=json)
            raise typer.Exit
        _print_submitted(store, made, json=False, err=json)
        with stoppable() as stop:
            looks = 0

            def ended() -> bool:
                nonlocal looks
                looks += 1
                if stop.wait(EVERY):
                    return True
                return looks % round(ASK / EVERY) == 0 and slurm.is_over(made.job)

            _follow(store, ended, None, quiet=json)
        if stop.is_set():
            typer.echo(f"The jobs go on: scancel {made.job} ends them.", err=True)
            raise typer.Exit(EXIT_CODE)
        if not _status(store).finished:
            raise Refusal(
                f"Job {made.job} has ended, and the study in {store.path} is not "
                f"done. Its jobs have written why to {made.logs}; the same command "
                "submits the rest again."
            )


def _follow(
    store: "Store", ended: Callable[[], bool], budget: "Budget | None", *, quiet: bool
) -> None:
    """Show how the study stands until it is done, `ended` or the budget is used up."""
    from rich.console import Console

    spent = _flops(_status(store))

    def enough(found: "Status") -> bool:
        nonlocal spent
        if budget is not None:
            budget.spend(_flops(found) - spent)
            spent = _flops(found)
            if budget.used_up:
                return True
        return ended()

    follow(store, Console(highlight=False, stderr=quiet), enough)


def _check_finished(
    store: "Store",
    stop: threading.Event,
    budget: "Budget | None",
    failures: list[str],
    *,
    quiet: bool,
) -> None:
    """Exit with code 130 if stopped before the end; refuse if workers have failed."""
    if _status(store).finished:
        return
    used_up = budget is not None and budget.used_up
    if stop.is_set() or used_up:
        why = f": the budget of {budget.text} is used up" if budget and used_up else ""
        kept = f"{store.path} keeps everything. The same command goes on."
        typer.echo(f"Stopped{why}; {kept}", err=quiet)
        raise typer.Exit(EXIT_CODE)
    raise Refusal(
        f"{len(failures)} workers on Ray have ended before the study in {store.path} "
        f"was done: {failures[0] if failures else 'they do not say why'} What was "
        "committed is kept, and the same command goes on."
    )


def _print_submitted(
    store: "Store", made: "Submitted", *, json: bool, err: bool = False
) -> None:
    """Say what was submitted, and how to watch it and to end it."""
    if json:
        document = {
            "store": str(store.path),
            "job": made.job,
            "workers": made.workers,
            "script": str(made.script),
            "logs": made.logs,
        }
        typer.echo(jsonlib.dumps(document, indent=1))
        return
    typer.echo(f"Submitted job {made.job}: {made.workers} workers.", err=err)
    typer.echo(f"Watch:  allometry status {store.path} --watch", err=err)
    typer.echo(f"Logs:   {made.logs}", err=err)
    typer.echo(f"Cancel: scancel {made.job} (what is committed is kept)", err=err)


def _status(store: "Store") -> "Status":
    from allometry.watching.status import status

    return status(store)


def _flops(found: "Status") -> float:
    return sum(bundle.flops for bundle in found.bundles)
