import random
import signal
import struct
import time
import zlib

import numpy as np
import polars as pl
import pytest

from allometry.curves.store import open_store

#: Seconds from SIGTERM to SIGKILL: what Slurm gives a job unless it is told otherwise.
GRACE = 30.0


def test_a_study_is_trained_fitted_and_drawn_and_then_left_alone(
    allometry, study, stores, tmp_path, compiled_quickly, monkeypatch
):
    for name, secret in stores.SECRETS.items():
        monkeypatch.setenv(name, secret)
    # Flags decide numbers and are in the fingerprint; what they say is not on record.
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/planted-path")
    out = tmp_path / "out"
    words = ["run", study, "--set=grid.agent.width=[4,5,6,7]", "--out", out]
    words += ["--set=training.interactions=2048"]
    outcome = allometry(*words)
    assert outcome.code == 0
    assert outcome.out.startswith("0/8 runs done, compiling, 0 %\n")
    assert "8/8 runs done, 100 %" in outcome.out
    assert f"Page: {out / 'report.html'}" in outcome.said
    store = open_store(out)
    assert store.runs()["status"].to_list() == ["done"] * 8
    assert store.study["command"].startswith(f"allometry run {study} --set")
    assert (out / "fit.json").is_file()
    files = {file: file.stat().st_mtime_ns for file in out.glob("bundles/*/*")}
    again = allometry(*words)
    assert again.code == 0
    assert "runs done, " not in again.out
    assert {file: file.stat().st_mtime_ns for file in out.glob("bundles/*/*")} == files
    assert open_store(out).runs()["attempts"].to_list() == [1] * 8
    assert stores.leaks(out) == []
    assert stores.leaks(out, ["planted-path"]) == []
    assert stores.leaks(out, ["width-7-seed-1"])  # it finds what is there
    changed = allometry(*words, "--set=training.length=32")
    assert changed.code == 2
    assert "training.length was 16 and is now 32" in changed.said
    assert "--out" in changed.said


@pytest.mark.parametrize("name", ["a.json", "a.parquet", "a.html", "a.txt"])
def test_a_secret_in_a_record_would_be_found(stores, tmp_path, name):
    secret, path = next(iter(stores.SECRETS.values())), tmp_path / name
    if name == "a.parquet":
        # Long enough to be compressed, so that the bytes as they lie hold none.
        pl.DataFrame({"x": [f"{secret}-{n}" for n in range(10_000)]}).write_parquet(
            path
        )
    elif name == "a.html":
        path.write_bytes(b"<html>" + zlib.compress(secret.encode() * 100))
        assert secret.encode() not in path.read_bytes()
    else:
        path.write_text(f'{{"x": ["{secret}"]}}')
    assert stores.leaks(tmp_path) == [str(path)]


def test_kill_9_and_the_same_command_end_with_the_same_columns(
    allometry, process, study, stores, often, tmp_path
):
    columns = often(allometry, study)
    out, chance, killed = tmp_path / "out", random.Random(0), 0
    for attempt in range(4):
        before = stores.versions(out)
        words = ["run", study, "--out", out, *stores.OFTEN]
        running = process(*words, **stores.SECRETS)
        if attempt < 3:
            stores.wait_for_a_commit(running, out, before)
            time.sleep(chance.uniform(0, 0.1))
            running.kill()
        said = running.communicate()[0]
        killed += running.returncode == -signal.SIGKILL
        assert running.returncode in (0, -signal.SIGKILL), said
    assert running.returncode == 0, said
    assert killed >= 2
    store = open_store(out)
    assert stores.deterministic(store) == columns
    assert store.runs().select("seed", "width").is_unique().all()
    assert store.curves().select("run", "checkpoint").is_unique().all()
    assert store.runs()["attempts"].max() > 1
    # Nothing of the environment that ran it is in the record.
    assert stores.leaks(out) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_keeps_everything_and_goes_on_later(
    allometry, process, study, stores, often, tmp_path, number
):
    columns = often(allometry, study)
    out = tmp_path / "out"
    running = process(
        "run", study, "--out", out, *stores.OFTEN[:-1], "--commit-every=1e9"
    )
    # Claimed, and no commit is due: what is kept, the signal has asked for.
    stores.wait_for_a_commit(running, out, {"width-4": -1, "width-4-part-1": -1})
    running.send_signal(number)
    said = running.communicate(timeout=GRACE)[0]
    assert running.returncode == 130, said
    store = open_store(out)
    # What was at work has a checkpoint and says so; what had not begun is as it was.
    begun = store.curves()["run"].unique()
    status = store.runs().select("run", "status")
    stopped = status.filter(pl.col("run").is_in(begun.to_list()))["status"]
    assert set(stopped) == {"preempted"}
    for bundle in store.bundles:
        told = store.progress(bundle).get("checkpoint", 0)
        assert (store.checkpoint(bundle) is not None) == (told > 0)
    assert "Stopping after the current chunk; once more ends at once." in said
    assert f"Stopped; {out} keeps everything. The same command goes on." in said
    assert allometry("run", study, "--out", out, *stores.OFTEN).code == 0
    assert stores.deterministic(open_store(out)) == columns


def test_of_two_workers_one_is_killed_and_the_other_loses_nothing(
    allometry, process, study, stores, often, tmp_path
):
    columns = often(allometry, study)
    out = tmp_path / "out"
    first = process("run", study, "--out", out, *stores.OFTEN, "--workers=1")
    stores.wait_for_a_commit(first, out, {})
    first.send_signal(signal.SIGSTOP)  # for as long as the other one takes to start
    second = process("work", out, "--commit-every=0")
    stores.wait_for_a_commit(second, out, stores.versions(out))
    store = open_store(out)
    owners = [store.manifest(name).owner["pid"] for name in store.bundles]
    assert owners == [first.pid, second.pid]
    first.kill()
    said = second.communicate(timeout=240)[0]
    assert second.returncode == 0, said
    # No study file was needed, and the last one fits the law: one size has none.
    assert "No law was fitted: " in said
    assert stores.deterministic(store) == columns
    assert store.runs()["attempts"].to_list() == [2, 1]


def test_the_same_command_twice_at_once_shares_the_study(
    allometry, process, study, stores, often, tmp_path
):
    """They make one store, train each bundle once, and both end well."""
    columns, out = often(allometry, study), tmp_path / "out"
    words = ["run", study, "--out", out, *stores.OFTEN, "--workers=1"]
    both = [process(*words) for _ in range(2)]
    for running in both:
        said = running.communicate(timeout=240)[0]
        assert running.returncode == 0, said
    store = open_store(out)
    assert stores.deterministic(store) == columns
    assert store.runs()["attempts"].to_list() == [1, 1]


def test_a_worker_that_stood_still_goes_on_with_what_is_left(
    allometry, process, study, stores, often, tmp_path
):
    columns = often(allometry, study)
    out = tmp_path / "out"
    words = ["--out", out, *stores.OFTEN[:-1], "--commit-every=1e9", "--lease=1"]
    stopped = process("run", study, *words, "--workers=1")
    stores.wait_for_a_heartbeat(stopped, out)
    stopped.send_signal(signal.SIGSTOP)
    held = next(iter(stores.versions(out)))
    outcome = allometry("work", out)
    assert outcome.code == 0
    assert "waiting for 1 bundle of other workers" in outcome.out
    stopped.send_signal(signal.SIGCONT)
    said = stopped.communicate(timeout=240)[0]
    assert stopped.returncode == 0, said
    assert f"Bundle {held} in " in said
    assert "taken over by process" in " ".join(said.split())
    store = open_store(out)
    assert stores.deterministic(store) == columns
    attempts = dict(store.runs().select("bundle", "attempts").iter_rows())
    assert sorted(attempts.values()) == [1, 2]
    assert attempts[held] == 2


def test_a_dry_run_says_what_would_be_run_and_makes_nothing(
    allometry, study, tmp_path, monkeypatch
):
    monkeypatch.setattr("allometry.studies.survey.SAMPLE", 0.05)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    outcome = allometry("run", study, "--dry-run", "--out", tmp_path / "out")
    assert outcome.code == 0
    # 64 × 4 + 4 into the torso, 4 × 4 + 4 in its block, 4 × 10 + 10 to the labels.
    assert "width-4 2 330 " in outcome.said
    assert "2 runs in 1 bundle; each run 1,024 interactions" in outcome.said
    assert "FLOPs in all. Expected time on this machine: about" in outcome.said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_as_json(allometry, study, tmp_path):
    said = allometry("run", study, "--dry-run", "--json").document
    assert set(said) == {"study", "bundles", "interactions", "checkpoints", "seconds"}
    assert [bundle["runs"] for bundle in said["bundles"]] == [2]
    assert said["interactions"] == 1024
    assert said["seconds"] > 0


def test_a_study_tells_what_it_made_as_json(
    allometry, study, tmp_path, compiled_quickly
):
    outcome = allometry("run", study, "--out", tmp_path / "out", "--json")
    said = outcome.document
    assert set(said) == {"store", "runs", "fits", "page", "no_law"}
    assert said["store"] == str(tmp_path / "out")
    assert said["runs"] == {"done": 2}
    # One size cannot have a law.
    assert (said["fits"], said["page"]) == ([], None)
    assert said["no_law"]
    assert "2/2 runs done" in outcome.err


def test_what_cannot_be_fitted_is_kept_and_said(allometry, study, tmp_path):
    outcome = allometry("run", study, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert f"All runs are done and kept in {tmp_path / 'out'}" in outcome.said
    assert "No law was fitted: " in outcome.said
    assert "train more sizes" in outcome.said


def write_mnist(folder, generator):
    """Write the four IDX files with random images, those of a label of one shade."""
    for part, count in (("train", 64), ("t10k", 32)):
        labels = generator.integers(0, 10, count).astype(np.uint8)
        images = np.broadcast_to(labels[:, None, None] * 25, (count, 28, 28))
        for kind, axes, array in (("images", 3, images), ("labels", 1, labels)):
            header = struct.pack(f">BBBB{axes}I", 0, 0, 8, axes, *array.shape)
            file = folder / f"{part}-{kind}-idx{axes}-ubyte"
            file.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.mark.slow
def test_mnist_trains_the_convolutional_network(
    allometry, study, tmp_path, compiled_quickly
):
    write_mnist(tmp_path, np.random.default_rng(0))
    outcome = allometry(
        "run",
        study,
        "--out",
        tmp_path / "out",
        f"--set=environment.source={tmp_path}",
        "--set=agent.torso=cnn",
        "--set=training.interactions=256",
        "--set=training.checkpoints=2",
    )
    assert outcome.code == 0, outcome
    store = open_store(tmp_path / "out")
    assert store.runs()["status"].to_list() == ["done", "done"]
    assert store.curves()["performance"].is_between(0, 1).all()
    assert set(store.scores()["split"]) == {"train", "held_out"}
