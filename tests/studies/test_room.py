"""Room: the estimate is that of the arrays, and what cannot fit is refused."""

import jax
import pytest

from allometry.refusal import Refusal
from allometry.studies import room
from allometry.studies.room import Needed

#: The tiny study: 2 runs of 4 copies of 16 steps, in 4 minibatches, of 64 pixels.
ROWS, MINIBATCHES, PIXELS, CLASSES = 2 * 4 * 16, 4, 64, 10


@pytest.fixture(scope="module")
def known(studies):
    survey = studies.survey_of()
    return survey.facts[0], survey.program(survey.facts[0])


def test_states_are_twice_the_members(known) -> None:
    _, program = known
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(program.start()))
    assert room.needed(program).states == 2 * held


def test_a_batch_is_what_its_rows_hold(known) -> None:
    """Bytes per row, counted by hand from what is stored of a step."""
    _, program = known
    found = room.needed(program)
    outputs = 4 * CLASSES
    # An action, its log-probability and the outputs that it was drawn from; a reward.
    acted = 4 + 4 + outputs + 4
    # Pixels, the previous action and its reward, five flags.
    seen = 4 * PIXELS + 4 + 4 + 5
    # Both flags of the end once more; after the last row 8 copies are seen again.
    assert found.batch == ROWS * (seen + acted + 2) + 8 * seen
    # Pixels, a flag, action, log-probability, outputs, advantage and target.
    row = 4 * PIXELS + 1 + 4 + 4 + outputs + 4 + 4
    assert found.minibatch == ROWS // MINIBATCHES * row


def test_a_population_takes_the_room_of_its_members(studies, known) -> None:
    survey = studies.survey_of(population={"size": 3})
    found, alone = room.needed(survey.program(survey.facts[0])), room.needed(known[1])
    assert found.batch == 3 * alone.batch
    assert found.minibatch == 3 * alone.minibatch
    # A lineage and a fitness come with it.
    assert 3 * alone.states < found.states < 3.5 * alone.states


def test_what_there_is_room_for_is_let_through(known) -> None:
    assert room.available() > room.needed(known[1]).total
    room.check(*known)


def test_what_does_not_fit_is_refused_with_the_estimate(known, monkeypatch) -> None:
    taken = Needed(states=8_000_000_000, batch=3_000_000_000, minibatch=500_000_000)
    monkeypatch.setattr(room, "needed", lambda program: taken)
    monkeypatch.setattr(room, "available", lambda: 11_500_000_000)
    room.check(*known)
    monkeypatch.setattr(room, "available", lambda: 11_499_999_999)
    words = (
        r"width-4 needs at least 11\.5 GB for its 2 runs of .* parameters, .*"
        r"states take 8\.0 GB, a batch 3\.0 GB, a minibatch 0\.5 GB\. "
        r"Lower agent\.width"
    )
    with pytest.raises(Refusal, match=words):
        room.check(*known)
