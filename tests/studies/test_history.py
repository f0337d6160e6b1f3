"""Commits say who made them, when, and what they have spent."""

import os
import platform
import threading
import time

from allometry.curves.code_version import this_code
from allometry.studies import history, progress
from allometry.studies.fingerprint import fingerprint
from allometry.watching.bundle import bundles


def test_a_study_that_went_on_has_both_attempts_in_its_record(studies, tmp_path):
    survey, stop = studies.survey_of(), threading.Event()

    def on_advance(chunks):
        if chunks == 2:
            stop.set()

    begun = time.time()
    watcher = studies.Watcher(on_advance)
    store, complete = studies.train(survey, tmp_path, watcher=watcher, stop=stop)
    assert not complete
    store, complete = studies.train(survey, tmp_path)
    assert complete
    (name,) = store.bundles
    known = store.progress(name)
    points = survey.facts[0].checkpoints
    every = survey.facts[0].iteration_interactions
    attempts, commits = known["history"]["attempts"], known["history"]["commits"]
    assert [(each["attempt"], each["checkpoint"]) for each in attempts] == [
        (1, 0), (2, 2)
    ]  # fmt: skip
    assert {(each["host"], each["pid"]) for each in attempts} == {
        (platform.node(), os.getpid())
    }
    assert [each["checkpoint"] for each in commits] == list(range(1, len(points) + 1))
    assert [each["interactions"] for each in commits] == [p * every for p in points]
    assert [each["attempt"] for each in commits] == [1, 1] + [2] * (len(points) - 2)
    # Two claims are manifests too.
    assert commits[-1]["version"] == store.manifest(name).version == len(points) + 2
    times = [each["time"] for each in commits]
    assert times == sorted(times)
    assert begun <= attempts[0]["time"] <= times[0] <= times[-1] <= time.time()


def test_the_record_tells_which_code_each_attempt_ran(studies, tmp_path, monkeypatch):
    survey, stop = studies.survey_of(), threading.Event()
    watcher = studies.Watcher(lambda chunks: stop.set())
    studies.train(survey, tmp_path, watcher=watcher, stop=stop)
    codes = [this_code(), this_code() | {"version": "9.9", "commit": None}]
    for module in (history, progress):
        monkeypatch.setattr(module, "this_code", lambda: codes[1])
    store, complete = studies.train(survey, tmp_path)
    assert complete
    known = store.progress("width-4")
    assert [each["code_version"] for each in known["history"]["attempts"]] == codes
    assert known["code_version"] == codes[-1]
    assert store.code_versions(["width-4"])[1].startswith("allometry 9.9")
    # Another version of one source is no other fingerprint, and casts no doubt.
    decides = fingerprint(survey.study, survey.facts[0].bundle)
    assert store.manifest("width-4").fingerprint == decides.text
    assert "code_version" not in known["decided_by"]
    assert known["warnings"] == []


def test_what_a_commit_has_spent_is_what_its_last_row_says(studies, trained):
    (bundle,) = bundles(trained)
    curves = trained.curves()
    last = curves.filter(checkpoint=curves["checkpoint"].max())
    assert bundle.done == bundle.planned == last["interactions"][0]
    assert bundle.flops == last["compute"].sum()
    assert bundle.flops_environment == last["compute_environment"].sum()
    assert bundle.seconds == last["seconds"][0]
    assert 0 < bundle.pace < bundle.seconds / bundle.done
