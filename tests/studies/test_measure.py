"""Measure: what is chosen, what is refused, and numbers of what was played."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from allometry.curves.table import TASK_SETS
from allometry.environments import registry
from allometry.environments.xland import XLand, preset
from allometry.refusal import Refusal
from allometry.studies.evaluation import references
from allometry.studies.evaluation.play import Episodes
from allometry.studies.evaluation.references import Reference, References
from allometry.studies.evaluation.sets import of_split
from allometry.studies.measure import Exact, Played, measure
from allometry.studies.study import from_mapping

REACH = XLand(preset("reach", trials=3))


def study(checkpoints=4, interactions=100_000, **evaluation):
    content = {
        "name": "small",
        "environment": {"name": "xland", "preset": "reach", "trials": 3},
        "agent": {"name": "ppo", "torso": "encoder"},
        "training": {
            "interactions": interactions,
            "copies": 4,
            "length": 16,
            "checkpoints": checkpoints,
        },
        "evaluation": {"tasks": 3, **evaluation},
        "grid": {},
    }
    return from_mapping(content, "the test")


def test_what_is_known_exactly_is_not_played(studies) -> None:
    digits = registry.make("digits")
    found = measure(studies.survey_of().study, digits)
    assert isinstance(found, Exact)
    assert found.environment is digits


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"checkpoints": 11}, "training.checkpoints is 11: .* at most 10"),
        # 4 checkpoints × 3 tasks × 2 repetitions × 150 steps = 3,600.
        (
            {"interactions": 35_999, "repetitions": 2},
            r"3,600 steps would be played, more than 10% of .* = 35,999\. Lower eval",
        ),
    ],
)
def test_too_much_playing_is_refused(asked, words) -> None:
    with pytest.raises(Refusal, match=words):
        measure(study(**asked), REACH)


def test_the_curve_may_be_of_unseen_worlds() -> None:
    found = measure(study(split="unseen_worlds"), REACH)
    assert isinstance(found, Played)
    assert found.split == "unseen_worlds"
    alike = of_split(REACH, "unseen_worlds", 3).tasks
    same = jax.tree.map(lambda a, b: bool((a == b).all()), found.tasks, alike)
    assert all(jax.tree.leaves(same))


def test_training_on_held_out_tasks_is_refused() -> None:
    with pytest.raises(Refusal, match="Training draws held-out tasks"):
        measure(study(), XLand(preset("reach", trials=3), held_out=True))


def test_rewards_are_read_on_the_scale_of_their_tasks(tmp_path) -> None:
    # Of three tasks that are referenced the checkpoint plays two.
    tested = of_split(REACH, count=3)
    low, high = (0.1, 0.0, 0.3), (0.5, 0.8, 0.9)
    tasks = [
        Reference(task=name, random=random, spread=0.0, best=best, holder="scripted")
        for name, random, best in zip(tested.names, low, high, strict=True)
    ]
    written = References(
        split=tested.split,
        repetitions=1,
        tries=1,
        tasks=tuple(tasks),
        **references._circumstances(tested.environment),
    )
    references.write(tmp_path / references.file_name(tested), written)
    played = Played(tested.environment, Episodes(3, 150), "held_out", jnp.zeros(2), 3)
    rewards = np.array([[[0.1, 0.3, 0.5]], [[0.0, 0.4, 0.2]]])[..., None]
    performance, rows = played.read("run", 7, {"held_out": rewards}, tmp_path)
    # Scores are 0, .5, 1 of the first task and 0, .5, .25 of the second.
    assert performance == pytest.approx((1 + 0.25) / 2)
    means = rows.filter(pl.col("task") == "held_out")
    assert means["score"].to_list() == pytest.approx([0.0, 0.5, 0.625])
    assert means["trial"].to_list() == [0, 1, 2]
    least = rows.filter(pl.col("task") == "held_out lowest decile")
    assert least["score"].to_list() == pytest.approx([0.0, 0.5, 0.25])
    assert set(rows["task"]) == {f"held_out{end}" for end in TASK_SETS}
    assert set(rows["split"]) == {"held_out"}
    assert set(rows["checkpoint"]) == {7}
