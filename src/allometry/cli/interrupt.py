"""Interrupt: Ctrl-C and SIGTERM as a wish to stop, with everything kept."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

#: What a shell reports for a command that Ctrl-C has ended.
EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Give an event that the first signal sets; a second one ends the process.

    To end at once costs no record: what is committed is safe at any time.
    """
    stop = threading.Event()

    def told(*_: object) -> None:
        if stop.is_set():
            if sys.stdout.isatty():
                os.write(1, _SHOW_CURSOR)
            os._exit(EXIT_CODE)
        stop.set()
        # Not through a stream: the handler may have come between its own lines.
        os.write(2, b"Stopping after the current chunk; once more ends at once.\n")

    before = {number: signal.signal(number, told) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
