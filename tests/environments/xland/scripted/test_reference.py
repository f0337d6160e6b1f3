"""References: the best of some tries, and their file."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import XLand, preset
from allometry.environments.xland.scripted.reference import (
    Reference,
    read,
    reference,
    references,
    write,
)
from allometry.environments.xland.scripted.scripted import play
from allometry.environments.xland.tasks.task import make
from allometry.refusal import Refusal

DIALS = preset("reach")


@pytest.fixture(scope="module")
def found() -> list[Reference]:
    return references(XLand(DIALS), [(2 * n, 2 * n) for n in range(8)], tries=2)


def test_a_reference_is_the_reward_of_a_step_by_player(found: list[Reference]) -> None:
    assert [(each.world, each.game) for each in found] == [
        (2 * n, 2 * n) for n in range(8)
    ]
    assert all(len(each.scores) == 1 for each in found)
    assert all(0.5 < each.score <= 1.0 for each in found)
    assert Reference(0, 0, DIALS, (0.2, 0.6)).score == pytest.approx(0.4)


def test_a_reference_is_the_best_of_its_tries(found: list[Reference]) -> None:
    numbers = jnp.array([2 * n for n in range(8)])
    tasks = jax.jit(jax.vmap(lambda w, g: make(w, g, DIALS)))(numbers, numbers)
    tries = [
        play(XLand(DIALS), tasks, seed=n, attempt=n).rewards.mean((1, 2), dtype=float)
        for n in range(2)
    ]
    assert not np.array_equal(*tries)
    assert [each.score for each in found] == pytest.approx(np.max(tries, 0))


def test_the_same_task_has_the_same_reference(found: list[Reference]) -> None:
    again = references(
        XLand(DIALS), [(each.world, each.game) for each in found], tries=2
    )
    assert again == found


def test_one_task_can_be_asked_for_alone() -> None:
    alone = reference(XLand(DIALS), 4, 4, tries=1)
    assert (alone.world, alone.game, alone.dials) == (4, 4, DIALS)
    assert 0.5 < alone.score <= 1.0


def test_references_come_back_from_their_file(
    found: list[Reference], tmp_path: Path
) -> None:
    path = tmp_path / "references.jsonl"
    write(path, found)
    assert read(path) == found
    first = json.loads(path.read_text().split("\n")[0])
    assert set(first) == {"world", "game", "dials", "scores", "novelty"}
    assert first["dials"]["arena"] == DIALS.arena


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"world": 1}', '{"world": 1, "game": 1, "dials": {"arena": 1}}'],
)
def test_a_line_that_is_no_reference_is_refused_by_its_number(
    line: str, found: list[Reference], tmp_path: Path
) -> None:
    path = tmp_path / "references.jsonl"
    write(path, found[:1])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(
        Refusal, match=r"references.jsonl, line 2: this is no reference"
    ):
        read(path)


def test_a_reference_of_nothing_is_refused() -> None:
    with pytest.raises(Refusal, match="at least one of each"):
        references(XLand(DIALS), [])
    with pytest.raises(Refusal, match="at least one of each"):
        reference(XLand(DIALS), 2, 2, tries=0)


def test_references_of_a_split_are_of_its_tasks(tmp_path: Path) -> None:
    shifted = XLand(DIALS).shifted("unseen_colour")
    (found,) = references(shifted, [(7, 9)], tries=1)
    assert found.novelty == shifted.novelty
    task = make(jnp.int32(7), jnp.int32(9), shifted.dials, shifted.novelty)
    rewards = play(shifted, jax.tree.map(lambda field: field[None], task)).rewards
    assert found.score == pytest.approx(float(rewards.mean()))
    write(tmp_path / "a.jsonl", [found])
    assert read(tmp_path / "a.jsonl") == [found]


def test_numbers_and_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no world or game -1: they are numbered from 0"):
        reference(XLand(DIALS), -1, 0)
    with pytest.raises(Refusal, match=r"none\.jsonl cannot be read \(.*No such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(Refusal, match=r"a\.jsonl cannot be written \(No such file"):
        write(tmp_path / "none" / "a.jsonl", [])
