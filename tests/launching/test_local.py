"""Local: worker processes and how they are told, with stand-ins that train nothing."""

import os
import subprocess
import sys
import threading

import pytest

from allometry.launching import local
from allometry.launching.worker import Worker
from allometry.refusal import Refusal
from allometry.studies import executor, room
from allometry.studies.budget import Budget
from allometry.studies.room import Needed
from allometry.studies.study import from_mapping
from allometry.studies.survey import Survey

CONTENT = {
    "name": "tiny",
    "environment": {"name": "digits"},
    "agent": {"name": "ppo", "horizon": 4},
    "training": {"interactions": 1024, "copies": 4, "length": 16},
    "grid": {"seeds": 2, "agent": {"width": [4]}, "runs_per_bundle": 1},
}
#: Says where it may run and what it was asked for, then fails.
FAILS = """
import os, sys
open(sys.argv[2] + f"/said-{os.getpid()}", "w").write(
    f"{sorted(os.sched_getaffinity(0))} {sys.argv[1:]}"
)
print("allometry: the disk is full.")
print()
sys.exit(3)
"""
#: Of two, one fails; the first that was started then goes on for a while.
SECOND_FAILS = """
import os, sys, time
try:
    os.mkdir(sys.argv[2] + "/first")
except FileExistsError:
    sys.exit(3)
time.sleep(3)
"""
#: Waits for the first signal, and takes a second one ill.
WAITS = """
import os, signal, sys, time
told = []
def end(*_):
    if told:
        os._exit(9)
    told.append(1)
signal.signal(signal.SIGTERM, end)
open(sys.argv[2] + f"/ready-{os.getpid()}", "w").close()
while not told:
    time.sleep(0.01)
time.sleep(0.5)
sys.exit(130)
"""


class Onlooker:
    def __init__(self, on_look=lambda: None):
        self.look, self.warnings = on_look, []

    def warned(self, sentence):
        self.warnings.append(sentence)


@pytest.fixture(scope="module")
def survey():
    return Survey(from_mapping(CONTENT, "the test"))


@pytest.fixture
def store(survey, tmp_path):
    return executor.prepare(survey, tmp_path / "s", "test")


@pytest.fixture
def two_cores(monkeypatch):
    """Let there be two cores, whatever the machine has."""
    core = min(os.sched_getaffinity(0))
    monkeypatch.setattr(local, "core_groups", lambda count: [{core}] * count)
    return core


def run(survey, store, onlooker, stop=None, **options):
    return local.run(
        survey,
        store,
        onlooker,
        processes=2,
        stop=stop or threading.Event(),
        commit_every=10.0,
        lease=60.0,
        **options,
    )


def test_cores_are_divided_among_processes(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {7, 1, 2, 3, 9})
    assert local.core_groups(2) == [{1, 2}, {3, 7, 9}]
    assert local.core_groups(5) == [{1}, {2}, {3}, {7}, {9}]
    with pytest.raises(Refusal, match=r"--processes 6 need a core each, .* use 5\."):
        local.core_groups(6)


def test_accelerators_are_left_to_one_process(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(Refusal, match="Leave it out: one process trains a bundle on e"):
        local.core_groups(1)


def test_no_more_processes_than_fit_the_memory(survey, monkeypatch):
    monkeypatch.setattr(room, "needed", lambda program: Needed(30, 20, 10))
    survey = Survey(survey.study)
    for there, expected in ((119, 1), (120, 2), (1000, 2), (10, 1)):
        monkeypatch.setattr(room, "available", lambda there=there: there)
        assert local.fitting(survey, 4) == expected  # of two bundles


def _do(monkeypatch, code: str) -> None:
    """Have workers do something else with the words that they are told."""

    class Other(Worker):
        @property
        def words(self) -> tuple[str, ...]:
            return ("-c", code, *super().words[3:])

    monkeypatch.setattr(local, "worker", lambda *told: Other(str(told[0]), *told[1:]))


def test_what_failed_is_told_with_its_message(survey, store, two_cores, monkeypatch):
    _do(monkeypatch, FAILS)
    onlooker = Onlooker()
    words = r"2 of 2 worker processes failed, .*exit code 3: allometry: the disk is fu"
    with pytest.raises(Refusal, match=words):
        run(survey, store, onlooker, budget=Budget("1e9 FLOPs", flops=1e9))
    assert len(onlooker.warnings) == 2
    said = [path.read_text() for path in store.path.glob("said-*")]
    asked = ["work", str(store.path), "--commit-every=10.0", "--lease=60.0"]
    asked += ["--no-conclude", "--budget", "5e+08"]
    assert said == [f"{[two_cores]} {asked}"] * 2
    # This thread may run where it might before.
    assert os.sched_getaffinity(0) >= {two_cores}


def test_a_failure_is_told_while_the_first_still_works(
    survey, store, two_cores, monkeypatch
):
    _do(monkeypatch, SECOND_FAILS)
    monkeypatch.setattr(local, "LOOK", local.POLL)
    told = []
    onlooker = Onlooker(lambda: told.append(list(onlooker.warnings)))
    with pytest.raises(Refusal, match="1 of 2 worker processes failed"):
        run(survey, store, onlooker)
    assert len(told[-1]) == 1  # the last look is before the first has ended


def test_a_folder_of_its_name_is_not_taken_for_the_package(tmp_path):
    (tmp_path / "allometry").mkdir()
    (tmp_path / "allometry" / "__init__.py").write_text("")
    (tmp_path / "allometry" / "__main__.py").write_text("print('not the package')")
    words = Worker("nowhere", 10.0, 60.0).words
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert "nowhere" in done.stderr


def test_a_stop_is_told_to_each_once(survey, store, two_cores, monkeypatch):
    _do(monkeypatch, WAITS)
    monkeypatch.setattr(local, "LOOK", local.POLL)
    stop = threading.Event()

    def look():
        if len(list(store.path.glob("ready-*"))) == 2:
            stop.set()

    onlooker = Onlooker(look)
    assert run(survey, store, onlooker, stop) == (False, False, 0)
    assert onlooker.warnings == []


def test_workers_that_another_has_stopped_are_a_stop(
    survey, store, two_cores, monkeypatch
):
    _do(monkeypatch, "raise SystemExit(130)")
    stop, budget = threading.Event(), Budget("1h", seconds=3600.0)
    assert not run(survey, store, Onlooker(), budget=budget).complete
    assert budget.used_up
    assert not run(survey, store, Onlooker(), stop).complete
    assert stop.is_set()
