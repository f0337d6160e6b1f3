import io

import pytest
from rich.console import Console

from allometry.cli import pace, watch
from allometry.cli.watch import Display
from allometry.studies import executor
from allometry.studies.study import load
from allometry.studies.survey import Survey


@pytest.fixture
def survey(study):
    return Survey(load(str(study), ["grid.agent.width=[4,8]"]))


@pytest.fixture
def store(survey, tmp_path):
    return executor.prepare(survey, tmp_path / "out", "test")


def console_of(text, *, terminal=False):
    return Console(file=text, force_terminal=terminal, width=100, highlight=False)


def finish(store, bundle):
    store.claim(bundle, {}).commit(
        curves=None,
        scores=None,
        checkpoint=None,
        metadata={},
        status={},
        fingerprint="f00d",
        finished=True,
    )


def test_where_there_is_no_terminal_it_says_a_line_at_once_and_at_the_end(
    survey, store
):
    text = io.StringIO()
    one, two = (facts.bundle for facts in survey.facts)
    with Display(survey, store, console_of(text)) as display:
        assert text.getvalue() == "0/4 runs done, compiling, 0 %\n"
        display.started(one, 0)
        display.advanced(one, 512)
        assert text.getvalue().count("\n") == 1
        display.advanced(one, 512)
        second = text.getvalue().splitlines()[1]
        assert "steps/s, about" in second
        display.finished(one, [])
        display.started(two, 0)
        display.advanced(two, 1024)
        display.finished(two, [])
    assert text.getvalue().splitlines()[-1] == "4/4 runs done, 100 %"


def test_what_was_done_before_counts_once(survey, store):
    one, two = survey.facts
    finish(store, one.bundle.name)
    text = io.StringIO()
    with Display(survey, store, console_of(text)) as display:
        assert text.getvalue().startswith("2/4 runs done, compiling")
        display.started(two.bundle, 768)
        display.advanced(two.bundle, 256)
        display.finished(two.bundle, [])
    assert text.getvalue().splitlines()[-1] == "4/4 runs done, 100 %"


def test_what_other_workers_do_counts_when_they_have_finished(survey, store):
    one, two = (facts.bundle for facts in survey.facts)
    text = io.StringIO()
    with Display(survey, store, console_of(text)) as display:
        display.started(one, 0)
        display.advanced(one, 512)
        display.left(one, "Bundle width-4 was taken over.")
        display.waiting(2)
        display.waiting(2)
        display.elsewhere(one)
        display.waiting(1)
        display.started(two, 0)
        display.advanced(two, 1024)
        display.finished(two, [])
        display.elsewhere(two)
    said = text.getvalue().splitlines()
    assert said[1] == "Bundle width-4 was taken over."
    # What the lost one had done is neither taken back nor counted twice.
    assert said[2] == "0/4 runs done, waiting for 2 bundles of other workers, 25 %"
    assert said[3] == "2/4 runs done, waiting for 1 bundle of other workers, 49 %"
    assert said[4].startswith("2/4 runs done, ")
    assert "steps/s" in said[4]
    assert said[5:] == ["4/4 runs done, 100 %"]


def test_lines_come_now_and_then(survey, store, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
    text = io.StringIO()
    bundle = survey.facts[0].bundle
    with Display(survey, store, console_of(text)) as display:
        for _ in range(8):
            clock[0] += pace.QUIET / 2
            display.advanced(bundle, 128)
        lines = text.getvalue().splitlines()
    assert 4 <= len(lines) <= 6


def test_a_diverged_run_and_a_doubt_are_said_as_they_are(survey, store):
    text = io.StringIO()
    with Display(survey, store, console_of(text)) as display:
        display.finished(survey.facts[0].bundle, ["width-4-seed-1"])
        display.warned("A doubt [bold]in brackets[/bold].")
    assert "width-4-seed-1 became non-finite: recorded so" in text.getvalue()
    assert "[bold]in brackets[/bold]" in text.getvalue()


def test_on_a_terminal_it_draws(survey, store):
    text = io.StringIO()
    bundle = survey.facts[0].bundle
    with Display(survey, store, console_of(text, terminal=True)) as display:
        display.advanced(bundle, 512)
        display.advanced(bundle, 512)
        display.finished(bundle, [])
    assert "\x1b[" in text.getvalue()
    assert "2/4 runs done" in text.getvalue()


def test_after_an_error_no_line_pretends_that_all_is_well(survey, store):
    text = io.StringIO()
    with pytest.raises(KeyError), Display(survey, store, console_of(text)):
        raise KeyError
    assert text.getvalue().count("\n") == 1
