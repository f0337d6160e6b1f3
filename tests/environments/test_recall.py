"""Recall: what is shown when, what is earned, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.contract import check
from allometry.environments.recall import Recall
from allometry.environments.registry import make
from allometry.refusal import Refusal

KEY = jax.random.key(0)


def play(environment: Recall, cue: int, answer: int) -> list:
    """Act 0 until asked, then answer; give the time steps to the end."""
    state, shown = environment.reset(KEY, jnp.int32(cue))
    steps = [shown]
    while not steps[-1].terminated:
        asked = steps[-1].observation[0, -1] == 1
        action = jnp.array([answer if asked else 0])
        state, shown = environment.step(KEY, state, action)
        steps.append(shown)
    return steps


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_shows_the_cue_then_nothing_then_asks(delay: int) -> None:
    steps = play(Recall(cues=3, delay=delay), cue=1, answer=1)
    nothing = [[0, 0, 0, 0]]
    shown = [step.observation[0].tolist() for step in steps]
    assert shown == [[0, 1, 0, 0], *delay * nothing, [0, 0, 0, 1], *nothing]
    ends = [bool(step.terminated) for step in steps]
    assert ends == [False] * (delay + 2) + [True]
    assert not any(step.truncated for step in steps)


@pytest.mark.parametrize("answer", range(3))
def test_only_the_cue_is_the_right_answer(answer: int) -> None:
    for cue in range(3):
        rewards = [float(step.reward[0]) for step in play(Recall(3, 1), cue, answer)]
        assert rewards == [0, 0, 0, float(answer == cue)]


def test_what_is_done_before_the_question_earns_nothing() -> None:
    # Acting 0 throughout gets the cue 0 right when asked, and no sooner.
    rewards = [float(step.reward[0]) for step in play(Recall(2, 4), cue=0, answer=0)]
    assert rewards == [0] * 6 + [1]


def test_cues_are_equally_likely() -> None:
    environment = Recall(cues=4)
    keys = jax.random.split(KEY, 4000)
    counts = np.bincount(jax.vmap(environment.sample_task)(keys), minlength=4)
    # Four standard errors of a binomial count.
    np.testing.assert_allclose(counts, 1000, atol=4 * np.sqrt(4000 * 3 / 16))


@pytest.mark.parametrize(("cues", "delay"), [(2, 0), (7, 9)])
def test_keeps_the_contract(cues: int, delay: int) -> None:
    check(Recall(cues, delay))


def test_is_made_with_its_options() -> None:
    assert make("recall") == Recall()
    assert make("recall", cues=5, delay=20) == Recall(5, 20)
    with pytest.raises(Refusal, match=r'no option "cue"\. Its options: cues, delay'):
        make("recall", cue=3)


@pytest.mark.parametrize(("cues", "delay"), [(1, 3), (4, -1)])
def test_refuses_what_is_no_question(cues: int, delay: int) -> None:
    with pytest.raises(Refusal, match="at least 2 cues, and a delay of at least 0"):
        make("recall", cues=cues, delay=delay)
