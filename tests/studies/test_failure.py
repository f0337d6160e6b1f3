"""An error ends a bundle's training, is told, and is gone once somebody goes on."""

import pytest

from allometry.curves.store import open_store
from allometry.watching.bundle import bundles


def test_an_error_is_on_record_until_the_bundle_goes_on(studies, tmp_path, trained):
    survey = studies.survey_of()

    def on_advance(chunks):
        if chunks == 3:
            raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing"):
        studies.train(survey, tmp_path, watcher=studies.Watcher(on_advance))
    store = open_store(tmp_path)
    (bundle,) = bundles(store)
    assert bundle.failure == "KeyError: 'no such thing'"
    assert set(bundle.runs.values()) == {"failed"}
    assert not bundle.finished
    # The third chunk was lost; what was committed before it stays.
    assert store.curves()["checkpoint"].max() == 1
    store, complete = studies.train(survey, tmp_path)
    assert complete
    assert "failure" not in store.progress(store.bundles[0])
    assert store.runs()["status"].to_list() == ["done", "done"]
    clean, found = studies.deterministic(trained), studies.deterministic(store)
    assert all(studies.same_bits(found[name], clean[name]) for name in clean)


def test_a_bundle_that_fails_before_its_first_commit_says_so_too(studies, tmp_path):
    def on_advance(chunks):
        raise RuntimeError("x" * 5000)

    with pytest.raises(RuntimeError):
        studies.train(
            studies.survey_of(), tmp_path, watcher=studies.Watcher(on_advance)
        )
    (bundle,) = bundles(open_store(tmp_path))
    assert bundle.failure == ("RuntimeError: " + "x" * 5000)[:1000]
    assert (bundle.done, bundle.attempts) == (0, 1)
