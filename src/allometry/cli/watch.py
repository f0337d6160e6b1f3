"""The live display of a study in training: runs done, steps per second, time left.

On a terminal it is a line that moves; elsewhere, a line of text now and then. What
other workers do in the same store counts once they have finished a bundle.
"""

import threading
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from allometry.cli.pace import QUIET, Pace, duration
from allometry.curves.store import Store
from allometry.studies.facts import Facts
from allometry.studies.grid import Bundle
from allometry.studies.survey import Survey
from allometry.watching.time_left import OVERHEAD


class Display:
    """Keeps count of a study and shows it; told by the threads that train."""

    def __init__(self, survey: Survey, store: Store, console: Console):
        """Count what is to do, and what is done already."""
        self._console = console
        self._lock = threading.Lock()
        self._pace = Pace()
        self._work = {facts.bundle.name: _work(facts) for facts in survey.facts}
        self._all = {
            facts.bundle.name: self._work[facts.bundle.name] * facts.interactions
            for facts in survey.facts
        }
        self._runs = {
            facts.bundle.name: len(facts.bundle.runs) for facts in survey.facts
        }
        self._left = dict(self._all)
        self._remaining = self._total = sum(self._all.values())
        self._runs_done, self._runs_in_all = 0, sum(self._runs.values())
        self._here: set[str] = set()
        self._done: set[str] = set()
        self._waits_for = 0
        for name in self._all:
            state = store.manifest(name)
            if state is not None and state.finished:
                self._complete(name)
        self._said = 0.0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=self._total)

    def __enter__(self) -> "Display":
        """Begin to show."""
        self._progress.start()
        self._show(at_once=True)
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Stop showing; the last state stays."""
        if error is None:
            self._show(at_once=True)
        self._progress.stop()

    def started(self, bundle: Bundle, interactions: int) -> None:
        """Count what a bundle had done before."""
        with self._lock:
            self._here.add(bundle.name)
            done = self._work[bundle.name] * interactions
            self._leave(bundle.name, self._all[bundle.name] - done)
            self._show()

    def advanced(self, bundle: Bundle, interactions: int) -> None:
        """Count what a bundle has done now."""
        work = self._work[bundle.name] * interactions
        with self._lock:
            first = self._pace.steps_per_second is None
            self._pace.report(interactions * len(bundle.runs), work)
            self._leave(bundle.name, self._left[bundle.name] - work)
            self._show(at_once=first and self._pace.steps_per_second is not None)

    def finished(self, bundle: Bundle, nonfinite: Sequence[str]) -> None:
        """Count a bundle's runs as done, and name those that diverged."""
        with self._lock:
            self._complete(bundle.name)
            self._show()
        for run in nonfinite:
            self.warned(
                f"{run} became non-finite: recorded so, and counted at chance from "
                "there on."
            )

    def left(self, bundle: Bundle, sentence: str) -> None:
        """Say why another worker goes on with a bundle."""
        with self._lock:
            self._here.discard(bundle.name)
        self.warned(sentence)

    def elsewhere(self, bundle: Bundle) -> None:
        """Count the runs of a bundle that another worker has finished."""
        with self._lock:
            self._complete(bundle.name)
            self._show()

    def waiting(self, bundles: int) -> None:
        """Show that nothing is left but what other workers train."""
        with self._lock:
            at_once = bundles != self._waits_for
            self._waits_for = bundles
            self._show(at_once=at_once)

    def warned(self, sentence: str) -> None:
        """Show a sentence that stays."""
        self._console.print(sentence, markup=False)

    def _complete(self, name: str) -> None:
        self._here.discard(name)
        if name not in self._done:
            self._done.add(name)
            self._runs_done += self._runs[name]
        self._leave(name, 0.0)

    def _leave(self, name: str, work: float) -> None:
        self._remaining += work - self._left[name]
        self._left[name] = work

    def _show(self, *, at_once: bool = False) -> None:
        completed = self._total - self._remaining
        self._progress.update(
            self._task, completed=completed, description=self._sentence()
        )
        now = time.monotonic()
        if self._progress.disable and (at_once or now - self._said > QUIET):
            self._said = now
            percent = 100 * completed / self._total
            self._console.print(f"{self._sentence()}, {percent:.0f} %", markup=False)

    def _sentence(self) -> str:
        done = f"{self._runs_done}/{self._runs_in_all} runs done"
        if len(self._done) == len(self._runs):
            return done
        if self._waits_for and not self._here:
            noun = "bundle" if self._waits_for == 1 else "bundles"
            return f"{done}, waiting for {self._waits_for} {noun} of other workers"
        speed = self._pace.steps_per_second
        seconds = self._pace.seconds_for(self._remaining)
        if speed is None or seconds is None:
            return f"{done}, compiling"
        return f"{done}, {speed:,.0f} steps/s, {duration(seconds)} left"


def _work(facts: Facts) -> float:
    """Guess what one interaction of all runs of a bundle takes, in FLOPs."""
    each = facts.costs.act + facts.costs.learn + OVERHEAD
    return each * len(facts.bundle.runs)
