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
from typing import Any, Protocol

import numpy as np

from allometry.agents.training import Schedule
from allometry.curves.store import Store
from allometry.environments.environment import Environment
from allometry.studies.fingerprint import fingerprint
from allometry.studies.grid import Bundle
from allometry.studies.program import Program
from allometry.studies.progress import Progress
from allometry.studies.study import Study


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


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker needs beside the bundle: where, how often, and when to stop."""

    study: Study
    store: Store
    environment: Environment
    watcher: Watcher
    commit_every: float
    """Seconds between commits."""
    stop: threading.Event


def train(bundle: Bundle, job: Job) -> bool:
    """Train a bundle to its end or until told to stop; return whether it finished."""
    claim = job.store.claim(bundle.name, owner=_owner())
    if claim.manifest.finished:
        return True
    program = Program(bundle, job.environment, schedule_of(job.study))
    progress = Progress.resume(bundle, program, claim)
    decides = fingerprint(job.study, bundle)
    every = program.iteration_interactions
    job.watcher.started(bundle, progress.iteration * every)
    points = checkpoint_iterations(job.study, every)
    committed = time.monotonic()
    for point in points[progress.checkpoint :]:
        before = progress.iteration
        progress.advance(point)
        job.watcher.advanced(bundle, (point - before) * every)
        finished, stopped = point == points[-1], job.stop.is_set()
        late = time.monotonic() - committed >= job.commit_every
        if finished or stopped or late:
            progress.commit(claim, decides, finished=finished)
            committed = time.monotonic()
        if stopped and not finished:
            return False
    job.watcher.finished(bundle, progress.nonfinite)
    return True


def schedule_of(study: Study) -> Schedule:
    """Give the ratio of collecting to learning that a study sets."""
    return Schedule(study.training.copies, study.training.length)


def checkpoint_iterations(study: Study, iteration_interactions: int) -> list[int]:
    """List the iterations after which curves are measured: log-spaced, the last last.

    Points that fall on the same iteration count once.
    """
    training = study.training
    total = -(-training.interactions // iteration_interactions)
    first = training.first_checkpoint or training.interactions // 128
    first_iteration = min(max(1, round(first / iteration_interactions)), total)
    points = np.geomspace(first_iteration, total, training.checkpoints)
    return sorted({*np.round(points).astype(int).tolist(), total})


def _owner() -> dict[str, Any]:
    return {"host": platform.node(), "pid": os.getpid(), "time": time.time()}
