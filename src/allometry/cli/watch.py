"""The live display of a study in training: runs done, speed, time left."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from allometry.curves.store import Store
from allometry.studies import survey
from allometry.studies.grid import Bundle
from allometry.studies.study import Study

#: What an interaction costs beside its FLOPs, in FLOPs: a small network is mostly
#: overhead. Only the display's guess of the time left rests on it.
OVERHEAD = 2e5
#: Seconds between lines where there is no terminal to draw on.
QUIET = 15.0


class Display:
    """Keeps count of a study and shows it; told by the threads that train."""

    def __init__(self, study: Study, store: Store, console: Console):
        """Count what is to do, and what is done already."""
        forecasts = survey.survey(study)
        self._console = console
        self._lock = threading.Lock()
        self._work = {
            item.bundle.name: item.flops / item.interactions
            + OVERHEAD * len(item.bundle.runs)
            for item in forecasts
        }
        total = sum(
            self._work[item.bundle.name] * item.interactions for item in forecasts
        )
        self._runs = sum(len(item.bundle.runs) for item in forecasts)
        self._done = 0
        self._interactions = 0
        self._since = time.monotonic()
        self._said = self._since
        self._progress = Progress(
            TextColumn("{task.fields[said]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, said="compiling …")
        for item in forecasts:
            state = store.manifest(item.bundle.name)
            if state is not None and state.finished:
                self._done += len(item.bundle.runs)
                work = self._work[item.bundle.name] * item.interactions
                self._progress.advance(self._task, work)

    def __enter__(self) -> "Display":
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing; the last state stays on the screen."""
        self._progress.stop()

    def started(self, bundle: Bundle, interactions: int) -> None:
        """Count what a bundle had done before."""
        work = self._work[bundle.name] * interactions
        self._progress.advance(self._task, work)

    def advanced(self, bundle: Bundle, interactions: int) -> None:
        """Count what a bundle has done now."""
        with self._lock:
            self._interactions += interactions * len(bundle.runs)
            work = self._work[bundle.name] * interactions
            self._progress.update(self._task, advance=work, said=self._sentence())
            now = time.monotonic()
            if self._progress.disable and now - self._said > QUIET:
                self._said = now
                percent = self._progress.tasks[0].percentage
                self._console.print(f"{self._sentence()}, {percent:.0f} %")

    def finished(self, bundle: Bundle, nonfinite: Sequence[str]) -> None:
        """Count a bundle's runs as done, and name those that diverged."""
        with self._lock:
            self._done += len(bundle.runs)
            self._progress.update(self._task, said=self._sentence())
        for run in nonfinite:
            self._console.print(
                f"{run} became non-finite: recorded so, and counted at chance from "
                "there on.",
                markup=False,
            )

    def _sentence(self) -> str:
        speed = self._interactions / max(time.monotonic() - self._since, 1e-9)
        return f"{self._done}/{self._runs} runs done, {speed:,.0f} steps/s"


@contextlib.contextmanager
def watching(study: Study, store: Store) -> Iterator[Display]:
    """Show a study's progress while the block runs."""
    with Display(study, store, Console(highlight=False)) as display:
        yield display
