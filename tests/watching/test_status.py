"""How a study stands, told by a record that was made by hand."""

import json

import pytest

from allometry.curves.manifest import STATUSES
from allometry.watching.status import document, status


def test_a_study_that_was_never_started(store):
    found = status(store)
    assert found.counts == dict.fromkeys(STATUSES, 0) | {"queued": 4}
    assert (found.interactions, found.planned) == (0, 4 * 990)
    assert (found.finished, found.at_work, found.speed) == (False, 0, None)
    assert found.seconds_left is None
    assert [bundle.attempts for bundle in found.bundles] == [0, 0]


def test_counts_costs_and_pace_are_those_of_the_commits(store, hand):
    worker = hand(store, "small")
    for _ in range(3):
        worker.commit()
    found = status(store)
    small, large = found.bundles
    assert found.counts["running"] == 2
    assert found.counts["queued"] == 2
    assert (small.done, small.planned, large.planned) == (300, 1000, 990)
    assert small.flops == 2 * 300 * 100.0
    assert small.flops_environment == small.flops / 10
    assert small.seconds == 5.0 + 3.0
    # Two chunks of an iteration of 100 interactions, a second each: 5 s is compiling.
    assert small.pace == pytest.approx(1 / 100)
    assert (small.process, found.at_work) == ("there", 1)
    assert found.speed == pytest.approx(2 * 100)


def test_the_time_left_scales_the_pace_by_work(store, hand):
    worker = hand(store, "small")
    for _ in range(3):
        worker.commit()
    # small: 700 × 10 ms; large: ten times the FLOPs beside 200,000 of overhead, and
    # the five seconds that compiling took.
    own = 7.0
    other = 990 / 100 * (1000 + 2e5) / (100 + 2e5) + 5.0
    assert status(store).seconds_left == pytest.approx(own + other)
    second = hand(store, "large")
    second.commit()
    # It is compiled, and side by side the longer one decides.
    other = 900 / 100 * (1000 + 2e5) / (100 + 2e5)
    assert status(store).seconds_left == pytest.approx(max(own, other))


def test_after_one_chunk_in_which_all_was_compiling_there_is_no_estimate(store, hand):
    hand(store, "small").commit()
    found = status(store)
    assert found.bundles[0].done == 100
    assert (found.bundles[0].pace, found.speed, found.seconds_left) == (None,) * 3


def test_a_finished_study_has_no_time_left_and_nobody_at_work(store, hand):
    for bundle in store.bundles:
        worker = hand(store, bundle)
        worker.commit()
        parts = {"environment": 1.0, "act": 2.0, "learn": 3.0, "other": 1.0}
        worker.commit(finished=True, lost=["large-1"], seconds_by_part=parts)
    found = status(store)
    assert found.counts["done"] == 3
    assert found.counts["nonfinite"] == 1
    assert (found.finished, found.at_work, found.seconds_left) == (True, 0, 0.0)
    assert found.interactions == found.planned == 4 * 200
    assert found.seconds_by_part == {
        "environment": 2.0, "act": 4.0, "learn": 6.0, "other": 2.0
    }  # fmt: skip


def test_an_owner_that_has_ended_is_not_at_work(store, hand, gone):
    hand(store, "small", gone).commit()
    hand(store, "large", {"host": "another.host", "pid": 1}).commit()
    small, large = status(store).bundles
    assert (small.process, small.at_work) == ("gone", False)
    assert (large.process, large.at_work) == ("elsewhere", True)


def test_a_failure_is_told_until_somebody_takes_the_bundle_up(store, hand):
    failed = dict.fromkeys(("small-0", "small-1"), "failed")
    worker = hand(store, "small")
    worker.commit(failure="ValueError: no.", status=failed)
    found = status(store)
    assert found.counts["failed"] == 2
    assert (found.bundles[0].failure, found.at_work) == ("ValueError: no.", 0)
    hand(store, "small")
    found = status(store)
    assert (found.counts["failed"], found.counts["running"]) == (0, 2)
    assert (found.bundles[0].failure, found.at_work) == (None, 1)
    assert found.bundles[0].attempts == 2


def test_damage_is_told_and_hides_no_other_bundle(store, hand):
    hand(store, "small").commit()
    hand(store, "large").commit()
    for manifest in (store.path / "bundles" / "small").glob("manifest-*"):
        manifest.write_bytes(manifest.read_bytes()[:40])
    found = status(store)
    assert found.counts["unreadable"] == 2
    assert found.counts["running"] == 2
    assert "is damaged" in found.bundles[0].warnings[0]
    assert found.planned is None


def test_a_store_without_the_newer_metadata_is_read_from_its_curves(store, hand):
    worker = hand(store, "small")
    worker.commit()
    new = status(store).bundles[0]
    worker = hand(store, "large")
    plain = {"history": None, "planned": None, "nonfinite": [], "metrics": {}}
    claim, commit = worker.claim, worker.claim.commit

    def without_spent(**given):
        metadata = {k: v for k, v in given["metadata"].items() if k != "spent"}
        commit(**given | {"metadata": metadata})

    claim.commit = without_spent
    worker.commit(**plain)
    old = status(store).bundles[1]
    assert (old.done, old.flops) == (new.done, 10 * new.flops)
    assert (old.planned, old.committed) == (990, None)


def test_the_document_is_json_and_tells_the_same(store, hand):
    hand(store, "small").commit()
    found = status(store)
    said = json.loads(json.dumps(document(found), allow_nan=False))
    assert said["runs"] == found.counts
    assert said["bundles"][0]["owner"]["pid"] == found.bundles[0].owner["pid"]
    assert said["bundles"][0]["runs"] == {"small-0": "running", "small-1": "running"}
