import jax
import numpy as np
import pytest

from allometry.refusal import Refusal
from allometry.studies import checkpoint


def program_of(survey):
    return survey.program(survey.facts[0])


def bits(tree):
    return {name: array.tobytes() for name, array in checkpoint.pack(tree).items()}


@pytest.fixture(scope="module")
def program(studies):
    return program_of(studies.survey_of())


@pytest.fixture(scope="module")
def eight(program):
    """What eight iterations in one chunk lead to."""
    return program.advance(program.start(), 0, 8)


def test_chunks_of_any_length_compile_once_and_train_the_same(program, eight):
    members, at = program.start(), 0
    for length in (1, 2, 5):
        chunk = program.advance(members, at, length)
        members, at = chunk.members, at + length
    assert program.compiled.compilations == 1
    assert bits(members) == bits(eight.members)
    assert bits(chunk.performance) == bits(eight.performance)


def test_members_differ_from_each_other_and_learn(program, eight):
    started, trained = checkpoint.pack(program.start()), checkpoint.pack(eight.members)
    weights = "learner/networks/policy/head/weight"
    assert not np.array_equal(trained[weights][0], trained[weights][1])
    assert not np.array_equal(trained[weights], started[weights])
    assert np.asarray(eight.finite).tolist() == [True, True]
    for score in eight.performance.values():
        assert np.all((np.asarray(score) > 0) & (np.asarray(score) < 1))


def test_shapes_are_those_of_what_start_builds(program):
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), program.shapes())
    built = jax.tree.map(lambda x: (x.shape, x.dtype), program.start())
    assert shapes == built


def test_a_diverged_member_stays_at_its_last_good_state(program, eight):
    started = program.start()
    alone = np.array([False, True])
    chunk = program.advance(started, 0, 8, alone)
    assert np.asarray(chunk.finite).tolist() == [False, True]
    before, after = checkpoint.pack(started), checkpoint.pack(chunk.members)
    unharmed = checkpoint.pack(eight.members)
    for name in before:
        assert after[name][0].tobytes() == before[name][0].tobytes()
        assert after[name][1].tobytes() == unharmed[name][1].tobytes()
    assert program.compiled.compilations == 1


def test_a_checkpoint_holds_all_of_the_state(program, eight):
    again = checkpoint.unpack(program.shapes(), checkpoint.pack(eight.members), "x")
    assert bits(again) == bits(eight.members)
    assert jax.tree.structure(again) == jax.tree.structure(eight.members)


def test_a_checkpoint_of_another_network_is_refused(studies, eight):
    wider = program_of(studies.survey_of(grid={"agent": {"width": [5]}}))
    arrays = checkpoint.pack(eight.members)
    with pytest.raises(Refusal, match=r"bundle w.*another architecture.*--out"):
        checkpoint.unpack(wider.shapes(), arrays, "bundle w")


def test_a_checkpoint_that_lacks_an_array_is_refused(program, eight):
    arrays = checkpoint.pack(eight.members)
    del arrays["learner/networks/policy/head/weight"]
    with pytest.raises(
        Refusal, match=r"it has nothing for learner/networks/policy/head/weight"
    ):
        checkpoint.unpack(program.shapes(), arrays, "bundle w")


def test_bundles_of_one_program_compile_it_once(studies):
    """Those of another width do not; the numbers are those of a program alone."""
    survey = studies.survey_of(grid={"agent": {"width": [4, 6]}, "runs_per_bundle": 1})
    programs = [survey.program(known) for known in survey.facts]
    first, second, other, _ = programs
    assert first.compiled is second.compiled
    assert first.compiled is not other.compiled
    found = [one.advance(one.start(), 0, 2) for one in (first, second)]
    assert first.compiled.compilations == 1
    alone = studies.survey_of(
        grid={"agent": {"width": [4, 6]}, "runs_per_bundle": 1}
    ).program(survey.facts[1])
    assert bits(found[1].members) == bits(alone.advance(alone.start(), 0, 2).members)
    assert bits(found[0].members) != bits(found[1].members)
