"""Tests of `allometry status`; what it knows is tested in `tests/watching`."""

import io
import os
import platform
import pty
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
from rich.console import Console

from allometry.cli import standing
from allometry.cli.status import follow
from allometry.curves.manifest import STATUSES
from allometry.curves.store import create, open_store


def begun(store):
    """Claim the first bundle, as somebody who begins to train it."""
    owner = {"host": platform.node(), "pid": os.getpid(), "time": time.time()}
    return store.claim(store.bundles[0], owner)


@pytest.fixture
def finished(stores, tmp_path):
    return stores.simulated(tmp_path / "finished", sizes=4, diverged=1)


@pytest.fixture
def unfinished(stores, finished, tmp_path):
    study = finished.study | {"training": {"interactions": 1000}}
    return create(tmp_path / "unfinished", study, finished.plan)


def test_a_finished_study(allometry, finished):
    outcome = allometry("status", finished.path)
    assert outcome.code == 0
    assert "Simulated 12 runs: 11 done, 1 non-finite" in outcome.said
    assert "Done so far: 100 %" in outcome.said
    assert f"Non-finite: {finished.runs().filter(status='nonfinite')['run'][0]}." in (
        outcome.said
    )
    assert "Time left" not in outcome.said
    assert "\x1b" not in outcome.out


def test_a_study_that_was_never_started_and_one_that_is_at_work(allometry, unfinished):
    outcome = allometry("status", unfinished.path)
    assert "12 runs: 12 queued" in outcome.said
    assert "Nobody is at work" in outcome.said
    begun(unfinished)
    outcome = allometry("status", unfinished.path)
    assert "9 queued, 3 running" in outcome.said
    assert f"{platform.node()}:{os.getpid()}" in outcome.said
    assert "Nobody is at work" not in outcome.said
    assert "no estimate yet" in outcome.said


def test_it_writes_nothing(allometry, unfinished):
    begun(unfinished)

    def files():
        found = sorted(unfinished.path.rglob("*"))
        return {file: file.stat().st_mtime_ns for file in found}

    before = files()
    assert allometry("status", unfinished.path).code == 0
    assert allometry("logs", unfinished.path).code == 0
    assert files() == before


def test_json_has_the_keys_of_the_page(allometry, finished):
    said = allometry("status", finished.path, "--json").document
    assert set(said) == {
        "store", "study", "title", "time", "finished", "runs", "interactions",
        "planned", "flops", "flops_environment", "seconds", "seconds_by_part",
        "at_work", "interactions_per_second", "seconds_left", "bundles",
    }  # fmt: skip
    assert said["runs"] == dict.fromkeys(STATUSES, 0) | {"done": 11, "nonfinite": 1}
    costs = pl.col("compute", "interactions").max()
    last = finished.curves().group_by("run").agg(costs)
    assert said["flops"] == pytest.approx(last["compute"].sum())
    assert said["interactions"] == last["interactions"].sum() == said["planned"]


def test_of_many_bundles_those_at_work_are_shown(allometry, unfinished, monkeypatch):
    monkeypatch.setattr(standing, "SHOWN", 2)
    last = unfinished.bundles[-1]
    unfinished.claim(last, {"host": platform.node(), "pid": os.getpid()})
    outcome = allometry("status", unfinished.path)
    assert last in outcome.out
    assert unfinished.bundles[1] not in outcome.out
    assert "2 more bundles: --json lists all." in outcome.said


def test_what_is_no_store_is_refused(allometry, tmp_path):
    allometry("status", tmp_path / "none").refuses("does not exist", "allometry run")
    (tmp_path / "file").write_text("x")
    allometry("status", tmp_path / "file").refuses("is a file")
    allometry("status", tmp_path).refuses("has no study.json")
    allometry("logs", tmp_path).refuses("has no study.json")
    allometry("status", tmp_path, "--watch", "--json").refuses("choose one")


def test_a_name_is_text_and_no_markup(allometry, stores, tmp_path, finished):
    study = finished.study | {"title": "[red]x[/red] [/]"}
    create(tmp_path / "named", study, finished.plan)
    assert "[red]x[/red] [/]" in allometry("status", tmp_path / "named").out


def test_watching_a_finished_study_ends_by_itself(allometry, finished):
    outcome = allometry("status", finished.path, "--watch")
    assert outcome.code == 0
    assert outcome.out.count("12 runs") == 1


def test_watching_shows_news_and_ctrl_c_ends_it_with_0(unfinished, tmp_path):
    code = (
        "from allometry.cli import status; status.EVERY = 0.05\n"
        "from allometry.cli.main import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, "status", str(unfinished.path), "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        until(running, "12 runs: 12 queued")
        begun(unfinished)
        until(running, "9 queued, 3 running")
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[0]
        assert running.returncode == 0, said
        assert "Traceback" not in said
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    assert open_store(unfinished.path).runs()["attempts"].max() == 1


def test_on_a_terminal_it_draws_in_colour_and_ctrl_c_is_a_key(unfinished):
    master, terminal = pty.openpty()
    # The child takes the terminal itself: code between fork and exec could deadlock.
    code = (
        "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from allometry.cli.main import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, "status", str(unfinished.path), "--watch"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(terminal)
    try:
        said = b""
        while b"Nobody is at work" not in said:
            said += os.read(master, 4096)
        assert b"\x1b[" in said
        os.write(master, b"\x03")
        assert running.wait(timeout=60) == 0
    finally:
        running.kill()
        running.wait()
        os.close(master)


def test_on_a_terminal_it_is_followed_until_enough_or_the_end(finished, unfinished):
    def drawn(store, enough):
        console = Console(file=io.StringIO(), force_terminal=True, no_color=True)
        follow(store, console, enough)
        return console.file.getvalue()

    answers = iter([False, False, True])
    assert "12 queued" in drawn(unfinished, lambda found: next(answers))
    assert not list(answers)
    assert "11 done" in drawn(finished, lambda found: pytest.fail("it is over"))


def until(running, words):
    """Read lines until one holds `words`; the end comes first where none does."""
    for line in running.stdout:
        if words in line:
            return
    raise AssertionError(f"never said: {words}")


@pytest.mark.parametrize("verb", ["status", "logs"])
def test_it_teaches_and_loads_no_jax(finished, verb):
    code = (
        "import sys; from allometry.cli.main import main\n"
        "try: main()\n"
        "finally: assert 'jax' not in sys.modules and 'scipy' not in sys.modules"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for words in ([str(finished.path)], ["--help"]):
        command = [sys.executable, "-c", code, verb, *words]
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, env=paths
        )
    assert f"allometry {verb} runs/quickstart" in found.stdout
