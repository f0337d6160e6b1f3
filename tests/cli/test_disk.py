"""A disk without room, and one that is not written to: a sentence, and nothing lost.

A small disk and one that may only be read are mounted, which only root may do.
"""

import contextlib
import os
import shutil
import subprocess

import pytest

from allometry.curves.store import open_store

#: Ends files at so many bytes: more than a checkpoint has, less than a manifest that
#: tells of some 40 commits, near the end of the study `OFTEN`.
LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (17_000, resource.RLIM_INFINITY))
from allometry.cli.main import main; main()
"""
#: A process that asks for permission as all others do, though root has started it.
AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture
def mount():
    """Mount something for the length of a test; skips where that is not allowed."""
    with contextlib.ExitStack() as mounted:

        def mount(*words):
            command = ["mount", *map(str, words)]
            try:
                done = subprocess.run(command, capture_output=True, text=True)
            except FileNotFoundError:
                _without("There is no command `mount` here.")
            if done.returncode:
                _without(f"Only root may mount a disk: {done.stderr.strip()}")
            if not any("remount" in str(word) for word in words):
                unmount = ["umount", "--lazy", str(words[-1])]
                mounted.callback(subprocess.run, unmount, check=True)

        yield mount


def _without(why):
    if os.environ.get("REQUIRE_MOUNT") == "1":
        pytest.fail(why)
    pytest.skip(why)


def contents(folder):
    return {
        file.relative_to(folder): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith("heartbeat-")
    }


def check_stopped(running, store, columns):
    """Check that a process ended in a sentence, with a part of the columns kept."""
    said = " ".join(running.communicate(timeout=240)[0].split())
    assert running.returncode == 2, said
    assert "Traceback" not in said
    assert "Free some disk space (or raise the file-size limit), then run the same" in (
        said
    )
    assert "everything recorded so far is intact." in said
    whole = dict(zip(keys(columns), columns["curves.performance"], strict=True))
    kept = store.columns()
    found = dict(zip(keys(kept), kept["curves.performance"], strict=True))
    assert found.items() <= whole.items()
    assert 0 < len(found) < len(whole)
    return said


def keys(columns):
    return zip(columns["curves.run"], columns["curves.checkpoint"], strict=True)


class Kept:
    """The record at a place, read anew each time."""

    def __init__(self, path, stores):
        self.path, self.stores = path, stores

    def columns(self):
        return self.stores.deterministic(open_store(self.path))


@pytest.mark.parametrize(
    ("required", "ended"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_where_a_disk_is_required_none_is_a_failure(
    mount, tmp_path, monkeypatch, required, ended
):
    either = (pytest.fail.Exception, pytest.skip.Exception)
    monkeypatch.setenv("REQUIRE_MOUNT", required)
    with pytest.raises(either, match="Only root may mount") as refused:
        mount("-t", "no-such-kind", "none", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(either, match="no command `mount`") as missing:
        mount("-t", "tmpfs", "tmpfs", tmp_path)
    assert refused.type is missing.type is ended


def test_a_full_disk_stops_a_study_which_goes_on_once_there_is_room(
    allometry, process, study, stores, often, mount, tmp_path
):
    columns, disk = often(allometry, study), tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", disk)
    out = disk / "out"
    running = process("run", study, "--out", out, *stores.OFTEN)
    said = check_stopped(running, Kept(out, stores), columns)
    assert "No space left on device" in said
    # The same command again, and still no room: the same sentence.
    assert allometry("run", study, "--out", out, *stores.OFTEN).code == 2
    mount("-o", "remount,size=64m", disk)
    assert allometry("run", study, "--out", out, *stores.OFTEN).code == 0
    assert stores.deterministic(open_store(out)) == columns


def test_a_limit_of_file_sizes_is_a_full_disk(
    allometry, process, study, stores, often, tmp_path
):
    columns, out = often(allometry, study), tmp_path / "out"
    running = process("run", study, "--out", out, *stores.OFTEN, code=LIMITED)
    said = check_stopped(running, Kept(out, stores), columns)
    assert "File too large" in said
    assert allometry("run", study, "--out", out, *stores.OFTEN).code == 0
    assert stores.deterministic(open_store(out)) == columns


def test_a_disk_that_may_only_be_read(allometry, study, stores, mount, tmp_path):
    disk = tmp_path / "disk"
    begun = disk / "begun"
    stores.begun(study, begun)
    mount("--bind", disk, disk)
    mount("-o", "remount,bind,ro", disk)
    before = contents(disk)
    for words in (
        ["run", study, "--out", disk / "new"],
        ["run", study, "--out", begun],
    ):
        outcome = allometry(*words)
        assert outcome.code == 2, outcome
        assert "Read-only file system" in outcome.said
        assert "Traceback" not in outcome.said
    assert allometry("work", begun).code == 2
    assert contents(disk) == before
    # To look at it nothing is written.
    assert "2 queued" in allometry("status", begun).said


def test_a_folder_without_permission(process, study, stores, tmp_path):
    prefix = AS_OTHERS if os.geteuid() == 0 else []
    if prefix and shutil.which("setpriv") is None:
        _without("Root is refused nothing, and there is no setpriv to make it so.")
    begun = tmp_path / "begun"
    stores.begun(study, begun)
    before = contents(begun)
    folders = [begun, *(each for each in begun.rglob("*") if each.is_dir())]
    try:
        for folder in folders:
            folder.chmod(0o500)
        running = process("work", begun, prefix=prefix)
        said = " ".join(running.communicate(timeout=240)[0].split())
        assert running.returncode == 2, said
        assert (
            "Permission denied. Check that the folder exists and that you may" in said
        )
        assert "Traceback" not in said
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert contents(begun) == before
