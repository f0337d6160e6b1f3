"""Room: the estimate is that of the arrays, and what cannot fit is refused."""

import jax
import pytest

from allometry.refusal import Refusal
from allometry.studies import room


@pytest.fixture(scope="module")
def known(studies):
    survey = studies.survey_of()
    return survey.facts[0], survey.program(survey.facts[0])


def test_the_estimate_is_twice_the_members(known) -> None:
    facts, program = known
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(program.start()))
    assert room.needed(program) == 2 * held
    assert room.available() > room.needed(program)
    room.check(facts, program)


def test_what_does_not_fit_is_refused_with_the_estimate(known, monkeypatch) -> None:
    monkeypatch.setattr(room, "available", lambda: 1000)
    words = r"width-4 needs at least .* GB for its 2 runs.* Lower agent\.width"
    with pytest.raises(Refusal, match=words):
        room.check(*known)
