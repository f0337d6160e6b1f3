"""Executor: a study on this machine, a few bundles at a time.

XLA releases the interpreter while it compiles and trains, so the workers are threads
of one process: one small network cannot use two cores, two of them can. Each
accelerator gets one bundle at a time, or each group of `training.devices` of them. A
bundle that does not fit beside those that train in the same memory waits for them. Any
number of processes, on any number of machines, may do so in one store: each bundle is
claimed by one of them.
"""

import concurrent.futures
import dataclasses
import functools
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from allometry.curves import durable
from allometry.curves import store as stores
from allometry.curves.claim import Claim, LostClaim
from allometry.curves.lease import SECONDS, leased
from allometry.curves.place import Place
from allometry.curves.store import Store
from allometry.refusal import Refusal
from allometry.studies import layout, mappings, room, runner
from allometry.studies.budget import Budget
from allometry.studies.facts import Facts
from allometry.studies.grid import bundles
from allometry.studies.queue import NoRoom, Queue
from allometry.studies.runner import Job
from allometry.studies.schema import Study
from allometry.studies.survey import Survey, run_rows
from allometry.studies.watcher import Watcher

#: Looks at the bundles of other workers in the length of a lease, and how many seconds
#: lie between two of them at least and at most.
LOOKS = 10
SHORTEST, LONGEST = 0.05, 5.0
#: Keys with which a study is the same one. On how many devices a bundle trains is for
#: the machine to say: it goes on under another fingerprint, and the record tells it.
SPARED = ("command", "training.devices")
#: Keys that tell of a study, or ask something of it, and train nothing: a study whose
#: runs are done may be asked for another law, and none of them is trained again.
TOLD = ("description", "law", "title")


class Outcome(NamedTuple):
    """How the work of a process on a study has ended."""

    complete: bool
    """Whether nothing of the study is left to train."""
    last: bool
    """Whether it is complete, and this process finished its last bundle."""
    elsewhere: int
    """Bundles that were left to other workers."""


def prepare(survey: Survey, path: Place, command: str) -> Store:
    """Open the study's store at `path`, or make it; `command` is kept in the record.

    Where only what is told and asked of a study has changed (`TOLD`), the record takes
    it. Raises `Refusal` if `path` holds another study, naming the keys that differ.
    """
    resolved = survey.study.resolved | {"command": command}
    record = path / stores.STUDY
    if not durable.exists(record):
        try:
            return stores.create(path, resolved, run_rows(survey))
        except Refusal:
            # It may be there by now: another process was faster.
            if not durable.exists(record):
                raise
    store = stores.open_store(path)
    changed = _differences(store.study, resolved, "", (*SPARED, *TOLD))
    if changed:
        raise Refusal(
            f"{path} holds a study that was made with other settings: "
            f"{'; '.join(changed[:3])}. Use those again to go on with it, or choose "
            "another folder with --out."
        )
    told = {key: resolved.get(key) for key in (*TOLD, "command")}
    if not _differences(store.study, resolved, "", SPARED):
        return store
    return store.retold(store.study | told)


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
    lease: float = SECONDS,
    budget: Budget | None = None,
    wait: bool = True,
) -> Outcome:
    """Train what is left of a study and nobody else trains; say how that ended.

    When `stop` is set or the `budget` is used up, each bundle commits after its
    current chunk. An error in one bundle stops the others so, and is raised then. With
    `wait`, goes on until the bundles of other workers are finished too, and takes over
    those whose workers give no sign of life for the length of their lease (seconds).
    """
    job = Job(survey, store, watcher, commit_every, lease, stop, budget)
    queue = Queue(survey.facts, store, watcher, lease, functools.partial(_fit, survey))
    places = layout.side_by_side(survey.study.training.devices, workers)
    places = places[: len(survey.facts)]
    with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
        futures = [
            pool.submit(_work, queue, dataclasses.replace(job, layout=place), wait)
            for place in places
        ]
        try:
            ended = list(concurrent.futures.as_completed(futures))
        except BaseException:
            stop.set()
            raise
    for future in ended:
        future.result()
    return Outcome(queue.is_empty, queue.was_last, queue.elsewhere)


def default_workers(study: Study) -> int:
    """Count the bundles to train at once: one per core, or on each accelerator."""
    return len(layout.side_by_side(study.training.devices, None))


def _work(queue: Queue, job: Job, wait: bool) -> None:
    """Train one bundle after another; an error stops the other threads too."""
    assert job.layout is not None
    try:
        with job.layout.chosen():
            while not job.stopped:
                try:
                    taken = queue.take(job.layout.memory)
                except NoRoom:
                    job.stop.wait(_between_looks(job))
                    continue
                if taken is not None:
                    _train(*taken, queue, job)
                elif wait and queue.elsewhere:
                    job.watcher.waiting(queue.elsewhere)
                    job.stop.wait(_between_looks(job))
                else:
                    return
    except BaseException:
        job.stop.set()
        raise


def _between_looks(job: Job) -> float:
    return min(max(job.lease / LOOKS, SHORTEST), LONGEST)


def _fit(survey: Survey, bundles: Iterable[Facts]) -> bool:
    return room.fits(survey.needed(facts) for facts in bundles)


def _train(facts: Facts, claim: Claim, queue: Queue, job: Job) -> None:
    finished = False
    try:
        with leased(claim, job.lease) as lease:
            finished = runner.train(facts, job, lease)
    except LostClaim as lost:
        job.watcher.left(facts.bundle, str(lost))
    finally:
        queue.give_back(facts.bundle.name, finished=finished)
        mappings.relieve()


def _differences(old: Any, new: Any, key: str, spared: Sequence[str]) -> list[str]:
    """Name the keys whose values differ, as `key was 1 and is now 2`."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else [f"{key} was {old!r} and is now {new!r}"]
    each = {name: f"{key}.{name}" if key else name for name in sorted({*old, *new})}
    return [
        line
        for name, whole in each.items()
        if whole not in spared
        for line in _differences(old.get(name), new.get(name), whole, spared)
    ]
