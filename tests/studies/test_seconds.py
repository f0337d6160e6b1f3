"""Seconds: iterations are told from chunks, and the parts add up to all seconds."""

import jax
import numpy as np
import pytest

from allometry.agents import training
from allometry.agents.ppo import PPO
from allometry.agents.rollout import rollout
from allometry.agents.samplers import Uniform
from allometry.agents.schedule import Schedule
from allometry.curves.table import SECONDS
from allometry.environments.recall import Recall
from allometry.studies import pieces, seconds
from allometry.studies.seconds import Stretch, apart, iteration

PARTS = ["environment", "act", "learn", "other"]


def test_an_iteration_is_the_slope_of_chunks_over_their_lengths() -> None:
    chunks = [Stretch(n, 0.5 + 0.25 * n) for n in (1, 2, 4, 9)]
    assert iteration(chunks) == pytest.approx(0.25)


def test_measuring_takes_no_negative_time() -> None:
    # A line through these would begin below 0: the best one from 0 is 52 / 20.
    chunks = [Stretch(2, 4.0), Stretch(4, 11.0)]
    assert iteration(chunks) == pytest.approx(52 / 20)


@pytest.mark.parametrize("lengths", [(), (3,), (2, 2, 2)])
def test_chunks_of_one_length_tell_nothing(lengths) -> None:
    assert iteration([Stretch(n, 1.0) for n in lengths]) is None


def test_the_environment_is_what_is_left_of_the_iterations() -> None:
    found = apart(total=12.0, iterating=10.0, act=1.0, learn=3.0)
    assert found == (6.0, 1.0, 3.0, 2.0)


def test_pieces_that_seem_to_take_longer_than_all_leave_nothing() -> None:
    found = apart(total=12.0, iterating=10.0, act=5.0, learn=15.0)
    assert found == (0.0, 2.5, 7.5, 2.0)


def test_a_run_tells_its_seconds_by_part(studies, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(seconds, "WORTH", 0.0)
    monkeypatch.setattr(seconds, "LONG", 0.0)
    calls = []
    timed = seconds.of_pieces

    def of_pieces(program, members):
        calls.append(timed(program, members))
        return calls[-1]

    monkeypatch.setattr(seconds, "of_pieces", of_pieces)
    # Whatever the machine does, chunks are as long as their iterations say.
    monkeypatch.setattr(seconds, "iteration", lambda chunks: 0.001)
    store, _ = studies.train(studies.survey_of(), tmp_path / "s")
    assert len(calls) == 1
    assert min(calls[0]) > 0
    runs = store.runs()
    total = store.curves()["seconds"].max()
    for run in runs.select(SECONDS).rows():
        assert sum(run) == pytest.approx(total)
        assert min(run) >= 0
    assert runs["seconds_other"][0] == pytest.approx(total - 0.001 * 16)
    stored = store.progress("width-4")
    assert list(stored["seconds_by_part"]) == PARTS
    lengths = np.diff(studies.survey_of().facts[0].checkpoints)
    assert [length for length, _ in stored["chunks"]] == lengths.tolist()


def test_what_is_not_worth_its_compiling_is_left_open(trained) -> None:
    """The tiny study takes longer to compile than to train."""
    assert trained.progress("width-4")["seconds_by_part"] is None
    assert trained.runs().select(SECONDS).null_count().row(0) == (2, 2, 2, 2)


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_pieces_make_batches_like_those_of_a_rollout(memory) -> None:
    """The stand-in has the shapes and types of what training learns from."""
    agent = PPO(width=4, depth=0, torso="encoder", memory=memory)
    environment, tasks, schedule = Recall(), Uniform(), Schedule(copies=2, length=3)

    def both(key):
        member = training.begin(agent, environment, tasks, schedule, key)
        seen = pieces.still(schedule, member)
        episodic = environment.spec.episodic
        stand_in = pieces.acted(agent, member, seen, key, episodic=episodic)
        parts = (agent, environment, tasks, member.learner, member.loop, key)
        return stand_in, rollout(*parts, schedule.length)[1]

    stand_in, real = jax.eval_shape(both, jax.random.key(0))
    assert stand_in == real
