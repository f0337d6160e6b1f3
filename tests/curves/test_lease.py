import json
import os
import subprocess
import sys
import time

import pydantic
import pytest

from allometry.curves import lease, owner, sealed
from allometry.curves.claim import LostClaim
from allometry.curves.lease import Lease, heartbeat, leased
from allometry.curves.observer import Observer
from allometry.curves.owner import is_gone, this_process
from allometry.refusal import Refusal

everywhere = pytest.mark.parametrize("root", ["disk", "memory"], indirect=True)


@pytest.fixture
def elapsed():
    """The seconds that an observer's clock shows, to be set."""
    return [0.0]


@pytest.fixture
def observer(store, elapsed):
    return Observer(store, 60.0, clock=lambda: elapsed[0])


def wait(observer, elapsed, seconds, step=0.5):
    """Look at the bundle again and again for so long; say whether it was ever free."""
    free = []
    for _ in range(round(seconds / step)):
        elapsed[0] += step
        free.append(observer.look("w4").free)
    return any(free)


class Silent(Lease):
    """A lease whose owner beats when it is told to."""

    def _renew(self):
        self._ended.wait()


@everywhere
def test_what_nobody_claimed_is_free_and_what_is_finished_is_not(
    store, study, observer
):
    assert observer.look("w4") == (0, True, False)
    claim = store.claim("w4", this_process(), 0)
    assert observer.look("w4") == (1, False, False)
    study.commit(claim, 0, finished=True)
    assert observer.look("w4") == (2, False, True)
    assert observer.look("w8").free


@everywhere
def test_a_bundle_is_free_after_a_silence_of_its_lease(store, observer, elapsed):
    silent = Silent(store.claim("w4", this_process()), 8.0)
    assert not wait(observer, elapsed, 8.0)
    assert wait(observer, elapsed, 1.0)
    silent.end(released=False)


def test_signs_of_life_begin_the_lease_anew(store, study, observer, elapsed):
    claim = store.claim("w4", this_process())
    silent = Silent(claim, 8.0)
    for sign in (silent._beat, lambda: study.commit(claim, 0), silent._beat):
        assert not wait(observer, elapsed, 7.5)
        sign()
    assert not wait(observer, elapsed, 8.0)
    assert wait(observer, elapsed, 1.0)
    silent.end(released=False)


def test_the_clocks_of_machines_need_not_agree(store, observer, elapsed, monkeypatch):
    monkeypatch.setattr(lease.time, "time", lambda: -1e9)
    silent = Silent(store.claim("w4", this_process()), 8.0)
    elapsed[0] = 1e9
    assert not wait(observer, elapsed, 7.5)
    silent.end(released=False)


def test_while_the_observer_stood_still_no_lease_ran_out(store, observer, elapsed):
    silent = Silent(store.claim("w4", this_process()), 8.0)
    assert not observer.look("w4").free
    elapsed[0] += 1000
    assert not wait(observer, elapsed, 5.0)
    assert wait(observer, elapsed, 2.0)
    silent.end(released=False)


def test_a_lease_is_renewed_by_itself_and_free_once_given_back(store, study, observer):
    claim = store.claim("w4", this_process())
    with leased(claim, 0.2) as held:
        first = store.heartbeat("w4", claim.manifest.token)
        time.sleep(0.3)
        later = store.heartbeat("w4", claim.manifest.token)
        assert later.count > first.count
        assert later.lease == 0.2
        held.check()
        study.commit(claim, 0)
        assert not observer.look("w4").free
    assert observer.look("w4").free
    assert store.heartbeat("w4", claim.manifest.token).released
    assert study.next_index(store.claim("w4", {}, observer.look("w4").version)) == 1


def test_an_error_gives_the_bundle_back_too(store, observer):
    with pytest.raises(KeyError), leased(store.claim("w4", this_process()), 60.0):
        raise KeyError
    assert observer.look("w4").free


def test_an_owner_learns_that_its_bundle_is_another_s(store, study):
    old = store.claim("w4", this_process())
    said = pytest.raises(LostClaim, match=f"process {os.getpid()} on")
    with said, leased(old, 0.1) as held:
        new = store.claim("w4", this_process())
        begin = time.monotonic()
        while time.monotonic() - begin < 10:
            held.check()
            time.sleep(0.01)
    assert store.heartbeat("w4", old.manifest.token) is None  # swept, not released
    study.commit(new, 0, finished=True)
    assert study.indices(store) == [0]


def test_what_cannot_be_renewed_is_no_error(store, study, monkeypatch):
    def full(path, data):
        raise Refusal("no room.")

    monkeypatch.setattr(lease.durable, "replace", full)
    claim = store.claim("w4", this_process())
    with leased(claim, 60.0):
        study.commit(claim, 0)
    assert store.heartbeat("w4", claim.manifest.token) is None


def test_heartbeats_of_earlier_claims_and_finished_bundles_are_swept(store, study):
    folder = store.path / "bundles" / "w4"
    for index in range(3):
        claim = store.claim("w4", this_process())
        with leased(claim, 60.0):
            study.commit(claim, index, finished=index == 2)
            (folder / "tmp-heartbeat-00000001.json-0badcafe").write_text("by a crash")
        found = [file.name for file in folder.glob("*heartbeat-*.json")]
        token = claim.manifest.token
        assert found == ([] if index == 2 else [f"heartbeat-{token:08d}.json"])
    assert not list(folder.glob("*heartbeat*"))


class Forged(pydantic.BaseModel, extra="allow"):
    """A record with a right checksum and any fields."""


@pytest.mark.parametrize("change", [{"lease": 1e30}, {"lease": 0.0}, {"extra": 1}])
def test_a_heartbeat_that_is_none_does_not_hold_a_bundle_for_ever(
    store, observer, elapsed, change
):
    claim = store.claim("w4", this_process())
    silent = Silent(claim, 8.0)
    silent.end(released=False)
    path = lease.path_of(claim.folder, claim.manifest.token)
    sound = heartbeat(claim.folder, claim.manifest.token)
    path.write_bytes(sealed.seal(Forged(**sound.model_dump() | change)))
    assert heartbeat(claim.folder, claim.manifest.token) is None
    path.write_text("torn")
    assert heartbeat(claim.folder, claim.manifest.token) is None
    assert not wait(observer, elapsed, 60.0, step=5.0)
    assert wait(observer, elapsed, 10.0, step=5.0)


def test_of_those_who_saw_the_same_one_claims(store, study, observer):
    seen = observer.look("w4").version
    first = store.claim("w4", {"name": "first"}, seen)
    with pytest.raises(LostClaim, match="has just been claimed"):
        store.claim("w4", {"name": "second"}, seen)
    study.commit(first, 0)
    with pytest.raises(LostClaim):
        store.claim("w4", {}, first.manifest.token)
    assert store.claim("w4", {}, store.version("w4")).manifest.attempts == 2


def test_this_process_is_there_and_one_that_ended_is_gone():
    code = (
        "import json; from allometry.curves.owner import this_process; "
        "print(json.dumps(this_process()), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        other = json.loads(process.stdout.readline())
        assert not is_gone(other)
        assert not is_gone(this_process())
        assert is_gone(other | {"began": other["began"] - 1})
        process.kill()
        while process.poll() is None:
            time.sleep(0.01)
    assert is_gone(other)
    # Of another machine, or one that cannot be told, nobody here knows.
    assert not is_gone(other | {"machine": "another"})
    assert not is_gone({"host": other["host"], "pid": other["pid"]})
    assert not is_gone({})
    assert not is_gone(other | {"pid": 10**30})
    assert not is_gone(other | {"pid": "1"})


def test_where_machines_cannot_be_told_apart_nobody_is_gone(monkeypatch):
    monkeypatch.setattr(owner, "_machine", lambda: None)
    assert not is_gone(this_process() | {"pid": 2**22 + 1})
