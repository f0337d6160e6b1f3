"""Executor: a study on this machine, a few bundles at a time.

XLA releases the interpreter while it compiles and trains, so the workers are threads
of one process: one small network cannot use two cores, two of them can. An
accelerator gets one bundle at a time.
"""

import concurrent.futures
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from allometry.curves import store as stores
from allometry.curves.store import Store
from allometry.refusal import Refusal
from allometry.studies import runner
from allometry.studies.facts import Facts
from allometry.studies.grid import bundles
from allometry.studies.runner import Job, Watcher
from allometry.studies.survey import Survey, run_rows


def prepare(survey: Survey, path: Path, command: str) -> Store:
    """Open the study's store at `path`, or make it; `command` is kept in the record.

    Raises `Refusal` if `path` holds another study, naming the keys that differ.
    """
    resolved = survey.study.resolved | {"command": command}
    if not (path / stores.STUDY).exists():
        return stores.create(path, resolved, run_rows(survey))
    store = stores.open_store(path)
    changed = _differences(store.study, resolved, "")
    if changed:
        raise Refusal(
            f"{path} holds a study that was made with other settings: "
            f"{'; '.join(changed[:3])}. Use those again to go on with it, or choose "
            "another folder with --out."
        )
    return store


def is_finished(survey: Survey, store: Store) -> bool:
    """Say whether nothing of the study is left to train."""
    done = store.finished()
    return all(bundle.name in done for bundle in bundles(survey.study))


def run(
    survey: Survey,
    store: Store,
    watcher: Watcher,
    *,
    stop: threading.Event,
    commit_every: float = 10.0,
    workers: int | None = None,
) -> bool:
    """Train what is left of a study; return whether all of it is complete.

    The largest bundles begin first, so that no core waits for one at the end. When
    `stop` is set each bundle commits after its current chunk. An error in one bundle
    stops the others at their next commit, and is raised then.
    """
    job = Job(survey, store, watcher, commit_every, stop)
    workers = workers or default_workers()
    with store.lock(), concurrent.futures.ThreadPoolExecutor(workers) as pool:
        done = store.finished()
        left = [facts for facts in survey.facts if facts.bundle.name not in done]
        left.sort(key=lambda facts: facts.flops, reverse=True)
        futures = [pool.submit(_unless_stopped, facts, job) for facts in left]
        try:
            ended = list(concurrent.futures.as_completed(futures))
            return min([future.result() for future in ended], default=True)
        except BaseException:
            stop.set()
            raise


def default_workers() -> int:
    """Count the bundles to train at once: one per core, one on an accelerator."""
    if jax.default_backend() != "cpu":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _unless_stopped(facts: Facts, job: Job) -> bool:
    """Train a bundle; an error stops the other workers after their current chunk."""
    if job.stop.is_set():
        return False
    try:
        return runner.train(facts, job)
    except BaseException:
        job.stop.set()
        raise


def _differences(old: Any, new: Any, key: str) -> list[str]:
    """Name the keys whose values differ, as `key was 1 and is now 2`."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else [f"{key} was {old!r} and is now {new!r}"]
    return [
        line
        for name in sorted({*old, *new} - {"command"})
        for line in _differences(
            old.get(name), new.get(name), f"{key}.{name}" if key else name
        )
    ]
