"""Damage to files: found, named, and gone on from where that loses nothing."""

import errno
import os
import resource
import shutil

import numpy as np
import pytest

from allometry.curves import segment
from allometry.curves.claim import LostClaim
from allometry.curves.manifest import path_of
from allometry.refusal import Refusal


@pytest.fixture
def begun(store, study, no_sync):
    """A bundle after a claim and three commits of one row, and a copy of its folder."""
    claim = store.claim("w4", {})
    for index in range(3):
        study.commit(claim, index)
    folder = store.path / "bundles" / "w4"
    shutil.copytree(folder, store.path / "copy")
    return folder, claim.manifest


def restore(folder):
    shutil.rmtree(folder)
    shutil.copytree(folder.parent.parent / "copy", folder)


def go_on(store, study, expected_next: int) -> None:
    """Claim and commit, and find everything that the claim found, and one more."""
    claim = store.claim("w4", {})
    assert study.next_index(claim) == expected_next
    study.commit(claim, expected_next)
    assert study.indices(store) == list(range(expected_next + 1))


@pytest.mark.parametrize("every", [41, pytest.param(1, marks=pytest.mark.long)])
def test_the_newest_manifest_cut_at_every_byte(store, study, begun, every):
    folder, state = begun
    path = path_of(folder, state.version)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert store.progress("w4") == {"index": 1}
        if cut % every == 0:
            assert study.indices(store) == [0, 1]
            go_on(store, study, 2)
            assert path.name in store.manifest("w4").warnings[0]
            restore(folder)
    path.write_bytes(whole)
    go_on(store, study, 3)


def test_every_bit_of_a_manifest_matters(store, begun):
    folder, state = begun
    path = path_of(folder, state.version)
    whole = path.read_bytes()
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        path.write_bytes(data)
        assert store.progress("w4") == {"index": 1}


def test_the_first_manifest_cut_at_every_byte(store, study, no_sync):
    claim = store.claim("w4", {})
    folder = store.path / "bundles" / "w4"
    path = path_of(folder, 1)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert store.manifest("w4") is None
    go_on(store, study, 0)
    with pytest.raises(LostClaim):
        study.commit(claim, 0)


@pytest.mark.parametrize("every", [97, pytest.param(1, marks=pytest.mark.long)])
def test_the_newest_segment_cut_at_every_byte(store, study, begun, every):
    folder, state = begun
    path = folder / state.curves[-1].name
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        message = f"{path.name} is damaged: it has {cut} bytes"
        with pytest.raises(Refusal, match=message):
            segment.read(folder, state.curves[-1], None)
        if cut % every == 0:
            with pytest.raises(Refusal, match=message):
                store.curves()
            go_on(store, study, 2)
            assert path.name in store.manifest("w4").warnings[0]
            restore(folder)
    path.write_bytes(whole)
    go_on(store, study, 3)


@pytest.mark.parametrize("every", [61, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["curves", "scores", "checkpoint"])
def test_a_flipped_bit_is_found_and_the_state_before_used(
    store, study, begun, kind, every
):
    folder, state = begun
    named = getattr(state, kind)
    path = folder / (named if kind == "checkpoint" else named[-1]).name
    whole = path.read_bytes()
    for place in range(0, len(whole), every):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        path.write_bytes(data)
        go_on(store, study, 2)
        (warning,) = store.manifest("w4").warnings
        assert path.name in warning
        assert "SHA-256" in warning
        restore(folder)


def test_a_missing_file_is_damage_too(store, study, begun):
    folder, state = begun
    (folder / state.curves[-1].name).unlink()
    with pytest.raises(Refusal, match="is missing"):
        store.curves()
    go_on(store, study, 2)


def test_a_reader_is_told_what_to_do_about_a_damaged_segment(store, begun):
    folder, state = begun
    path = folder / state.curves[0].name
    path.write_bytes(b"")
    with pytest.raises(Refusal) as refusal:
        store.table()
    assert str(path) in str(refusal.value)
    assert "allometry run" in str(refusal.value)
    assert f"move {folder} away" in str(refusal.value)


def test_damage_to_what_every_state_holds_is_refused_and_kept(store, study, begun):
    folder, state = begun
    claim = store.claim("w4", {})
    study.commit(claim, 3)
    (folder / state.curves[0].name).write_bytes(b"")
    before = sorted(folder.iterdir())
    with pytest.raises(Refusal, match=state.curves[0].name):
        store.claim("w4", {})
    assert sorted(folder.iterdir()) == before


def test_a_finished_bundle_is_not_cut_back(store, study, begun):
    folder, _ = begun
    claim = store.claim("w4", {})
    study.commit(claim, 3, finished=True)
    (folder / claim.manifest.checkpoint.name).write_bytes(b"")
    again = store.claim("w4", {})
    assert again.manifest.finished
    assert study.indices(store) == [0, 1, 2, 3]
    with pytest.raises(Refusal, match=r"checkpoint-.* is damaged"):
        again.checkpoint()


def test_a_manifest_of_another_bundle_is_out_of_place(store, study, begun):
    folder, state = begun
    shutil.copytree(folder, folder.parent / "w8")
    with pytest.raises(Refusal, match=r"out of place: .*'w4'"):
        store.manifest("w8")
    shutil.rmtree(folder.parent / "w8")
    shutil.copy(path_of(folder, state.version), path_of(folder, state.version + 1))
    assert study.indices(store) == [0, 1, 2]
    go_on(store, study, 3)


def with_file_limit(limit: int, action) -> None:
    """Let the system refuse files of more than `limit` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        action()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 100, 2000, 5000])
def test_a_full_disk_is_a_sentence_and_the_commit_can_be_repeated(store, study, limit):
    claim = store.claim("w4", {})
    study.commit(claim, 0)
    folder = store.path / "bundles" / "w4"
    before = sorted(folder.iterdir())
    large = {"index": np.array(1), "weights": np.zeros(10_000)}

    def full() -> None:
        with pytest.raises(Refusal, match="Free some disk space") as refusal:
            study.commit(claim, 1, checkpoint=large)
        assert str(folder) in str(refusal.value)

    with_file_limit(limit, full)
    assert sorted(folder.iterdir()) == before
    assert study.indices(store) == [0]
    study.commit(claim, 1, checkpoint=large)
    assert study.indices(store) == [0, 1]


def test_a_disk_that_fills_up_at_the_manifest(store, study, monkeypatch):
    """With delayed allocation, the last `fsync` may be the first to hear of it."""
    claim = store.claim("w4", {})
    folder = store.path / "bundles" / "w4"
    before = sorted(folder.iterdir())
    real, calls = os.fsync, iter(range(100))

    def fail_at_manifest(descriptor):
        if next(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail_at_manifest)
        with pytest.raises(Refusal, match=r"manifest-00000002\.json cannot be written"):
            study.commit(claim, 0)
    assert sorted(folder.iterdir()) == before
    study.commit(claim, 0)
    assert study.indices(store) == [0]
