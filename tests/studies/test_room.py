"""Room: the estimate is that of the arrays, and what cannot fit is refused."""

import threading
import time

import jax
import pytest

from allometry.refusal import Refusal
from allometry.studies import room, runner
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
    room.check(known[0], room.needed(known[1]))


def test_what_does_not_fit_is_refused_with_the_estimate(known, monkeypatch) -> None:
    taken = Needed(states=8_000_000_000, batch=3_000_000_000, minibatch=500_000_000)
    monkeypatch.setattr(room, "available", lambda: 11_500_000_000)
    room.check(known[0], taken)
    monkeypatch.setattr(room, "available", lambda: 11_499_999_999)
    words = (
        r"width-4 needs at least 11\.5 GB for its 2 runs of .* parameters, .*"
        r"states take 8\.0 GB, a batch 3\.0 GB, a minibatch 0\.5 GB\. "
        r"Lower agent\.width"
    )
    with pytest.raises(Refusal, match=words):
        room.check(known[0], taken)


def test_what_trains_at_once_is_counted_together(monkeypatch) -> None:
    monkeypatch.setattr(room, "available", lambda: 60)
    one, other = Needed(10, 10, 10), Needed(10, 10, 11)
    assert room.fits([one, one])
    assert not room.fits([one, other])
    assert room.fits([])


@pytest.mark.parametrize("together", [False, True])
def test_bundles_train_side_by_side_only_where_there_is_room(
    studies, tmp_path, monkeypatch, together
) -> None:
    """Two workers, two bundles of 51 bytes, and 101 bytes or 102."""
    monkeypatch.setattr(room, "needed", lambda program: Needed(51, 0, 0))
    monkeypatch.setattr(room, "available", lambda: 101 + together)
    running, most, both = [], [], threading.Barrier(2)

    def train(facts, job, lease):
        running.append(facts.bundle.name)
        if together:
            both.wait(60)
        time.sleep(0.2)
        most.append(len(running))
        running.remove(facts.bundle.name)
        return True

    monkeypatch.setattr(runner, "train", train)
    survey = studies.survey_of(grid={"runs_per_bundle": 1})
    studies.train(survey, tmp_path / "s", workers=2, lease=1.0)
    assert len(most) == 2
    assert max(most) == 1 + together
