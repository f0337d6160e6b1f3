"""Local: worker processes on this machine, each with cores of its own.

Each is `allometry work STORE`. What they have done is read from the store; the bundle
of one that is lost is taken up by the others, and nothing is started again.
"""

import contextlib
import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, Protocol, runtime_checkable

import jax

from allometry.curves.store import Store
from allometry.launching.worker import worker
from allometry.refusal import Refusal
from allometry.studies import executor, layout, room
from allometry.studies.budget import Budget
from allometry.studies.executor import Outcome
from allometry.studies.survey import Survey

#: Seconds between two looks at the processes, and between two at the store.
POLL, LOOK = 0.2, 5.0
#: What a worker ends with if it was told to stop, or its budget is used up.
STOPPED = 130


@runtime_checkable
class Onlooker(Protocol):
    """Who is shown how it goes."""

    def look(self) -> object:
        """Look at the store; called every few seconds."""
        ...

    def warned(self, sentence: str) -> None:
        """Say what went wrong."""
        ...


@dataclasses.dataclass(frozen=True)
class Process:
    """A worker's process, and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]

    @property
    def failure(self) -> str | None:
        """Say how it failed, if it did."""
        code = self.process.poll()
        if code in (None, 0, STOPPED, -signal.SIGTERM):  # early: before it listens
            return None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").split("\n")
        last = next(
            (line for line in reversed(lines) if line.strip()), "it said nothing"
        )
        return f"Worker process {self.process.pid} ended with {how}: {last.strip()}"


def run(
    survey: Survey,
    store: Store,
    onlooker: Onlooker,
    *,
    processes: int,
    stop: threading.Event,
    commit_every: float,
    lease: float,
    budget: Budget | None = None,
) -> Outcome:
    """Train what is left of a study in so many processes; say how that ended.

    When `stop` is set, each is told to stop once. The onlooker is called while they
    work, and told at once of one that failed. Raises `Refusal` if some failed and the
    study is not complete, and where there are not as many cores.
    """
    core_groups(processes)
    fit = fitting(survey, processes)
    if fit < min(processes, len(survey.facts)):
        onlooker.warned(f"There is memory for {fit} of {processes} processes at once.")
    groups = core_groups(fit)
    words = [*worker(store.path, commit_every, lease).words, "--no-conclude"]
    if budget is not None:
        words += ["--budget", budget.part(len(groups))]
    with _started(words, groups) as workers:
        failures = _watched(workers, onlooker, stop)
    complete = executor.is_finished(survey, store)
    if failures and not (complete or stop.is_set()):
        raise Refusal(
            f"{len(failures)} of {len(workers)} worker processes failed, and "
            f"{store.path} keeps what was done. {failures[-1]}"
        )
    if not complete and not stop.is_set():
        if budget is None:  # somebody told each of them to stop
            stop.set()
        else:
            budget.use_up()
    return Outcome(complete, last=complete, elsewhere=0)


def core_groups(processes: int) -> list[set[int]]:
    """Divide the cores that this process may use among so many processes.

    Raises `Refusal` if there are not as many, or the work is an accelerator's.
    """
    if jax.default_backend() != "cpu":
        raise Refusal(
            "--processes divides the cores of a CPU, and this machine trains on an "
            f"accelerator ({jax.devices()[0].device_kind}). Leave it out: one process "
            "trains a bundle on each accelerator."
        )
    if processes > layout.cores():
        raise Refusal(
            f"--processes {processes} need a core each, and this command may use "
            f"{layout.cores()}. Give at most that many."
        )
    if not hasattr(os, "sched_getaffinity"):
        return [set() for _ in range(processes)]
    cores = sorted(os.sched_getaffinity(0))
    bounds = [len(cores) * number // processes for number in range(processes + 1)]
    return [set(cores[first:last]) for first, last in itertools.pairwise(bounds)]


def fitting(survey: Survey, processes: int) -> int:
    """Count the processes, at most so many, whose bundles fit the memory together."""
    # To count them all takes about a second for each of a study's bundles.
    largest = (
        max(survey.facts, key=lambda known: known.flops),
        max(survey.facts, key=lambda known: known.parameters),
    )
    needed = max(survey.needed(known).total for known in largest)
    return max(1, min(processes, len(survey.facts), room.available() // needed))


@contextlib.contextmanager
def _started(
    words: Sequence[str], groups: Sequence[set[int]]
) -> Iterator[list[Process]]:
    """Start a worker on each group of cores; those that still run are ended at the end.

    Each has a session of its own: of a Ctrl-C on the terminal this process alone hears.
    """
    workers: list[Process] = []
    with contextlib.ExitStack() as files:
        try:
            for cores in groups:
                said = files.enter_context(tempfile.TemporaryFile())
                with _pinned(cores):
                    process = subprocess.Popen(
                        [sys.executable, *words],
                        stdin=subprocess.DEVNULL,
                        stdout=said,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                workers.append(Process(process, said))
            yield workers
        finally:
            for each in workers:
                if each.process.poll() is None:
                    each.process.terminate()
            for each in workers:
                each.process.wait()


@contextlib.contextmanager
def _pinned(cores: set[int]) -> Iterator[None]:
    """Let what this thread starts run on these cores only; none: where it may."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _watched(
    workers: Sequence[Process], onlooker: Onlooker, stop: threading.Event
) -> list[str]:
    """Wait until all have ended, and tell how it goes; give what the failed ones said.

    Once `stop` is set they are told, and waited for.
    """
    failed: dict[int, str] = {}
    told, looks = False, 0
    while any(each.process.poll() is None for each in workers):
        if stop.is_set() and not told:
            told = True
            for each in workers:
                if each.process.poll() is None:
                    each.process.terminate()
        _tell_failures(workers, failed, onlooker)
        looks += 1
        if looks % round(LOOK / POLL) == 0:
            onlooker.look()
        time.sleep(POLL)
    _tell_failures(workers, failed, onlooker)
    return list(failed.values())


def _tell_failures(
    workers: Sequence[Process], failed: dict[int, str], onlooker: Onlooker
) -> None:
    for each in workers:
        if each.process.pid not in failed and (sentence := each.failure):
            failed[each.process.pid] = sentence
            onlooker.warned(sentence)
