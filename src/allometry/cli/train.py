"""Train: the options and the end of the verbs that train, `run` and `work`."""

import math
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allometry.cli.interrupt import EXIT_CODE
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from rich.console import Console

    from allometry.curves.store import Store
    from allometry.studies.budget import Budget
    from allometry.studies.executor import Outcome
    from allometry.studies.survey import Survey

CommitEvery = Annotated[
    float,
    typer.Option(min=0, help="Seconds between commits: the most a crash can cost."),
]
Lease = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=86_400,
        help="Seconds without a sign of life after which other workers take over a "
        "bundle from this one.",
    ),
]
BudgetText = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        help="What this command may spend: a time (90s, 30min, 2h, 1.5d) or training "
        "FLOPs (1e17). It then stops at the next checkpoint, with everything kept.",
    ),
]


def read_budget(text: str | None) -> "Budget | None":
    """Read `--budget`; it counts from now."""
    from allometry.studies import budget

    return None if text is None else budget.read(text)


def check_seconds(commit_every: float) -> None:
    """Refuse a number of seconds that is none."""
    if math.isnan(commit_every):
        raise Refusal("--commit-every is not a number; give seconds, such as 10.")


def train(
    survey: "Survey",
    store: "Store",
    stop: threading.Event,
    *,
    budget: "Budget | None" = None,
    processes: int | None = None,
    quiet: bool = False,
    again: str = "The same command goes on.",
    **options: Any,
) -> "Outcome":
    """Train what is left and show it; exit with code 130 if stopped before the end.

    `quiet` keeps the standard output free: progress goes to the standard error.
    `options` are those of `executor.run`. With `processes` so many workers do it.
    """
    from rich.console import Console

    from allometry.cli.watch import Display
    from allometry.studies import executor

    shown = Console(highlight=False, stderr=quiet)
    options |= {"stop": stop, "budget": budget}
    if processes is not None:
        outcome = _in_processes(survey, store, shown, processes, options)
    else:
        with Display(survey, store, shown) as display:
            outcome = executor.run(survey, store, display, **options)
    used_up = budget is not None and budget.used_up
    if outcome.complete or not (stop.is_set() or used_up):
        return outcome
    why = f": the budget of {budget.text} is used up" if budget and used_up else ""
    typer.echo(f"Stopped{why}; {store.path} keeps everything. {again}", err=quiet)
    raise typer.Exit(EXIT_CODE)


def _in_processes(
    survey: "Survey",
    store: "Store",
    shown: "Console",
    processes: int,
    options: dict[str, Any],
) -> "Outcome":
    from allometry.cli.store_display import StoreDisplay
    from allometry.launching import local

    if options.pop("workers", None) is not None:
        raise Refusal(
            "--processes and --workers exclude each other: a process trains one bundle "
            "at a time. Give one of the two."
        )
    with StoreDisplay(store, shown) as onlooker:
        return local.run(survey, store, onlooker, processes=processes, **options)
