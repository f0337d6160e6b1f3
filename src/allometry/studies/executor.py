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
import polars as pl

from allometry.curves import store as stores
from allometry.curves.store import Store
from allometry.environments import registry
from allometry.refusal import Refusal
from allometry.studies import runner, survey
from allometry.studies.grid import Bundle, bundles
from allometry.studies.runner import Job, Watcher
from allometry.studies.study import Study


def prepare(study: Study, path: Path, command: str) -> Store:
    """Open the study's store at `path`, or make it; `command` is kept in the record.

    Raises `Refusal` if `path` holds another study, naming the keys that differ.
    """
    if not (path / stores.STUDY).exists():
        rows = pl.DataFrame(survey.run_rows(study), infer_schema_length=None)
        return stores.create(path, study.resolved | {"command": command}, rows)
    store = stores.open_store(path)
    changed = _differences(store.study, study.resolved | {"command": None}, "")
    if changed:
        raise Refusal(
            f"{path} holds a study that was made with other settings: "
            f"{'; '.join(changed[:3])}. Use those again to go on with it, or choose "
            "another folder with --out."
        )
    return store


def run(
    study: Study,
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
    environment = registry.make(**study.environment)
    job = Job(study, store, environment, watcher, commit_every, stop)
    left = [bundle for bundle in bundles(study) if not _is_finished(store, bundle)]
    left.sort(key=lambda bundle: survey.size(study, environment, bundle), reverse=True)
    workers = workers or default_workers()
    with store.lock(), concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_unless_stopped, bundle, job) for bundle in left]
        try:
            done = concurrent.futures.as_completed(futures)
            return all(future.result() for future in done)
        except BaseException:
            stop.set()
            raise


def default_workers() -> int:
    """Count the bundles to train at once: one per core, one on an accelerator."""
    if jax.default_backend() != "cpu":
        return 1
    return max(1, len(os.sched_getaffinity(0)))


def _is_finished(store: Store, bundle: Bundle) -> bool:
    state = store.manifest(bundle.name)
    return state is not None and state.finished


def _unless_stopped(bundle: Bundle, job: Job) -> bool:
    return not job.stop.is_set() and runner.train(bundle, job)


def _differences(old: Any, new: Any, key: str) -> list[str]:
    """Name the keys whose values differ, as `key was 1 and is now 2`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = sorted({*old, *new} - {"command"})
        return [
            line
            for name in names
            for line in _differences(
                old.get(name), new.get(name), f"{key}.{name}" if key else name
            )
        ]
    return [] if old == new else [f"{key} was {old!r} and is now {new!r}"]
