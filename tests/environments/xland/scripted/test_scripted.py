"""Scripted players: plans from chains, and goals that are reached in the simulator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments.xland import XLand, preset
from allometry.environments.xland.relation import NEAR
from allometry.environments.xland.scripted.scripted import plan, play
from allometry.refusal import Refusal
from tests.environments.xland.scripted.arena import DIALS, XLAND, room, task

CUBE = ("P", 2, 2), ("A", 7, 6), ("Q", 8, 3)


def drawn(*marks: tuple[str, int, int]) -> str:
    return room(*CUBE, *marks).replace("#Q#", "###", 1)


def together(*tasks):
    """Lay tasks of one shape along a leading axis."""
    return jax.tree.map(lambda *fields: jnp.stack(fields), *tasks)


@pytest.mark.parametrize(
    ("goal", "first", "second"),
    [
        ("player 1 holds black cube", ["take black cube"], []),
        ("player 1 sees black cube", ["look at black cube"], []),
        ("player 1 is near black cube", ["go to black cube"], []),
        ("player 1 touches black cube", ["touch black cube"], []),
        ("not player 1 is near black cube", [], []),
        ("player 1 is on grey floor", ["go to (2, 2)"], []),
        # The second player is nearer to the cube.
        (
            "black cube touches purple sphere",
            [],
            ["bring black cube to purple sphere"],
        ),
        (
            "player 1 holds black cube and black cube is near yellow pyramid",
            ["take black cube"],
            ["bring black cube to yellow pyramid"],
        ),
    ],
)
def test_every_kind_of_goal_has_its_line(
    goal: str, first: list[str], second: list[str]
) -> None:
    written = task(drawn(("F", 4, 4), ("C", 5, 8)), [goal])
    assert plan(written, DIALS) == [first, second]


def test_a_plan_is_the_chain_and_then_the_goal_and_each_line_its_players() -> None:
    rules = [
        "player 2 holds black cube -> yellow cube",
        "yellow cube touches yellow pyramid -> purple sphere",
    ]
    written = task(drawn(("C", 5, 8)), ["player 1 holds purple sphere"], rules)
    assert plan(written, DIALS) == [
        ["bring yellow cube to yellow pyramid", "take purple sphere"],
        ["take black cube"],
    ]


def test_what_must_not_hold_is_ended() -> None:
    goal = "not player 1 is near black cube"
    written = task(room(("P", 2, 2), ("A", 3, 2)), [goal])
    (line,), _ = plan(written, DIALS)
    assert line.startswith("go to (")
    goal = "not black cube is near yellow pyramid"
    written = task(room(("P", 2, 2), ("A", 6, 6), ("C", 7, 6)), [goal])
    (line,), _ = plan(written, DIALS)
    moved, place = line.split(" to ")
    assert moved == "bring black cube"
    x, y = (int(part) for part in place.strip("()").split(", "))
    assert np.hypot(x + 0.5 - 7.5, y + 0.5 - 6.5) > NEAR


@pytest.fixture(scope="module")
def handmade() -> tuple[list[str], np.ndarray]:
    """Play a batch of tasks made by hand, one of each kind."""
    goals = [
        "player 1 holds black cube",
        "player 1 sees black cube and player 2 holds black cube",
        "black cube touches purple sphere",
        "not player 1 is near yellow pyramid",
        "player 2 holds purple sphere",
        "black cube is near yellow pyramid and player 1 holds black cube",
        "player 1 touches purple sphere",
        "purple sphere has a clear line to black cube",
    ]
    rules = ["player 1 holds black cube -> purple sphere"]
    maps = [drawn(("F", 4, 4), ("C", 3, 2))] * 4
    maps += [drawn()] + [drawn(("F", 4, 4), ("C", 5, 8))] * 3
    tasks = [
        task(text, [goal], rules if number == 4 else ())
        for number, (text, goal) in enumerate(zip(maps, goals, strict=True))
    ]
    return goals, play(XLAND, together(*tasks)).rewards


@pytest.mark.parametrize("number", range(8))
def test_goals_made_by_hand_are_reached_and_kept(handmade, number: int) -> None:
    goals, rewards = handmade
    assert rewards.shape == (8, DIALS.steps, 2)
    assert rewards[number].any(0).all(), goals[number]
    assert rewards[number, -5:].all(), goals[number]


def test_scripts_need_factored_actions() -> None:
    environment = XLand(preset("default", actions="discrete"))
    with pytest.raises(Refusal, match="factored"):
        play(environment, together(task(drawn())))


@pytest.fixture(scope="module")
def default() -> tuple[XLand, object]:
    environment = XLand(preset("default"))
    sample = jax.jit(jax.vmap(environment.sample_task))
    return environment, sample(jax.random.split(jax.random.key(1), 300))


def part(tasks, first: int, last: int):
    return jax.tree.map(lambda field: field[first:last], tasks)


@pytest.mark.slow
def test_nine_of_ten_of_300_sampled_tasks_are_solved_within_a_trial(default) -> None:
    environment, tasks = default
    reached = [
        play(environment, part(tasks, first, first + 60)).rewards.any((1, 2))
        for first in range(0, 300, 60)
    ]
    assert np.concatenate(reached).mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reach", "small", "trials", "large", "two"])
def test_nine_of_ten_tasks_of_every_preset_are_solved(name: str) -> None:
    environment = XLand(preset(name))
    sample = jax.jit(jax.vmap(environment.sample_task))
    tasks = sample(jax.random.split(jax.random.key(1), 24))
    rewards = play(environment, tasks).rewards
    assert rewards.any((1, 2)).mean() >= 0.9
    # Every trial begins anew, and is played like the first.
    trials = np.split(rewards, environment.dials.trials, 1)
    assert min(trial.any((1, 2)).mean() for trial in trials) >= 0.9
