"""Log: what happened to the bundles of a study, in order, as the record has it.

Claims and commits stand in the history that every commit carries (`studies.history`).
Of stores that an older Allometry wrote, the last claim and the newest commit are known.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from allometry.curves.manifest import Manifest
from allometry.curves.store import Store

What = Literal["claim", "commit", "nonfinite", "warning", "failure"]
_BEFORE = re.compile(r"before attempt (\d+): ")


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened to a bundle; `time` is None where it is not on record.

    `details` is JSON: of a claim `attempt`, `host`, `pid`, `checkpoint`,
    `code_version` (which Allometry: `version`, `commit`, `dirty`); of a commit
    `version`, `attempt`, `checkpoint`, `interactions`, `performance` (run → value) and,
    of the newest one, `metrics` (run → name → value) and `finished`; of a run that
    became non-finite `run`, `checkpoint`, `interactions`; else `sentence`. What is not
    on record is left out. The checkpoint of a claim or commit is the number of
    checkpoints before it; of a run it is the index of the row.
    """

    what: What
    bundle: str
    time: float | None
    details: Mapping[str, Any]


def events(store: Store, runs: Sequence[str]) -> tuple[Event, ...]:
    """Give what happened to the bundles of these runs, and to these runs in them.

    In order of time; what has none follows what it came after in its bundle. Raises
    `Damaged` where the record of one of them cannot be read.
    """
    rows = store.curves().filter(pl.col("run").is_in(list(runs)))
    own = rows.join(store.plan.select("run", "bundle"), on="run").partition_by(
        "bundle", as_dict=True, include_key=False
    )
    asked, none = set(runs), rows.clear()
    timed: list[tuple[float, int, Event]] = []
    for key, plan in store.plan.group_by("bundle", maintain_order=True):
        order = plan["run"].to_list()
        state = store.manifest(str(key[0])) if asked & set(order) else None
        if state is None:
            continue
        last = 0.0
        for event in _of_bundle(state, order, own.get(key, none)):
            # Clocks of several machines differ: a bundle's own order is certain.
            last = max(last, event.time or 0.0)
            timed.append((last, len(timed), event))
    return tuple(event for *_, event in sorted(timed, key=lambda each: each[:2]))


def _of_bundle(
    state: Manifest, order: Sequence[str], rows: pl.DataFrame
) -> Iterator[Event]:
    """Give a bundle's events; `rows` are those of the runs that are asked for."""
    attempts, commits = _claims(state), _commits(state)
    for attempt in attempts:
        number = attempt["attempt"]
        yield from _damage(state, number)
        yield Event("claim", state.bundle, attempt.get("time"), _timeless(attempt))
        for commit in commits:
            if commit["attempt"] == number:
                newest = commit is commits[-1]
                yield from _committed(state, order, rows, commit, newest=newest)
    for sentence in state.metadata.get("warnings", ()):
        yield Event("warning", state.bundle, None, {"sentence": sentence})
    if failure := state.metadata.get("failure"):
        yield Event("failure", state.bundle, None, {"sentence": failure})


def _claims(state: Manifest) -> list[dict[str, Any]]:
    """List every attempt; of one from which no commit came only its number is known."""
    history = state.metadata.get("history") or {}
    known = {each["attempt"]: each for each in history.get("attempts", ())}
    owner = {
        key: state.owner[key] for key in ("host", "pid", "time") if key in state.owner
    }
    if state.attempts not in known:
        known[state.attempts] = {"attempt": state.attempts, **owner}
        if state.version == state.token:  # nothing was committed since
            known[state.attempts]["checkpoint"] = state.metadata.get("checkpoint", 0)
    numbers = range(1, state.attempts + 1)
    return [known.get(number, {"attempt": number}) for number in numbers]


def _commits(state: Manifest) -> list[dict[str, Any]]:
    history = state.metadata.get("history") or {}
    if commits := list(history.get("commits", ())):
        return commits
    if not state.curves:
        return []
    version = {} if state.version == state.token else {"version": state.version}
    return [{**version, "attempt": state.attempts}]


def _damage(state: Manifest, attempt: int) -> Iterator[Event]:
    for warning in state.warnings:
        match = _BEFORE.match(warning)
        if match is not None and int(match[1]) == attempt:
            yield Event("warning", state.bundle, None, {"sentence": warning})


def _committed(
    state: Manifest,
    order: Sequence[str],
    rows: pl.DataFrame,
    commit: Mapping[str, Any],
    *,
    newest: bool,
) -> Iterator[Event]:
    """Give a commit, and the runs that it found to have become non-finite."""
    last = commit.get("checkpoint") or 1 + rows.select(pl.max("checkpoint")).item()
    here = rows.filter(pl.col("checkpoint") == last - 1)
    known = {"checkpoint": last, "interactions": here["interactions"].max()}
    performance = dict(here.select("run", "performance").iter_rows())
    details = known | _timeless(commit) | {"performance": performance}
    if newest:
        details["metrics"] = _metrics(state, order, here["run"].to_list())
        details["finished"] = state.finished
    yield Event("commit", state.bundle, commit.get("time"), details)
    if newest:
        yield from _nonfinite(state, rows)


def _nonfinite(state: Manifest, rows: pl.DataFrame) -> Iterator[Event]:
    lost = [run for run, status in state.status.items() if status == "nonfinite"]
    null = rows.filter(pl.col("run").is_in(lost) & pl.col("performance").is_null())
    first = null.sort("checkpoint").group_by("run", maintain_order=True).first()
    for row in first.select("run", "checkpoint", "interactions").iter_rows(named=True):
        yield Event("nonfinite", state.bundle, None, row)


def _metrics(
    state: Manifest, order: Sequence[str], runs: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Give the metrics of the last chunk by run; the record has them in `order`."""
    metrics = state.metadata.get("metrics") or {}
    return {
        run: {
            name: values[order.index(run)]
            for name, values in metrics.items()
            if isinstance(values, list) and len(values) == len(order)
        }
        for run in runs
    }


def _timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "time"}
