"""A bundle as its record tells it: how far, at what cost, by whom.

Commits say what they have spent; of stores that an older Allometry wrote, the last rows
of the curves say it.
"""

import dataclasses
import functools
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from allometry.curves import durable
from allometry.curves.manifest import Manifest
from allometry.curves.objects import Unreachable
from allometry.curves.owner import is_gone
from allometry.curves.store import Store

Process = Literal["there", "gone", "elsewhere"]
#: Kinds of seconds that are told apart at the end of training.
PARTS = ("environment", "act", "learn", "other")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """Where a bundle stands after its last commit.

    Interactions are those of each run, FLOPs those of all its runs together.
    """

    name: str
    runs: Mapping[str, str]
    """Run → one of `manifest.STATUSES`; unreadable where the record is damaged."""
    parameters: int
    """N of the largest of its runs."""
    planned: int | None
    """Interactions of each run at the end; None where the study does not say."""
    done: int = 0
    flops: float = 0.0
    flops_environment: float = 0.0
    seconds: float = 0.0
    """Training time on record: what a crash has cost since a commit is not in it."""
    seconds_by_part: Mapping[str, float] | None = None
    pace: float | None = None
    """Seconds that an interaction of all its runs takes, without compiling."""
    attempts: int = 0
    owner: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Who claimed it last: host, pid, time."""
    committed: float | None = None
    """When its last commit was made, seconds since 1970."""
    finished: bool = False
    failure: str | None = None
    """Why its training ended with an error, where that is on record."""
    warnings: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """Interactions that each run still has to train."""
        return 0 if self.finished else max(0, (self.planned or self.done) - self.done)

    @property
    def process(self) -> Process | None:
        """Say whether the process that claimed it last is still there.

        Only processes of this machine can be looked for: `gone` is certain, `there`
        is likely.
        """
        host, pid = self.owner.get("host"), self.owner.get("pid")
        if self.finished or not isinstance(pid, int) or pid < 1:
            return None
        if host != platform.node():
            return "elsewhere"
        return "gone" if is_gone(self.owner) else "there"

    @property
    def at_work(self) -> bool:
        """Say whether somebody has claimed it and is not known to be gone."""
        ended = {*self.runs.values()} & {"failed", "preempted"}
        return self.process in ("there", "elsewhere") and not ended


def bundles(store: Store) -> tuple[Bundle, ...]:
    """Read where every bundle of a store stands, in the study's order.

    What is damaged is told among the bundle's `warnings`.
    """
    last: dict[str, dict[str, Any]] | None = None
    found = []
    states = durable.each(store.path, functools.partial(_state, store), store.bundles)
    plans = store.plan.group_by("bundle", maintain_order=True)
    for ((name,), plan), state in zip(plans, states, strict=True):
        if isinstance(state, ValueError):
            runs = dict.fromkeys(plan["run"], "unreadable")
            told = Bundle(str(name), runs, _size(plan), None, warnings=(str(state),))
            found.append(told)
            continue
        if state is not None and state.curves and "spent" not in state.metadata:
            last = _last_rows(store) if last is None else last
            found.append(_bundle(store, plan, state, last.get(str(name), {})))
        else:
            spent = {} if state is None else state.metadata.get("spent") or {}
            found.append(_bundle(store, plan, state, spent))
    return tuple(found)


def _state(store: Store, name: str) -> Manifest | ValueError | None:
    """Read a bundle's manifest, or what is wrong with it."""
    try:
        return store.manifest(name)
    except Unreachable:
        raise
    except ValueError as damage:
        return damage


def _bundle(
    store: Store, plan: pl.DataFrame, state: Manifest | None, spent: Mapping[str, Any]
) -> Bundle:
    """Make a bundle of its manifest and of what each of its runs has spent."""
    name = str(plan["bundle"][0])
    if state is None:
        runs = dict.fromkeys(plan["run"], "queued")
        return Bundle(name, runs, _size(plan), _planned(store))
    known, done = state.metadata, int(spent.get("interactions", 0))
    seconds = float(known.get("seconds") or spent.get("seconds", 0.0))
    commits = (known.get("history") or {}).get("commits") or [{}]
    planned = known.get("planned") or _planned(store)
    failure = known.get("failure")
    return Bundle(
        name=name,
        runs=_statuses(state, known.get("nonfinite", ())),
        parameters=_size(plan),
        planned=done if state.finished else planned,
        done=done,
        flops=float(spent.get("compute", 0.0)) * plan.height,
        flops_environment=float(spent.get("compute_environment", 0.0)) * plan.height,
        seconds=seconds,
        seconds_by_part=known.get("seconds_by_part"),
        pace=_pace(known, done, seconds, finished=state.finished),
        attempts=state.attempts,
        owner=state.owner,
        committed=commits[-1].get("time"),
        finished=state.finished,
        failure=failure if not _taken_up(state) else None,
        warnings=(*state.warnings, *known.get("warnings", ())),
    )


def _taken_up(state: Manifest) -> bool:
    """Say whether the newest commit is a claim: a failure before it is past."""
    return state.version == state.token


def _statuses(state: Manifest, nonfinite: Sequence[str]) -> dict[str, str]:
    """Give the runs' statuses; those of a failure that is past train again."""
    if not _taken_up(state):
        return dict(state.status)
    again = {
        run: "nonfinite" if run in nonfinite else "running" for run in state.status
    }
    return {
        run: again[run] if status == "failed" else status
        for run, status in state.status.items()
    }


def _pace(
    known: Mapping[str, Any], done: int, seconds: float, *, finished: bool
) -> float | None:
    """Give the seconds per interaction, of chunks in which nothing was compiled."""
    if done == 0:
        return None
    chunks = known.get("chunks") or ()
    iterations = sum(chunk[0] for chunk in chunks)
    if iterations and known.get("iteration"):
        each = done / known["iteration"]
        return float(sum(chunk[1] for chunk in chunks) / iterations / each)
    if "chunks" in known and not finished:  # so far only one, in which XLA compiled
        return None
    return seconds / done if seconds else None


def _planned(store: Store) -> int | None:
    training = store.study.get("training")
    planned = training.get("interactions") if isinstance(training, Mapping) else None
    return planned if isinstance(planned, int) else None


def _size(plan: pl.DataFrame) -> int:
    return int(plan["parameters"].fill_null(0).max() or 0)  # type: ignore[arg-type]


def _last_rows(store: Store) -> dict[str, dict[str, Any]]:
    """Read off the curves what one run of each bundle has used so far."""
    columns = ("interactions", "compute", "compute_environment", "seconds")
    rows = store.curves().join(store.plan.select("run", "bundle"), on="run")
    last = rows.group_by("bundle").agg(pl.col(columns).max())
    return {row["bundle"]: row for row in last.fill_null(0).iter_rows(named=True)}
