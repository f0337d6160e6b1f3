"""`allometry logs`: what happened to a study, a bundle or a run, in order."""

import difflib
import json as jsonlib
import statistics
import time
from typing import TYPE_CHECKING, Annotated

import typer

from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.curves.store import Store
    from allometry.watching.log import Event


def logs(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE", help="Folder or URL of a study, such as runs/NAME."
        ),
    ],
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", help="A run, or a bundle for all of its runs; else all."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object per line.")
    ] = False,
) -> None:
    """Say what happened, in order: claims, commits, divergence, damage, failures.

    It is read off the record and nothing is written. A commit is shown with the mean
    performance of the runs that are asked for.

    Examples: allometry logs runs/quickstart width-4-seed-0

    allometry logs runs/quickstart width-4 --json
    """
    from allometry.curves.store import open_store
    from allometry.watching.log import events

    opened = open_store(store)
    found = events(opened, _chosen(opened, run))
    for event in found:
        typer.echo(_line(event) if json else _said(event))
    if not found and not json:
        typer.echo("Nothing has happened yet.")


def _chosen(store: "Store", name: str | None) -> list[str]:
    """Give the runs that a name stands for; refuse one that stands for none."""
    runs = store.plan["run"].to_list()
    if name is None:
        return runs
    if name in runs:
        return [name]
    if name in store.bundles:
        return store.plan.filter(bundle=name)["run"].to_list()
    near = difflib.get_close_matches(name, [*runs, *store.bundles], n=3, cutoff=0.3)
    raise Refusal(
        f"{store.path} has no run and no bundle {name!r}; the nearest are: "
        f"{', '.join(near or runs[:3])}. `allometry status` lists the bundles."
    )


def _line(event: "Event") -> str:
    about = {"time": event.time, "bundle": event.bundle, "event": event.what}
    return jsonlib.dumps(about | dict(event.details))


def _said(event: "Event") -> str:
    clock = "%Y-%m-%d %H:%M:%S"
    when = (
        "" if event.time is None else time.strftime(clock, time.localtime(event.time))
    )
    said = {"claim": _claim, "commit": _commit, "nonfinite": _nonfinite}
    sentence = said.get(event.what, _sentence)(event)
    return f"{when:<19}  {event.bundle}  {sentence}"


def _claim(event: "Event") -> str:
    known = event.details
    said = f"attempt {known['attempt']}"
    if "pid" not in known:
        return f"{said}: who made it is not on record"
    said += f": claimed by process {known['pid']} on {known.get('host', '?')}"
    if "checkpoint" not in known:
        return said
    begun = known["checkpoint"]
    return (
        f"{said}, {f'goes on from checkpoint {begun}' if begun else 'from the start'}"
    )


def _commit(event: "Event") -> str:
    known = event.details
    version = f"commit {known['version']}" if "version" in known else "commit"
    done = known["checkpoint"]
    said = f"{version}: {done} checkpoint{'' if done == 1 else 's'}"
    said += f", {known['interactions']:,} interactions"
    values = [each for each in known["performance"].values() if each is not None]
    if values:
        runs = f" (mean of {len(values)} runs)" if len(values) > 1 else ""
        said += f", performance {statistics.fmean(values):.4g}{runs}"
    return f"{said}; finished" if known.get("finished") else said


def _nonfinite(event: "Event") -> str:
    known = event.details
    return (
        f"{known['run']} was non-finite at checkpoint {known['checkpoint']}, "
        f"{known['interactions']:,} interactions"
    )


def _sentence(event: "Event") -> str:
    return f"{event.what}: {event.details['sentence']}"
