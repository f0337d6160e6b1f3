"""Pace: how fast a study trains, from what it did lately; how often to say so."""

import collections
import time
from collections.abc import Callable

#: Seconds of the past that count: a compilation is soon forgotten.
WINDOW = 30.0
#: Seconds between lines where there is no terminal to draw on.
QUIET = 15.0


class Pace:
    """Rates over a moving window of what threads report as done.

    `steps` are agent steps of all runs, `work` is any measure in which equal amounts
    take equal time. Rates count from the first report, which comes after compiling.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        """Begin without a report."""
        self._clock = clock
        self._reports: collections.deque[tuple[float, float, float]] = (
            collections.deque()
        )

    def report(self, steps: int, work: float) -> None:
        """Count what has just been done."""
        now = self._clock()
        self._reports.append((now, steps, work))
        while len(self._reports) > 2 and now - self._reports[1][0] > WINDOW:
            self._reports.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """Agent steps per second; None before the second report."""
        return self._rate(1)

    def seconds_for(self, work: float) -> float | None:
        """Forecast the seconds that `work` takes; None before the second report."""
        rate = self._rate(2)
        return None if not rate else work / rate

    def _rate(self, column: int) -> float | None:
        """Divide what came after the oldest report by the time since it."""
        if len(self._reports) < 2:
            return None
        done = sum(report[column] for report in list(self._reports)[1:])
        return done / max(self._clock() - self._reports[0][0], 1e-9)


def duration(seconds: float) -> str:
    """Say a duration in words: `about 40 s`, `about 3 min`, `about 2.5 h`."""
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
