"""Runner: trains one bundle of a study into its store, from wherever it stands.

One claim, one checkpoint, one commit per bundle. Between chunks, and only there, it
records, checks for non-finite numbers and commits; whoever claims the bundle next goes
on from the last commit, so an interruption costs at most the time since then.
"""

import dataclasses
import threading
import time

from allometry.curves.claim import Claim
from allometry.curves.lease import Lease
from allometry.curves.manifest import Manifest
from allometry.curves.store import Store
from allometry.studies import failure, room
from allometry.studies.budget import Budget
from allometry.studies.facts import Facts
from allometry.studies.fingerprint import Fingerprint, changes, fingerprint
from allometry.studies.layout import Layout
from allometry.studies.program import Program
from allometry.studies.progress import Progress
from allometry.studies.survey import Survey
from allometry.studies.watcher import Watcher

#: The folder of a store that keeps what scores are normalised by.
REFERENCES = "references"


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker needs beside the bundle: where, how often, and when to stop."""

    survey: Survey
    store: Store
    watcher: Watcher
    commit_every: float
    """Seconds between commits."""
    lease: float
    """Seconds without a sign of life after which others may take a bundle over."""
    stop: threading.Event
    budget: Budget | None = None
    layout: Layout | None = None
    """The devices of this worker; the first that there are if not given."""

    @property
    def stopped(self) -> bool:
        """Whether every worker is to stop at its next checkpoint."""
        used_up = self.budget is not None and self.budget.used_up
        return used_up or self.stop.is_set()


def train(facts: Facts, job: Job, lease: Lease) -> bool:
    """Train a bundle until it is finished (True) or this worker is to stop.

    Raises LostClaim if another worker has taken it over meanwhile.
    """
    room.check(facts, job.survey.needed(facts))
    program = job.survey.program(facts, job.layout)
    decides = fingerprint(job.survey.study, facts.bundle)
    with failure.recorded(lease.claim, decides.text):
        return _go_on(facts, job, _begun(facts, job, program, lease.claim), lease)


def _begun(facts: Facts, job: Job, program: Program, claim: Claim) -> Progress:
    """Restore a bundle, and tell what casts a doubt on its record."""
    before = claim.manifest
    progress = Progress(facts, program, claim, job.store.path / REFERENCES)
    for damage in before.warnings:
        if damage.startswith(f"before attempt {before.attempts}:"):
            job.watcher.warned(f"Bundle {before.bundle}, {damage}.")
    if doubt := _doubt(before, fingerprint(job.survey.study, facts.bundle)):
        progress.warn(doubt)
        job.watcher.warned(doubt)
    return progress


def _go_on(facts: Facts, job: Job, progress: Progress, lease: Lease) -> bool:
    bundle, every = facts.bundle, facts.iteration_interactions
    decides = fingerprint(job.survey.study, bundle)
    job.watcher.started(bundle, progress.iteration * every)
    committed = time.monotonic()
    for point in facts.checkpoints[progress.checkpoint :]:
        begun = progress.iteration
        progress.advance(point)
        lease.check()
        job.watcher.advanced(bundle, (point - begun) * every)
        if job.budget is not None:
            job.budget.spend(facts.flops * (point - begun) / facts.checkpoints[-1])
        finished, stopped = point == facts.checkpoints[-1], job.stopped
        late = time.monotonic() - committed >= job.commit_every
        if finished:
            progress.account()
            progress.test(job.survey.study, job.survey.environment(bundle))
        if finished or stopped or late:
            ended = "done" if finished else "preempted" if stopped else "running"
            progress.commit(decides, ended=ended)
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
