"""`allometry run --on slurm`, on a real Slurm of one node."""

import re
import shlex
import signal
import time
from pathlib import Path

import pytest

from allometry.curves import owner
from allometry.curves.lease import leased
from allometry.curves.store import open_store
from allometry.launching import slurm as launching
from allometry.refusal import Refusal
from allometry.studies import executor
from allometry.studies.study import load
from allometry.studies.survey import Survey
from tests.cli import slurm

#: Programs that are compiled once for all jobs; not shared where machines differ.
EXPORT = "JAX_PLATFORMS,JAX_COMPILATION_CACHE_DIR"
EXPORT += ",JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
EXPORT += ",JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"
ON = ["--on=slurm", f"--slurm=export={EXPORT}"]
SECRET = "hunter2-hunter2"


@pytest.fixture
def ask(conf, compiled_once, monkeypatch):
    """Put this process on the cluster, with a secret; give what asks Slurm."""
    environment = {**compiled_once, "SLURM_CONF": str(conf), "SOME_TOKEN": SECRET}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda *words: slurm.ask(conf, *words)


def wait_until(ready, seconds=240):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def commits(path):
    """Count the commits so far; claims, which are commits too, left out."""
    found = path.glob("bundles/*/manifest-*.json")
    newest = {}
    for file in found:
        version = int(file.stem.split("-")[1])
        newest[file.parent] = max(version, newest.get(file.parent, 0))
    return sum(version - 1 for version in newest.values())


def start_soon(ask, job):
    """Start a job that was queued again; Slurm has it wait for two minutes.

    Not at once: within a second Slurm takes it for the one that it has just ended.
    """
    ask("scontrol", "update", f"JobId={job}_1", "StartTime=now+5")


def submit(allometry, study, out, *words):
    """Submit the study as one worker; give the number of the job."""
    said = allometry("run", study, "--out", out, *ON, *words).document
    assert said["workers"] == 1
    return said["job"]


def test_two_workers_train_a_study_and_the_command_that_waits_fits_it(
    allometry, study, stores, longer, ask, tmp_path
):
    out = tmp_path / "a folder, 100 %"
    words = [*ON, "--workers=2", "--wait", "--slurm=cpus-per-task=2"]
    outcome = allometry("run", study, "--out", out, *stores.LONGER, *words)
    assert outcome.code == 0, outcome
    job = re.search(r"Submitted job (\d+): 2 workers\.", outcome.out)[1]
    assert f"allometry status {out} --watch" in outcome.said
    assert f"scancel {job}" in outcome.said
    assert "No law was fitted: " in outcome.said  # one size has none
    assert stores.deterministic(open_store(out)) == longer(allometry, study)
    logs = sorted(file.name for file in out.glob("slurm/*.log"))
    assert logs == [f"{job}_1.log", f"{job}_2.log"]
    wait_until(lambda: not ask("squeue", "-h"))
    # Nothing is left: no second array is submitted.
    again = allometry("run", study, "--out", out, *stores.LONGER, "--on=slurm")
    assert again.code == 0
    assert "Submitted" not in again.out


def test_a_job_that_is_stopped_twice_goes_on_where_it_was(
    allometry, study, stores, longer, conf, ask, tmp_path
):
    columns = longer(allometry, study)
    out = tmp_path / "out"
    job = submit(allometry, study, out, *stores.LONGER, "--workers=1", "--json")
    # The environment reaches neither the store nor Slurm's own files.
    for folder in (out, conf.parent):
        for file in folder.rglob("*"):
            assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    wait_until(lambda: commits(out) > 0)
    # As Slurm does when the time is nearly up.
    ask("scancel", "--batch", "--signal=USR1", f"{job}_1")
    wait_until(lambda: "PENDING" in ask("squeue", "-h", "-o%T"))
    store, before = open_store(out), commits(out)
    assert "preempted" in store.runs()["status"].to_list()
    start_soon(ask, job)
    wait_until(lambda: commits(out) > before + 1)
    # As Slurm does on preemption, and by itself when a node is lost.
    ask("scontrol", "requeue", f"{job}_1")
    wait_until(lambda: "PENDING" in ask("squeue", "-h", "-o%T"))
    start_soon(ask, job)
    wait_until(lambda: store.finished() == set(store.bundles))
    assert stores.deterministic(store) == columns
    assert store.runs()["attempts"].max() > 1
    log = next(out.glob("slurm/*.log")).read_text()
    assert log.count("Stopping after the current chunk") == 2
    assert "once more ends at once" in log


@pytest.mark.long
def test_a_job_whose_time_is_up_queues_again(
    allometry, study, stores, longer, ask, tmp_path
):
    columns = longer(allometry, study)
    out = tmp_path / "out"
    changes = [word.removeprefix("--set=") for word in stores.LONGER[:-1]]
    survey = Survey(load(str(study), changes))
    store = executor.prepare(survey, out, "test")
    # Somebody works on one bundle, so that the job has to wait for its time to be up.
    with leased(store.claim(store.bundles[0], owner.this_process()), 60.0):
        words = ["--workers=1", "--json", "--slurm=time=2"]
        job = submit(allometry, study, out, *stores.LONGER, *words)
        wait_until(lambda: "PENDING" in ask("squeue", "-h", "-o%T"))
        wait_until(lambda: "RUNNING" in ask("squeue", "-h", "-o%T"))
        wait_until(lambda: "PENDING" in ask("squeue", "-h", "-o%T"))
        assert store.finished() == {store.bundles[1]}
    start_soon(ask, job)
    wait_until(lambda: store.finished() == set(store.bundles))
    assert stores.deterministic(store) == columns


def test_a_cancelled_job_stays_cancelled_and_a_worker_here_finishes(
    allometry, process, study, stores, longer, ask, tmp_path, monkeypatch
):
    columns = longer(allometry, study)
    out = tmp_path / "out"
    words = [*ON, "--workers=1", "--wait"]
    waiting = process("run", study, "--out", out, *stores.LONGER, *words)
    job = re.search(r"job (\d+):", waiting.stdout.readline())[1]
    wait_until(lambda: commits(out) > 0)
    ask("scancel", job)
    said = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 2, said
    said = " ".join(said.split())
    assert f"allometry: Job {job} has ended, and the study in {out} is not done" in said
    assert not ask("squeue", "-h")
    store = open_store(out)
    assert "preempted" in store.runs()["status"].to_list()
    assert allometry("work", out).code == 0
    assert stores.deterministic(store) == columns
    assert store.runs()["attempts"].max() == 2


def test_what_slurm_refuses_is_told_in_its_words(allometry, study, ask, tmp_path):
    words = ["run", study, "--out", tmp_path / "out", "--on=slurm"]
    allometry(*words, "--slurm=partition=none").refuses(
        "sbatch refused: ", "invalid partition", "--slurm KEY=VALUE"
    )
    # What was made stays, and the same command goes on.
    assert open_store(tmp_path / "out").runs()["status"].to_list() == ["queued"] * 2


def test_without_slurm_it_says_where_to_go(allometry, study, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = allometry("run", study, "--out", tmp_path / "out", "--on=slurm")
    outcome.refuses("no sbatch on this machine", "--on local")


def test_options_of_another_place_are_refused(allometry, study):
    allometry("run", study, "--slurm=time=1").refuses("--slurm goes with --on slurm")
    allometry("run", study, "--wait", "--on=ray").refuses("--wait goes with --on slurm")
    allometry("run", study, "--on=slurm", "--ray-address=a:1").refuses("--on ray")
    allometry("run", study, "--on=slurm", "--budget=2h").refuses("--slurm time=2:00:00")
    allometry("run", study, "--on=moon").is_usage_error("--on")


def test_options_of_sbatch_are_read():
    given = ["partition=gpu", "exclusive", "gres=gpu:a100:1", "comment=a b=c"]
    assert launching.options(given) == {
        "partition": "gpu",
        "exclusive": None,
        "gres": "gpu:a100:1",
        "comment": "a b=c",
    }
    for wrong, word in (
        (["--time=1"], "without dashes"),
        (["=1"], "no option"),
        (["comment=a\nrm"], "no option"),
        (["array=1-9"], "--workers"),
        (["wrap=true"], "itself"),
        (["mem=1G", "mem=2G"], "twice"),
    ):
        with pytest.raises(Refusal, match=word):
            launching.options(wrong)


def test_signals_are_those_of_the_script():
    # What the options ask Slurm to send is what the script traps.
    name = re.fullmatch(r"B:(\w+)@\d+", launching.SIGNAL)[1]
    assert signal.Signals[f"SIG{name}"] == signal.SIGUSR1
    assert re.search(rf"^trap .* {name}$", launching.SCRIPT, re.MULTILINE)


def test_the_name_of_a_folder_cannot_leave_its_comment(tmp_path, monkeypatch):
    path = tmp_path / "a\necho 'out'"
    monkeypatch.setattr(launching, "_ask", lambda command: "7;cluster\n")
    worker = launching.Worker(str(path), 10.0, 60.0)
    made = launching.submit(worker, 2, tmp_path / "slurm", "name", {})
    assert made.job == "7"
    words = shlex.split(Path(made.script).read_text(), comments=True)
    assert words[words.index("work") + 1] == str(path)
    assert "echo" not in words
