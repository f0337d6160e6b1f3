"""`allometry status`: how a study stands, and how long it will take."""

import contextlib
import json as jsonlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from rich.console import Console

    from allometry.curves.store import Store
    from allometry.watching.status import Status

#: Seconds between two looks at the store.
EVERY = 2.0


def status(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE", help="Folder or URL of a study, such as runs/NAME."
        ),
    ],
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Look again every two seconds, until all is done or Ctrl-C.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print as JSON, and no more.")
    ] = False,
) -> None:
    """Say how a study stands: runs, progress, speed, cost, time left, failures.

    It is read off the record, which is as new as the last commit of each bundle.
    Nothing is written, and whoever trains is not disturbed.

    The time left is an estimate from the seconds and FLOPs on record.

    Examples: allometry status runs/quickstart --watch

    allometry status runs/quickstart --json
    """
    if watch and json:
        raise Refusal("--watch draws and --json prints once: choose one of them.")
    if watch:
        _watch(store)
        return
    from allometry.curves.store import open_store
    from allometry.watching.status import document
    from allometry.watching.status import status as read

    found = read(open_store(store))
    if json:
        typer.echo(jsonlib.dumps(document(found), indent=1))
        return
    from allometry.cli.standing import drawn

    _console().print(drawn(found))


def follow(
    store: "Store", shown: "Console", enough: Callable[["Status"], bool]
) -> None:
    """Draw how a study stands until nothing is left to train.

    `enough` is asked after every look: it waits for the next one, and says whether to
    end without it.
    """
    from allometry.cli.store_display import StoreDisplay

    if not shown.is_terminal:
        _print_changes(store, shown, enough)
        return
    with StoreDisplay(store, shown) as display:
        while (found := display.look()) and not (found.finished or enough(found)):
            pass


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _watch(store: str) -> None:
    """Draw until nothing is left to train; Ctrl-C is the way out, and no error."""
    from allometry.curves.store import open_store

    with contextlib.suppress(KeyboardInterrupt):
        follow(open_store(store), _console(), _wait)


def _wait(found: "Status") -> bool:
    time.sleep(EVERY)
    return False


def _print_changes(
    store: "Store", console: "Console", enough: Callable[["Status"], bool]
) -> None:
    """Where there is nothing to draw on: print anew whenever there is news."""
    from allometry.cli.standing import drawn
    from allometry.watching.status import status as read

    found = read(store)
    console.print(drawn(found))
    while not (found.finished or enough(found)):
        before, found = found, read(store)
        if found.bundles != before.bundles:
            console.print()
            console.print(drawn(found))
