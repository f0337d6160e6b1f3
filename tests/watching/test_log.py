"""What happened, told by a record that was made by hand."""

import pytest

from allometry.curves.code_version import this_code
from allometry.studies import history
from allometry.watching.log import events

ALL = ("small-0", "small-1", "large-0", "large-1")


@pytest.fixture
def clock(monkeypatch):
    """Commits come a second apart, from 2000 on."""
    now = [1999.0]

    def tick():
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(history.time, "time", tick)


def whats(found):
    return [event.what for event in found]


def test_nothing_has_happened_before_the_first_claim(store):
    assert events(store, ALL) == ()


def test_claims_and_commits_are_in_order_of_time_over_bundles(store, hand, clock):
    small = hand(store, "small")
    small.commit()
    large = hand(store, "large", {"host": "other", "pid": 7, "time": 2000.5})
    large.commit()
    small.commit(finished=True)
    found = events(store, ALL)
    assert [(event.bundle, event.what, event.time) for event in found] == [
        ("small", "claim", 1000.0),
        ("small", "commit", 2000.0),
        ("large", "claim", 2000.5),
        ("large", "commit", 2001.0),
        ("small", "commit", 2002.0),
    ]
    assert found[2].details == {
        "attempt": 1,
        "checkpoint": 0,
        "code_version": this_code(),
        "host": "other",
        "pid": 7,
    }
    assert found[1].details == {
        "version": 2,
        "attempt": 1,
        "checkpoint": 1,
        "interactions": 100,
        "performance": {"small-0": 0.0, "small-1": 0.0},
    }
    last = found[4].details
    assert last["finished"] is True
    assert last["metrics"] == {
        "small-0": {"entropy": 0.5},
        "small-1": {"entropy": 0.25},
    }


def test_of_one_run_only_its_own_numbers_are_told(store, hand, clock):
    worker = hand(store, "small")
    worker.commit()
    worker.commit(lost=["small-1"])
    worker.commit(lost=["small-1"])
    one, other = events(store, ["small-0"]), events(store, ["small-1"])
    assert whats(one) == ["claim", "commit", "commit", "commit"]
    assert one[-1].details["performance"] == {"small-0": 0.2}
    assert whats(other) == [*whats(one), "nonfinite"]
    assert other[-1].details == {
        "run": "small-1", "checkpoint": 1, "interactions": 200
    }  # fmt: skip


def test_attempts_go_on_and_one_without_a_commit_has_no_owner(store, hand, clock):
    hand(store, "small").commit()
    hand(store, "small")
    third = hand(store, "small", {"host": "c", "pid": 3, "time": 2000.5})
    third.commit()
    found = [event for event in events(store, ALL) if event.what == "claim"]
    assert [event.details["attempt"] for event in found] == [1, 2, 3]
    assert found[1].details == {"attempt": 2}
    assert found[2].details["checkpoint"] == 1
    hand(store, "small", {"host": "d", "pid": 4, "time": 2002.0})
    last = events(store, ALL)[-1]
    assert (last.time, last.details["pid"]) == (2002.0, 4)
    assert last.details["checkpoint"] == 2


def test_damage_doubts_and_failures_are_told(store, hand, clock):
    worker = hand(store, "small")
    worker.commit()
    worker.commit()
    newest = worker.claim.manifest
    file = store.path / "bundles" / "small" / newest.checkpoint.name
    file.write_bytes(b"cut")
    worker = hand(store, "small", {"host": "c", "pid": 3, "time": 2003.0})
    worker.commit(warnings=["A doubt."], failure="ValueError: no.")
    found = events(store, ["small-0"])
    assert whats(found) == [
        "claim", "commit", "warning", "claim", "commit", "warning", "failure"
    ]  # fmt: skip
    assert found[2].details["sentence"].startswith("before attempt 2: checkpoint-")
    assert found[3].details["checkpoint"] == 1
    assert found[5].details == {"sentence": "A doubt."}
    assert found[6].details == {"sentence": "ValueError: no."}


def test_a_store_without_a_history_tells_its_last_claim_and_commit(store, hand):
    hand(store, "small").commit(history=None)
    claim, commit = events(store, ALL)
    assert "checkpoint" not in claim.details
    assert (commit.time, commit.details["checkpoint"]) == (None, 1)
    assert commit.details["interactions"] == 100
