"""Store display: how a study stands while processes train it, as the store tells it.

On a terminal it is the table of `allometry status`; elsewhere, a line now and then.
"""

import math
import time

from rich.console import Console
from rich.live import Live

from allometry.cli.pace import QUIET, duration
from allometry.cli.standing import drawn
from allometry.curves.store import Store
from allometry.watching.status import Status, status


class StoreDisplay:
    """Shows a store until the end of a `with` block; what is finished stays."""

    def __init__(self, store: Store, console: Console):
        """Begin to look at the store."""
        self._store = store
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._said = -math.inf

    def __enter__(self) -> "StoreDisplay":
        """Show how it stands."""
        if self._console.is_terminal:
            self._live.start()
        try:
            self.look()
        except BaseException:
            self._live.stop()  # or the cursor stays hidden
            raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Show how it stands at the end."""
        self._said = -math.inf
        try:
            if error is None:
                self.look()
        finally:
            self._live.stop()

    def look(self) -> Status | None:
        """Read the store, show it, and return how it stands.

        None where there is no terminal and no line is due: nothing is read then.
        """
        drawing, now = self._console.is_terminal, time.monotonic()
        if not drawing and now - self._said <= QUIET:
            return None
        self._said = now
        found = status(self._store)
        if drawing:
            self._live.update(drawn(found), refresh=True)
        else:
            self._console.print(_line(found), markup=False)
        return found

    def warned(self, sentence: str) -> None:
        """Show a sentence that stays."""
        self._console.print(sentence, markup=False)


def _line(found: Status) -> str:
    done = sum(len(bundle.runs) for bundle in found.bundles if bundle.finished)
    parts = [f"{done}/{len(found.runs)} runs done"]
    if found.planned:
        parts.append(f"{int(100 * min(found.interactions / found.planned, 1.0))} %")
    if found.seconds_left is not None and not found.finished:
        parts.append(f"{duration(found.seconds_left)} left")
    return ", ".join(parts)
