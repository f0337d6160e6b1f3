"""Slurm: its script and its words, with stand-ins for Slurm and for the worker."""

import os
import signal
import subprocess
import time

import pytest

from allometry.launching import slurm
from allometry.launching.worker import Worker, passed

#: Ends with 130 at its last signal, of so many; says each that it hears.
WORKER = """
import os, signal, sys, time
heard, last = [], int(sys.argv[1])
def end(*_):
    heard.append(1)
    open(f"heard-{len(heard)}", "w").close()
    if len(heard) == last:
        os._exit(130)
signal.signal(signal.SIGTERM, end)
open("worker", "w").write(str(os.getpid()))
os.rename("worker", "ready")
while True:
    time.sleep(0.01)
"""
SCONTROL = '#!/bin/sh\necho "$@" > requeued\n'


def start(tmp_path, monkeypatch, signals):
    """Start the script with a worker that ends at its last of so many signals."""

    class Other(Worker):
        @property
        def words(self):
            return ("-S", "-c", WORKER, str(signals))

    scontrol = tmp_path / "scontrol"
    scontrol.write_text(SCONTROL)
    scontrol.chmod(0o700)
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))
    script = tmp_path / "work.sh"
    script.write_text(slurm._script(Other("store", 10.0, 60.0), ["sbatch"]))
    environment = {**os.environ, "SLURM_JOB_ID": "7"}
    running = subprocess.Popen(["bash", script], cwd=tmp_path, env=environment)
    wait_for(tmp_path / "ready")
    return running, int((tmp_path / "ready").read_text())


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_that_commits_before_its_time_is_up_queues_again(tmp_path, monkeypatch):
    running, _ = start(tmp_path, monkeypatch, signals=1)
    running.send_signal(signal.SIGUSR1)
    assert running.wait(60) == 0
    assert (tmp_path / "requeued").read_text() == "requeue 7\n"


@pytest.mark.parametrize("first", [signal.SIGUSR1, signal.SIGTERM])
def test_a_job_that_slurm_ends_does_not_queue_again(tmp_path, monkeypatch, first):
    running, worker = start(tmp_path, monkeypatch, signals=2)
    ends = [signal.SIGUSR1, signal.SIGTERM]
    for count, number in enumerate([first, *set(ends) - {first}], start=1):
        running.send_signal(number)
        if number == signal.SIGTERM:  # which Slurm sends to all of a job
            os.kill(worker, number)
        if number == first:
            wait_for(tmp_path / f"heard-{count}")
    if first == signal.SIGTERM:  # USR1 was not heard: the worker commits in peace
        time.sleep(0.5)
        assert running.poll() is None
        assert not (tmp_path / "heard-2").exists()
        os.kill(worker, signal.SIGTERM)
    # Where both end at the same moment, bash may say 255; Slurm asks for neither.
    assert running.wait(60) in (130, 255)
    assert not (tmp_path / "requeued").exists()


@pytest.mark.parametrize(
    ("states", "over"),
    [
        ("COMPLETED\nCANCELLED", True),
        ("", True),
        ("COMPLETED\nRUNNING", False),
        ("COMPLETED\nNODE_FAIL", False),
        ("PREEMPTED", False),
    ],
)
def test_what_queues_again_is_not_over(monkeypatch, states, over):
    monkeypatch.setattr(slurm, "_ask", lambda command: states)
    assert slurm.is_over("7") is over


@pytest.mark.parametrize(
    ("more", "logs"),
    [
        ({}, "{folder}/7_*.log"),
        ({"output": "/logs/%x-%A.%4a.out"}, "/logs/name-7.*.out"),
        ({"output": "%j-100%%.out", "chdir": "/there"}, "/there/*-100%.out"),
        ({"output": "/dev/null", "chdir": "/there"}, "/dev/null"),
    ],
)
def test_logs_are_told_where_the_jobs_write(tmp_path, monkeypatch, more, logs):
    monkeypatch.setattr(slurm, "_ask", lambda command: "7\n")
    worker = Worker("store", 10.0, 60.0)
    made = slurm.submit(worker, 2, tmp_path, "name", more)
    assert made.logs == logs.format(folder=tmp_path)


def test_what_decides_numbers_is_passed_on_and_nothing_else(tmp_path, monkeypatch):
    for name in list(passed()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setenv("JAX_DEFAULT_MATMUL_PRECISION", "float32")
    monkeypatch.setenv("SOME_TOKEN", "hunter2")
    asked = []
    monkeypatch.setattr(slurm, "_ask", lambda command: asked.append(command) or "7\n")
    slurm.submit(Worker("store", 10.0, 60.0), 2, tmp_path, "name", {})
    (export,) = [word for word in asked[0] if word.startswith("--export=")]
    assert export == "--export=JAX_ENABLE_X64,JAX_DEFAULT_MATMUL_PRECISION"
