import signal
import subprocess
import sys

import pytest

from allometry.cli.interrupt import stoppable

WAITS = """
import time
from allometry.cli.interrupt import stoppable

with stoppable() as stop:
    print("ready", flush=True)
    stop.wait()
    print("told", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish_and_the_handlers_before_come_back(number, capfd):
    before = signal.getsignal(number)
    with stoppable() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) is before
    assert "Stopping after the current chunk" in capfd.readouterr().err


def test_a_second_signal_ends_the_process_at_once():
    with subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        assert running.stdout.readline() == "told\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
