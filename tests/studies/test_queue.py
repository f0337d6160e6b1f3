import polars as pl
import pytest

from allometry.curves import store as stores
from allometry.curves.claim import LostClaim
from allometry.curves.lease import leased
from allometry.studies.facts import Costs, Facts
from allometry.studies.grid import Bundle, Run
from allometry.studies.queue import NoRoom, Queue

NAMES = ("small", "large", "middle")
COSTS = {"small": 1.0, "large": 9.0, "middle": 3.0}


def facts_of(name):
    run = object.__new__(Run)
    costs = Costs(COSTS[name], 0.0, 0.0)
    return Facts(Bundle(name, (run,)), {}, costs, 1, (1,))


@pytest.fixture
def store(tmp_path):
    plan = {"run": NAMES, "bundle": NAMES, "study": "s", "seed": 0, "parameters": 1}
    plan |= {"parameters_by_part": "{}"}
    return stores.create(tmp_path / "s", {}, pl.DataFrame(plan))


@pytest.fixture
def queue(studies, store):
    def make():
        watcher = studies.Watcher()
        return Queue(map(facts_of, NAMES), store, watcher, 60.0), watcher

    return make


def finish(claim):
    about = {"curves": None, "scores": None, "checkpoint": None, "metadata": {}}
    status = dict.fromkeys(claim.manifest.status, "done")
    claim.commit(**about, status=status, fingerprint="f", finished=True)


def test_the_largest_come_first_and_the_end_is_seen(queue):
    mine, watcher = queue()
    for name in ("large", "middle", "small"):
        facts, claim = mine.take()
        assert facts.bundle.name == claim.manifest.bundle == name
        finish(claim)
        mine.give_back(name, finished=True)
        assert mine.is_empty == mine.was_last == (name == "small")
    assert mine.take() is None
    assert mine.was_last
    assert (mine.elsewhere, watcher.others) == (0, [])


def test_two_queues_share_the_bundles_and_both_see_the_end(queue):
    (mine, watcher), (other, _) = queue(), queue()
    taken = [each.take() for each in (mine, other, mine)]
    assert [facts.bundle.name for facts, _ in taken] == ["large", "middle", "small"]
    assert mine.take() is other.take() is None
    assert (mine.elsewhere, other.elsewhere) == (1, 2)
    for each, (facts, claim) in zip((mine, other, mine), taken, strict=True):
        finish(claim)
        each.give_back(facts.bundle.name, finished=True)
        assert each.take() is None
    assert mine.is_empty
    assert watcher.others == ["middle"]
    # The other one finished its bundle before this one did the last.
    assert (mine.was_last, other.was_last) == (True, False)
    assert other.take() is None
    assert other.is_empty
    assert not other.was_last


def test_what_was_lost_is_with_another_and_comes_back_when_that_gives_it_back(
    queue, store
):
    mine, _ = queue()
    _, claim = mine.take()
    with leased(store.claim("large", {}), 60.0) as other:
        with pytest.raises(LostClaim):
            finish(claim)
        mine.give_back("large", finished=False)
        # What others hold is looked at after what nobody does.
        assert [mine.take()[0].bundle.name for _ in range(2)] == ["middle", "small"]
        assert mine.take() is None
        assert mine.elsewhere == 1
    assert mine.take()[0].bundle.name == "large"
    assert store.manifest("large").attempts == 3
    assert other.claim.manifest.attempts == 2


def test_what_does_not_fit_waits_unclaimed_until_it_is_alone(studies, store):
    """Room for 12: large takes 9, middle 3, small 1; elsewhere there is as much."""
    asked = []

    def fit(bundles):
        asked.append([facts.bundle.name for facts in bundles])
        return sum(COSTS[name] for name in asked[-1]) < 12

    mine = Queue(map(facts_of, NAMES), store, studies.Watcher(), 60.0, fit)
    assert mine.take("here")[0].bundle.name == "large"
    assert asked == []  # alone
    with pytest.raises(NoRoom):
        mine.take("here")
    # The order stays: what is smaller does not overtake.
    assert asked == [["middle", "large"]]
    assert store.manifest("middle") is store.manifest("small") is None
    assert mine.take("there")[0].bundle.name == "middle"
    assert mine.take("here")[0].bundle.name == "small"
    assert asked[1:] == [["small", "large"]]
    mine.give_back("large", finished=False)


def test_what_was_finished_before_is_told_once(queue, store):
    finish(store.claim("middle", {}))
    mine, watcher = queue()
    names = [mine.take()[0].bundle.name for _ in range(2)]
    assert names == ["large", "small"]
    assert mine.take() is mine.take() is None
    assert watcher.others == ["middle"]
    assert not mine.is_empty
