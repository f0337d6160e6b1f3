"""What `allometry status` shows: a table of bundles, and sentences below it."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from allometry.cli.pace import duration
from allometry.watching.bundle import Bundle
from allometry.watching.status import Status

#: Bundles that the table shows; those at work and those in trouble come first.
SHOWN = 20
#: Runs that are named in a sentence.
NAMED = 5
#: What statuses are called on the screen, and their colours on a terminal.
CALLED = {
    "queued": ("queued", "dim"),
    "running": ("running", "cyan"),
    "done": ("done", "green"),
    "nonfinite": ("non-finite", "yellow"),
    "failed": ("failed", "red"),
    "unreadable": ("unreadable", "red"),
}


def drawn(found: Status) -> Group:
    """Draw a status; what comes from the record is text and never markup."""
    sentences = [Text(line) for line in _sentences(found)]
    trouble = [Text(line, style="red") for line in _trouble(found)]
    return Group(_heading(found), Text(), _table(found), Text(), *sentences, *trouble)


def _heading(found: Status) -> Text:
    text = Text(f"{found.title or found.study or found.path}\n", style="bold")
    counts = Text(f"{len(found.runs):,} runs: ", style="not bold")
    said = [(name, count) for name, count in found.counts.items() if count]
    for number, (name, count) in enumerate(said):
        called, style = CALLED.get(name, (name, ""))
        counts.append(", " if number else "")
        counts.append(f"{count:,} {called}", style=style)
    return text.append_text(counts)


def _table(found: Status) -> Table:
    table = Table("bundle", box=None, pad_edge=False)
    for name in ("runs", "interactions", "done", "steps/s", "attempts"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("worker")
    table.add_column("state")
    for bundle in _first(found):
        table.add_row(
            Text(bundle.name),
            str(len(bundle.runs)),
            f"{bundle.done:,}",
            _share(bundle),
            f"{len(bundle.runs) / bundle.pace:,.0f}" if bundle.pace else "",
            str(bundle.attempts),
            Text(_worker(bundle)),
            Text(_state(bundle, found.now)),
        )
    return table


def _first(found: Status) -> list[Bundle]:
    """Choose the bundles to show: all, or what goes on and what went wrong."""
    if len(found.bundles) <= SHOWN:
        return list(found.bundles)
    ordered = sorted(
        found.bundles,
        key=lambda bundle: (
            bundle.failure is None and not bundle.warnings,
            not bundle.at_work,
            bundle.finished,
        ),
    )
    return ordered[:SHOWN]


def _share(bundle: Bundle) -> str:
    if not bundle.planned:
        return "100 %" if bundle.finished else ""
    return _percent(bundle.done / bundle.planned)


def _percent(share: float) -> str:
    """Round down: a hundred is the end."""
    return f"{int(100 * min(share, 1.0))} %"


def _worker(bundle: Bundle) -> str:
    """Name who has claimed a bundle that is not finished: host and process."""
    if bundle.finished or not bundle.owner:
        return ""
    return f"{bundle.owner.get('host', '?')}:{bundle.owner.get('pid', '?')}"


def _state(bundle: Bundle, now: float) -> str:
    """Say what goes on with a bundle, and how old its last commit is."""
    statuses = {*bundle.runs.values()}
    if bundle.finished:
        return "finished"
    if "unreadable" in statuses:
        return "cannot be read"
    if not bundle.attempts:
        return "waits"
    if "failed" in statuses:
        return "failed"
    if bundle.process == "gone" or "preempted" in statuses:
        return "left"
    if bundle.committed is not None:
        return f"commit {_time(now - bundle.committed)} ago"
    claimed = bundle.owner.get("time")
    if isinstance(claimed, int | float):
        return f"claimed {_time(now - claimed)} ago"
    return "claimed"


def _sentences(found: Status) -> Iterator[str]:
    if len(found.bundles) > SHOWN:
        yield f"{len(found.bundles) - SHOWN:,} more bundles: --json lists all.\n"
    yield _progress(found)
    if found.interactions:
        yield from _cost(found)
    if not found.finished:
        yield from _left(found)


def _progress(found: Status) -> str:
    if found.planned is None:
        return f"Done so far: {found.interactions:,} interactions of an unknown number."
    share = _percent(found.interactions / found.planned) if found.planned else "100 %"
    of = f"{found.interactions:,} of {found.planned:,} interactions"
    return f"Done so far: {share}, {of}."


def _cost(found: Status) -> Iterator[str]:
    """Say what was spent: FLOPs, seconds, and seconds by part where known."""
    flops = sum(bundle.flops for bundle in found.bundles)
    extra = sum(bundle.flops_environment for bundle in found.bundles)
    yield (
        f"Cost so far: {flops:.3g} FLOPs (environment: {extra:.3g}), "
        f"{_time(found.seconds)} over all bundles."
    )
    if parts := found.seconds_by_part:
        each = ", ".join(f"{name} {_time(value)}" for name, value in parts.items())
        yield f"Of what was told apart: {each}."


def _left(found: Status) -> Iterator[str]:
    left, speed, working = found.seconds_left, found.speed, found.at_work
    if left is None:
        yield "Time left: no estimate yet; the first bundle is still compiling."
    elif working:
        steps = "" if speed is None else f" at {speed:,.0f} steps/s"
        yield f"Time left: {duration(left)} (an estimate); {working} at work{steps}."
    else:
        yield f"Time left: {duration(left)} (an estimate), one bundle at a time."
    if not working:
        yield "Nobody is at work: the command that made the study goes on with it."


def _trouble(found: Status) -> Iterator[str]:
    """Name the runs that diverged, what failed and why, and what was damaged."""
    lost = [run for run, said in found.runs.items() if said == "nonfinite"]
    if lost:
        more = f" and {len(lost) - NAMED:,} more" if len(lost) > NAMED else ""
        yield f"Non-finite: {', '.join(lost[:NAMED])}{more}."
    for bundle in found.bundles:
        if bundle.failure is not None:
            yield f"Bundle {bundle.name} failed: {bundle.failure}"
        for warning in bundle.warnings:
            yield f"Bundle {bundle.name}: {warning}"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{max(seconds, 0.0):.1f} s"
    return duration(seconds).removeprefix("about ")
