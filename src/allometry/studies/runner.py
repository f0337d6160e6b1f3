"""Runner: trains one bundle of a study into its store, from wherever it stands.

One claim, one checkpoint, one commit per bundle. Between chunks, and only there, it
records, checks for non-finite numbers and commits; the same call again goes on from
the last commit, so an interruption costs at most the time since then.
"""

import dataclasses
import os
import platform
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from allometry.curves.claim import Claim
from allometry.curves.manifest import Manifest
from allometry.curves.store import Store
from allometry.studies import failure, room
from allometry.studies.facts import Facts
from allometry.studies.fingerprint import Fingerprint, changes, fingerprint
from allometry.studies.grid import Bundle
from allometry.studies.program import Program
from allometry.studies.progress import Progress
from allometry.studies.survey import Survey

#: The folder of a store that keeps what scores are normalised by.
REFERENCES = "references"


@runtime_checkable
class Watcher(Protocol):
    """Who is told how a bundle gets on; called from the thread that trains it."""

    def started(self, bundle: Bundle, interactions: int) -> None:
        """Say that a bundle goes on after `interactions` of each of its runs."""
        ...

    def advanced(self, bundle: Bundle, interactions: int) -> None:
        """Say that each run of a bundle has trained `interactions` more."""
        ...

    def finished(self, bundle: Bundle, nonfinite: Sequence[str]) -> None:
        """Say that a bundle is complete, and which of its runs diverged."""
        ...

    def warned(self, sentence: str) -> None:
        """Say what casts a doubt on the record of a bundle."""
        ...


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker needs beside the bundle: where, how often, and when to stop."""

    survey: Survey
    store: Store
    watcher: Watcher
    commit_every: float
    """Seconds between commits."""
    stop: threading.Event


def train(facts: Facts, job: Job) -> bool:
    """Train a bundle to its end or until told to stop; return whether it finished."""
    bundle = facts.bundle
    program = job.survey.program(facts)
    room.check(facts, program)
    claim = job.store.claim(bundle.name, owner=_owner())
    decides = fingerprint(job.survey.study, bundle)
    with failure.recorded(claim, decides.text):
        return _go_on(facts, job, program, claim, decides)


def _go_on(
    facts: Facts, job: Job, program: Program, claim: Claim, decides: Fingerprint
) -> bool:
    bundle, before = facts.bundle, claim.manifest
    folder = job.store.path / REFERENCES
    progress = Progress(facts, program, claim, folder)
    for damage in before.warnings:
        if damage.startswith(f"before attempt {before.attempts}:"):
            job.watcher.warned(f"Bundle {bundle.name}, {damage}.")
    if doubt := _doubt(before, decides):
        progress.warn(doubt)
        job.watcher.warned(doubt)
    every = facts.iteration_interactions
    job.watcher.started(bundle, progress.iteration * every)
    committed = time.monotonic()
    for point in facts.checkpoints[progress.checkpoint :]:
        begun = progress.iteration
        progress.advance(point)
        job.watcher.advanced(bundle, (point - begun) * every)
        finished, stopped = point == facts.checkpoints[-1], job.stop.is_set()
        late = time.monotonic() - committed >= job.commit_every
        if finished:
            progress.account()
            progress.test(job.survey.study, job.survey.environment(bundle))
        if finished or stopped or late:
            progress.commit(decides, finished=finished)
            committed = time.monotonic()
        if stopped and not finished:
            return False
    job.watcher.finished(bundle, progress.nonfinite)
    return True


def _doubt(before: Manifest, decides: Fingerprint) -> str | None:
    """Say what has changed since the last attempt, if that decides the numbers."""
    if before.fingerprint in (None, decides.text):
        return None
    changed = changes(before.metadata.get("decided_by", {}), decides.decided_by)
    return (
        f"Bundle {before.bundle} goes on from checkpoint "
        f"{before.metadata.get('checkpoint', 0)} under another fingerprint "
        f"({', '.join(changed) or 'the record does not say what'} changed since): its "
        "columns need not equal those of an uninterrupted run."
    )


def _owner() -> dict[str, Any]:
    return {"host": platform.node(), "pid": os.getpid(), "time": time.time()}
