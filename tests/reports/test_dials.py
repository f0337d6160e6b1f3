"""The section of several dials: which law foretells levels best, or why none does."""

import dataclasses

import pytest

from allometry.reports.dials import sections
from tests.laws.test_plane import ARENAS, COLOURS, GAMES, STATES, found, study


@pytest.fixture(scope="module")
def written():
    one = found(study())
    (section,) = sections([one])
    return one, section


def test_the_law_that_foretells_better_is_named_first(written) -> None:
    one, section = written
    wrong = {law.complexities: law.wrong for law in one.planes}
    apart, whole = wrong["log_states", "log_games"], wrong[("log_log_policies",)]
    assert f"factor of <strong>{apart:.2f}</strong> by the law of states" in (
        section.prose
    )
    assert f"and of {whole:.2f} by that of policies" in section.prose


def test_the_figure_has_every_level_once_for_each_law(written) -> None:
    one, section = written
    marks = [trace for trace in section.drawings[0].figure.data if trace.name]
    assert len(marks) == len(one.planes)
    assert {len(trace.x) for trace in marks} == {len(ARENAS) * len(COLOURS)}


def test_the_table_has_the_exponents(written) -> None:
    _, section = written
    assert f"{STATES:.2f}"[:3] in section.after
    assert f"{GAMES:.2f}"[:3] in section.after


def test_one_dial_has_no_such_section(written) -> None:
    one, _ = written
    assert sections([dataclasses.replace(one, planes=())]) == []


def test_too_few_levels_are_told_with_the_remedy() -> None:
    (section,) = sections([found(study(arenas=(4, 6), colours=(1, 2)))])
    assert section.drawings == ()
    assert "Not identified" in section.prose
    assert "run more levels" in section.prose
