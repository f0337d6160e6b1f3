"""The live display of a study in training: runs done, steps per second, time left.

On a terminal it is a line that moves; elsewhere, a line of text now and then.
"""

import threading
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from allometry.cli.pace import Pace, duration
from allometry.curves.store import Store
from allometry.studies.facts import Facts
from allometry.studies.grid import Bundle
from allometry.studies.survey import Survey
from allometry.watching.time_left import OVERHEAD

#: Seconds between lines where there is no terminal to draw on.
QUIET = 15.0


class Display:
    """Keeps count of a study and shows it; told by the threads that train."""

    def __init__(self, survey: Survey, store: Store, console: Console):
        """Count what is to do, and what is done already."""
        self._console = console
        self._lock = threading.Lock()
        self._pace = Pace()
        self._work = {facts.bundle.name: _work(facts) for facts in survey.facts}
        self._runs = sum(len(facts.bundle.runs) for facts in survey.facts)
        self._total = self._left = sum(
            self._work[facts.bundle.name] * facts.interactions for facts in survey.facts
        )
        self._done = 0
        for facts in survey.facts:
            state = store.manifest(facts.bundle.name)
            if state is not None and state.finished:
                self._done += len(facts.bundle.runs)
                self._left -= self._work[facts.bundle.name] * facts.interactions
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
            self._left -= self._work[bundle.name] * interactions
            self._show()

    def advanced(self, bundle: Bundle, interactions: int) -> None:
        """Count what a bundle has done now."""
        work = self._work[bundle.name] * interactions
        with self._lock:
            first = self._pace.steps_per_second is None
            self._pace.report(interactions * len(bundle.runs), work)
            self._left -= work
            self._show(at_once=first and self._pace.steps_per_second is not None)

    def finished(self, bundle: Bundle, nonfinite: Sequence[str]) -> None:
        """Count a bundle's runs as done, and name those that diverged."""
        with self._lock:
            self._done += len(bundle.runs)
            self._show()
        for run in nonfinite:
            self.warned(
                f"{run} became non-finite: recorded so, and counted at chance from "
                "there on."
            )

    def warned(self, sentence: str) -> None:
        """Show a sentence that stays."""
        self._console.print(sentence, markup=False)

    def _show(self, *, at_once: bool = False) -> None:
        completed = self._total - self._left
        self._progress.update(
            self._task, completed=completed, description=self._sentence()
        )
        now = time.monotonic()
        if self._progress.disable and (at_once or now - self._said > QUIET):
            self._said = now
            percent = 100 * completed / self._total
            self._console.print(f"{self._sentence()}, {percent:.0f} %", markup=False)

    def _sentence(self) -> str:
        done = f"{self._done}/{self._runs} runs done"
        speed, seconds = self._pace.steps_per_second, self._pace.seconds_for(self._left)
        if self._done == self._runs:
            return done
        if speed is None or seconds is None:
            return f"{done}, compiling"
        return f"{done}, {speed:,.0f} steps/s, {duration(seconds)} left"


def _work(facts: Facts) -> float:
    """Guess what one interaction of all runs of a bundle takes, in FLOPs."""
    each = facts.costs.act + facts.costs.learn + OVERHEAD
    return each * len(facts.bundle.runs)
