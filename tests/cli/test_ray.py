"""`allometry run --on ray`: on this machine, and on Ray's own test cluster."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from allometry.curves import owner
from allometry.curves.store import open_store

ON = ["--on=ray", "--workers=2"]


@pytest.fixture
def ray(monkeypatch, tmp_path):
    """Skip where there is no Ray; keep what it writes out of the user's home."""
    if importlib.util.find_spec("ray") is None:
        reason = "Ray is not installed: pip install 'allometry[ray]'"
        if os.environ.get("REQUIRE_RAY") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def cluster(ray, compiled_once):
    """Start two nodes; give the address and a function that removes the second."""
    running = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("ray_cluster.py"))],
        env={**os.environ, **compiled_once},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def remove():
        running.stdin.write("\n")
        running.stdin.flush()
        assert running.stdout.readline() == "removed\n"

    yield running.stdout.readline().strip(), remove
    running.communicate("\n\n", timeout=60)


def wait_until(ready, running):
    deadline = time.monotonic() + 240
    while not ready():
        assert running.poll() is None, running.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def commits(path, bundle):
    found = path.glob(f"bundles/{bundle}/manifest-*.json")
    return max((int(file.stem.split("-")[1]) for file in found), default=0)


def test_a_node_is_removed_in_the_middle_and_nothing_is_lost(
    allometry, process, study, stores, longer, cluster, tmp_path
):
    columns = longer(allometry, study)
    out, (address, remove) = tmp_path / "out", cluster
    words = ["--out", out, *stores.LONGER, *ON, f"--ray-address={address}"]
    running = process("run", study, *words, RAY_AUTH_MODE="disabled")
    bundles = ("width-4", "width-4-part-1")
    wait_until(lambda: all(commits(out, name) > 1 for name in bundles), running)
    store = open_store(out)
    owners = [store.manifest(name).owner for name in bundles]
    assert not any(store.manifest(name).finished for name in bundles)
    remove()
    said = running.communicate(timeout=240)[0]
    assert running.returncode == 0, said
    assert "Asked Ray for 2 workers." in said
    assert "No law was fitted: " in said  # one size has none
    assert stores.deterministic(store) == columns
    assert sorted(store.runs()["attempts"]) == [1, 2]
    # The worker of the node has ended with it.
    assert all(owner.is_gone(each) for each in owners)


def test_a_cluster_of_this_machine_is_told_to_stop_and_goes_on_later(
    allometry, process, study, stores, longer, ray, tmp_path
):
    columns = longer(allometry, study)
    out = tmp_path / "out"
    words = ["run", study, "--out", out, *stores.LONGER, *ON, "--cpus-per-worker=0.5"]
    running = process(*words)
    wait_until(lambda: commits(out, "width-4") > 1, running)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=240)[0]
    assert running.returncode == 130, said
    assert f"Stopped; {out} keeps everything. The same command goes on." in said
    store = open_store(out)
    assert "preempted" in store.runs()["status"].to_list()
    again = process(*words)
    said = again.communicate(timeout=240)[0]
    assert again.returncode == 0, said
    assert stores.deterministic(store) == columns


def test_a_cluster_that_cannot_be_reached_is_told(
    allometry, study, ray, tmp_path, monkeypatch
):
    words = ["run", study, "--out", tmp_path / "out", "--on=ray"]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        outcome = allometry(*words, f"--ray-address={address}")
        outcome.refuses(f"The Ray cluster at {address} cannot be reached", "refused")
        monkeypatch.setenv("RAY_ADDRESS", address)
        allometry(*words).refuses(f"at {address} cannot be reached", "RAY_ADDRESS")
    allometry(*words, "--ray-address=here").refuses("'here' is no address")
    assert open_store(tmp_path / "out").runs()["attempts"].to_list() == [0, 0]


def test_without_ray_it_says_which_extra(allometry, study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = allometry("run", study, "--out", tmp_path / "out", "--on=ray")
    outcome.refuses(
        "Ray is not installed", "pip install 'allometry[ray]'", "--on local"
    )
