"""Budgets: what one command may spend on a study, in seconds or in training FLOPs.

It is counted from the start of the command, over all bundles that it trains itself; the
same command again has it anew. Nothing stops between two checkpoints, so that a budget
may be exceeded by what was on the way to the next one.
"""

import math
import re
import threading
import time
from collections.abc import Callable

from allometry.refusal import Refusal

#: Seconds in a unit.
UNITS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
#: FLOPs below which a number is rather meant as seconds.
LEAST = 1e6

_TIME = re.compile(r"(.*?) ?(s|min|m|h|d)")


class Budget:
    """Counts what threads spend, and says when nothing is left."""

    def __init__(
        self,
        text: str,
        *,
        seconds: float = math.inf,
        flops: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Begin to count; `text` is how a person wrote it."""
        self.text = text
        self._flops = flops
        self._lock = threading.Lock()
        self._clock = clock
        self._end = clock() + seconds

    def spend(self, flops: float) -> None:
        """Count training FLOPs; seconds pass by themselves."""
        with self._lock:
            self._flops -= flops

    def part(self, workers: int) -> str:
        """Write what is left for each of so many workers that begin now.

        Time passes for all of them; FLOPs are shared out.
        """
        if math.isfinite(self._flops):
            return f"{max(self._flops / workers, LEAST):.6g}"
        return f"{max(self._end - self._clock(), 1e-3):.6f}s"

    def use_up(self) -> None:
        """Count all of it as spent."""
        self._end = -math.inf

    @property
    def used_up(self) -> bool:
        """Whether it is time to stop."""
        return self._flops <= 0 or self._clock() >= self._end


def read(text: str, clock: Callable[[], float] = time.monotonic) -> Budget:
    """Read `2h`, `90s`, `1.5 d` (seconds) or `1e17` (FLOPs), and begin to count.

    Raises `Refusal` for anything else.
    """
    match = _TIME.fullmatch(text.strip())
    value = _number(match[1] if match else text, text)
    if match:
        return Budget(text.strip(), seconds=value * UNITS[match[2]], clock=clock)
    if value < LEAST:
        raise Refusal(
            f"--budget {text} would be {value:g} FLOPs, which trains nothing. Give a "
            f"time a unit, such as {value:g}s or {value:g}min."
        )
    return Budget(f"{text.strip()} FLOPs", flops=value)


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise Refusal(
            f"--budget {whole!r} is no budget: give a time with its unit (90s, 30min, "
            "2h, 1.5d) or a number of FLOPs (1e17), above 0."
        )
    return value
