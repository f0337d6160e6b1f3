import concurrent.futures
import shutil
import threading

import numpy as np
import polars as pl
import pytest

from allometry.curves import durable
from allometry.curves import store as stores
from allometry.curves.lease import leased
from allometry.refusal import Refusal
from allometry.studies import executor, runner
from allometry.studies.budget import Budget
from allometry.studies.fingerprint import Fingerprint


def same_record(studies, store, other):
    one, two = studies.deterministic(store), studies.deterministic(other)
    return {name: studies.same_bits(one[name], two[name]) for name in one}


ALL_SAME = {"runs": True, "curves": True, "scores": True}


def test_a_finished_study_has_one_complete_record_per_run(studies, trained):
    facts = studies.survey_of().facts[0]
    runs = trained.runs()
    assert runs["run"].to_list() == ["width-4-seed-0", "width-4-seed-1"]
    assert runs["status"].to_list() == ["done", "done"]
    assert runs["attempts"].to_list() == [1, 1]
    points = np.array(facts.checkpoints)
    for run in runs["run"]:
        curve = trained.curves().filter(run=run)
        assert curve["checkpoint"].to_list() == list(range(len(points)))
        assert curve["interactions"].to_list() == (64 * points).tolist()
        assert curve["updates"].to_list() == (4 * points).tolist()
        np.testing.assert_array_equal(
            curve["compute"], curve["compute_act"] + curve["compute_learn"]
        )
        assert curve["compute"][-1] * 2 == facts.flops
        assert curve["seconds"].is_sorted()
        assert 0 < curve["performance"].min() <= curve["performance"].max() < 1
    scores = trained.scores()
    assert set(scores["split"]) == {"train", "held_out"}
    on_training = scores.filter(split="train").join(
        trained.curves(), on=["run", "checkpoint"]
    )
    assert on_training["score"].equals(on_training["performance"])


def test_the_same_command_again_trains_nothing(studies, trained):
    watcher = studies.Watcher()
    store, complete = studies.train(studies.survey_of(), trained.path, watcher=watcher)
    assert complete
    assert watcher.begun == watcher.advances == []
    assert store.runs()["attempts"].to_list() == [1, 1]
    assert executor.is_finished(studies.survey_of(), store)


def test_a_study_that_is_stopped_again_and_again_ends_with_the_same_columns(
    studies, trained, tmp_path
):
    complete, attempts = False, 0
    while not complete:
        stop = threading.Event()
        watcher = studies.Watcher(
            on_advance=lambda chunks, stop=stop: chunks == 2 and stop.set()
        )
        store, complete = studies.train(
            studies.survey_of(), tmp_path / "s", watcher=watcher, stop=stop
        )
        attempts += 1
        assert len(watcher.advances) == 2
    assert attempts == len(studies.survey_of().facts[0].checkpoints) / 2
    assert store.runs()["attempts"].to_list() == [attempts] * 2
    assert same_record(studies, store, trained) == ALL_SAME


def test_what_was_trained_since_the_last_commit_is_trained_again(
    studies, trained, tmp_path
):
    """A crash between commits: the rows after the last one do not exist."""

    class Crash(Exception):
        pass

    def crash(chunks):
        if chunks == 3:
            raise Crash

    watcher = studies.Watcher(on_advance=crash)
    path, survey = tmp_path / "s", studies.survey_of()
    with pytest.raises(Crash):
        studies.train(survey, path, watcher=watcher, commit_every=1e9)
    store = executor.prepare(survey, path, "test")
    assert store.curves().is_empty()
    watcher = studies.Watcher()
    store, complete = studies.train(survey, path, watcher=watcher)
    assert complete
    assert watcher.begun == [("width-4", 0)]
    assert watcher.warnings == []
    assert same_record(studies, store, trained) == ALL_SAME


def test_another_study_at_the_same_place_is_refused_by_its_keys(studies, trained):
    before = trained.runs()
    changed = studies.survey_of(
        training={"length": 32}, grid={"seeds": 3}, title="Another"
    )
    words = r"grid.seeds was 2 and is now 3; training.length was 16 and is now 32\. Use"
    with pytest.raises(Refusal, match=words):
        executor.prepare(changed, trained.path, "test")
    assert trained.runs().equals(before)


def test_another_law_is_asked_of_the_same_runs(studies, trained, tmp_path):
    """Nothing of it trains: the record takes it, and no run is trained again."""
    path = shutil.copytree(trained.path, tmp_path / "s")
    asked = studies.survey_of(law={"form": "none"}, title="Another")
    store = executor.prepare(asked, path, "another command")
    assert executor.is_finished(asked, store)
    for seen in (store, stores.open_store(path)):
        assert seen.study["title"] == "Another"
        assert seen.study["law"]["form"] == "none"
        assert seen.study["command"] == "another command"
        assert seen.runs().equals(trained.runs())
        assert seen.table().equals(trained.table())


def test_another_command_for_the_same_study_goes_on(studies, trained):
    store = executor.prepare(studies.survey_of(), trained.path, "another command")
    assert store.study["command"] == "test"


@pytest.mark.parametrize("point", ["opened", "linked"])
def test_two_that_make_the_store_at_the_same_time_share_it(
    studies, tmp_path, monkeypatch, point
):
    """One begins to make it, and at some point another makes all of it."""
    survey, path = studies.survey_of(), tmp_path / "s"

    def overtake(name):
        if name == point:
            monkeypatch.setattr(durable, "reached", lambda name: None)
            made.append(executor.prepare(survey, path, "fast"))

    made = []
    monkeypatch.setattr(durable, "reached", overtake)
    made.append(executor.prepare(survey, path, "slow"))
    fast, slow = made
    assert fast.study == slow.study
    assert slow.study["command"] == "fast"
    assert fast.plan.equals(slow.plan)
    assert not list(path.glob("tmp-*"))


def test_a_diverging_run_is_recorded_and_harms_no_other(studies, tmp_path):
    def study(rate):
        axes = {"width": [4], "learning_rate": [3e-3, rate]}
        return studies.survey_of(grid={"seeds": 1, "agent": axes})

    watcher = studies.Watcher()
    store, _ = studies.train(study(1e30), tmp_path / "diverging", watcher=watcher)
    calm, _ = studies.train(study(1e-3), tmp_path / "calm")
    lost, kept = (
        "width-4-learning_rate-1e30-seed-0",
        "width-4-learning_rate-0.003-seed-0",
    )
    assert watcher.diverged == [lost]
    status = dict(store.runs().select("run", "status").iter_rows())
    assert status == {lost: "nonfinite", kept: "done"}
    for table in ("curves", "scores"):
        one = studies.deterministic(store)[table].filter(run=kept)
        other = studies.deterministic(calm)[table].filter(run=kept)
        assert one.height
        assert studies.same_bits(one, other)
    curve = store.curves().filter(run=lost)
    assert curve.height == store.curves().filter(run=kept).height
    assert curve["performance"].null_count() == curve.height
    assert store.scores().filter(run=lost).is_empty()
    state = store.claim("width-4", {}).checkpoint()
    for name, array in state.items():
        assert np.isfinite(array).all(), name


def test_a_divergence_is_remembered_by_the_attempts_that_follow(studies, tmp_path):
    axes = {"width": [4], "learning_rate": [3e-3, 1e30]}
    survey = studies.survey_of(grid={"seeds": 1, "agent": axes})
    stop = threading.Event()
    studies.train(
        survey,
        tmp_path / "s",
        watcher=studies.Watcher(on_advance=lambda chunks: stop.set()),
        stop=stop,
    )
    store, complete = studies.train(survey, tmp_path / "s")
    whole, _ = studies.train(survey, tmp_path / "whole")
    assert complete
    assert same_record(studies, store, whole) == ALL_SAME
    assert store.runs()["status"].to_list().count("nonfinite") == 1


def test_a_change_of_what_decides_the_numbers_is_told_and_kept(
    studies, tmp_path, monkeypatch
):
    survey, stop = studies.survey_of(), threading.Event()
    studies.train(
        survey,
        tmp_path / "s",
        watcher=studies.Watcher(on_advance=lambda chunks: stop.set()),
        stop=stop,
    )
    real = runner.fingerprint

    def newer(study, bundle):
        return Fingerprint(real(study, bundle).decided_by | {"code": "another"})

    monkeypatch.setattr(runner, "fingerprint", newer)
    watcher = studies.Watcher()
    store, _ = studies.train(survey, tmp_path / "s", watcher=watcher)
    (said,) = watcher.warnings
    assert "width-4 goes on from checkpoint 1 under another fingerprint (code" in said
    assert store.progress("width-4")["warnings"] == [said]
    assert (
        store.runs()["fingerprint"][0]
        == newer(survey.study, survey.facts[0].bundle).text
    )


def test_damage_that_was_passed_over_is_told(studies, trained, tmp_path):
    survey, stop = studies.survey_of(), threading.Event()
    watcher = studies.Watcher(on_advance=lambda chunks: chunks == 3 and stop.set())
    store, _ = studies.train(survey, tmp_path / "s", watcher=watcher, stop=stop)
    newest = store.manifest("width-4").checkpoint.name
    path = store.path / "bundles" / "width-4" / newest
    path.write_bytes(path.read_bytes()[:-1])
    watcher = studies.Watcher()
    store, complete = studies.train(survey, tmp_path / "s", watcher=watcher)
    assert complete
    (said,) = watcher.warnings
    assert newest in said
    assert same_record(studies, store, trained) == ALL_SAME


def test_an_error_in_one_bundle_stops_the_others_with_their_record_kept(
    studies, tmp_path, monkeypatch
):
    both = studies.survey_of(
        grid={"runs_per_bundle": 1},
        training={"interactions": 64 * 60, "checkpoints": 60, "first_checkpoint": 64},
    )
    train = runner.train
    running = threading.Event()

    def fail_second(facts, job, lease):
        if facts.bundle.name == "width-4":
            return train(facts, job, lease)
        assert running.wait(120)
        raise Refusal("the disk is full.")

    monkeypatch.setattr(runner, "train", fail_second)
    watcher = studies.Watcher(on_advance=lambda chunks: running.set())
    with pytest.raises(Refusal, match="the disk is full"):
        studies.train(both, tmp_path / "s", watcher=watcher, workers=2)
    store = executor.prepare(both, tmp_path / "s", "test")
    rows = store.curves().group_by("run").agg(pl.len())
    assert rows["run"].to_list() == ["width-4-seed-0"]
    assert rows["len"][0] == len(watcher.advances) < 60
    monkeypatch.setattr(runner, "train", train)
    store, complete = studies.train(both, tmp_path / "s", commit_every=1e9)
    assert complete
    assert (
        store.curves().group_by("run").agg(pl.len())["len"].to_list()
        == [len(both.facts[0].checkpoints)] * 2
    )


APART = {"runs_per_bundle": 1}


def test_two_workers_in_one_store_share_the_bundles(studies, tmp_path):
    survey = studies.survey_of(grid=APART)
    both_work = threading.Barrier(2)
    watchers = [
        studies.Watcher(
            on_advance=lambda chunks: both_work.wait(240) if chunks == 1 else None
        )
        for _ in range(2)
    ]
    store = executor.prepare(survey, tmp_path / "s", "test")

    def work(watcher):
        again = executor.prepare(studies.survey_of(grid=APART), store.path, "test")
        stop = threading.Event()
        return executor.run(survey, again, watcher, stop=stop, workers=1, lease=30.0)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(work, watchers))
    assert all(outcome.complete for outcome in outcomes)
    assert any(outcome.last for outcome in outcomes)
    ended = [watcher.ended for watcher in watchers]
    assert all(ended)
    assert sorted(ended[0] + ended[1]) == sorted(store.bundles)
    assert store.runs()["attempts"].to_list() == [1] * 2
    alone, complete = studies.train(survey, tmp_path / "alone")
    assert complete
    assert same_record(studies, store, alone) == ALL_SAME


def test_a_bundle_that_is_taken_over_is_left_and_loses_nothing(
    studies, trained, tmp_path
):
    """The other worker is lost in turn, and this one goes on from the record."""
    path = tmp_path / "s"

    def take_over(chunks):
        if chunks == 3:
            stores.open_store(path).claim("width-4", {"pid": 1, "host": "elsewhere"})

    watcher = studies.Watcher(on_advance=take_over)
    store, complete = studies.train(
        studies.survey_of(), path, watcher=watcher, lease=0.4
    )
    assert complete
    (said,) = watcher.lost
    assert said.startswith("Bundle width-4 in ")
    assert "taken over by process 1 on elsewhere" in said
    assert watcher.waits[:1] == [1]
    # The third chunk was not committed: its work was done again.
    assert watcher.begun[1][1] == watcher.begun[0][1] + sum(
        interactions for _, interactions in watcher.advances[:2]
    )
    assert store.runs()["attempts"].to_list() == [3, 3]
    assert same_record(studies, store, trained) == ALL_SAME


def test_without_waiting_what_others_hold_is_left_to_them(studies, tmp_path):
    survey, watcher = studies.survey_of(), studies.Watcher()
    store = executor.prepare(survey, tmp_path / "s", "test")
    with leased(store.claim("width-4", {}), 60.0):
        stop = threading.Event()
        outcome = executor.run(survey, store, watcher, stop=stop, wait=False)
        assert outcome == (False, False, 1)
    assert watcher.begun == watcher.waits == []


def test_a_budget_stops_at_the_checkpoint_at_which_it_is_used_up(
    studies, trained, tmp_path
):
    survey, watcher, path = studies.survey_of(), studies.Watcher(), tmp_path / "s"
    (facts,) = survey.facts
    part = facts.checkpoints[2] / facts.checkpoints[-1]
    allowed = Budget("some", flops=0.999 * part * facts.flops)
    store, complete = studies.train(
        survey, path, watcher=watcher, budget=allowed, commit_every=1e9
    )
    assert (complete, len(watcher.advances)) == (False, 3)
    assert allowed.used_up
    assert store.runs()["status"].to_list() == ["preempted"] * 2
    assert store.curves()["checkpoint"].to_list() == [0, 1, 2] * 2
    store, complete = studies.train(survey, path)
    assert complete
    assert same_record(studies, store, trained) == ALL_SAME
