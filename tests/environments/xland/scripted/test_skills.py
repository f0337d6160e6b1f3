"""Skills: what lines mean, and that players do in the simulator what they say."""

import numpy as np
import pytest

from allometry.environments.xland import XLand
from allometry.environments.xland.scripted import skills
from allometry.environments.xland.scripted.replay import replay
from allometry.environments.xland.scripted.skills import (
    NOTHING,
    Place,
    Skill,
    Thing,
    parse,
)
from allometry.refusal import Refusal
from tests.environments.xland.scripted.arena import (
    DIALS,
    XLAND,
    holds,
    perform,
    room,
    where,
)

CUBE = ("P", 2, 2), ("A", 7, 6)
#: A wall of 1 m that nobody climbs, and a way round at the top.
FENCE = """
###########
#.........#
#...1.....#
#...1.....#
#...1.....#
#.P.1.A.X.#
#...1.....#
#...1.....#
#...1...###
#...1...#Q#
###########
"""
HILL = """
###########
#.....#..Q#
#.....#####
#..111111.#
#..111111.#
#P.111111.#
#..111111.#
#..111111.#
#.....^...#
#.........#
###########
"""


def middle(x: int, y: int) -> tuple[float, float]:
    return x + 0.5, y + 0.5


def away(played, name: str, place: tuple[float, float], step: int = -1) -> float:
    return min(
        (float(np.hypot(x - place[0], y - place[1]))
         for x, y in where(played, name, step)),
        default=np.inf,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "skill"),
    [
        ("go to (3, 4)", Skill("", "go", to=Place(cell=(3, 4)))),
        ("go to @A", Skill("", "go", to=Place(mark="A"))),
        ("go to player 2", Skill("", "go", to=Thing("player 2"))),
        ("touch black cube", Skill("", "touch", Thing("black cube"))),
        ("take green slab", Skill("", "take", Thing("green slab"))),
        ("drop", Skill("", "drop")),
        (
            "bring black cube to yellow pyramid",
            Skill("", "bring", Thing("black cube"), to=Thing("yellow pyramid")),
        ),
        (
            "push black cube to (1, 1)",
            Skill("", "push", Thing("black cube"), to=Place(cell=(1, 1))),
        ),
        (
            "push black cube with purple cube to @b",
            Skill(
                "", "push", Thing("black cube"), Thing("purple cube"), Place(mark="b")
            ),
        ),
        ("throw held at @x", Skill("", "throw", Thing("held"), to=Place(mark="x"))),
        ("look at player 1", Skill("", "look", to=Thing("player 1"))),
        ("look away", Skill("", "look away")),
        ("wait 12", Skill("", "wait", steps=12)),
        ("wait for black cube", Skill("", "wait for", Thing("black cube"))),
        ("wait for no black cube", Skill("", "wait for none", Thing("black cube"))),
        (
            "wait for player 2 at @T",
            Skill("", "wait at", Thing("player 2"), to=Place(mark="T")),
        ),
        ("tag player 2", Skill("", "tag", Thing("player 2"))),
        ("free player 2", Skill("", "free", Thing("player 2"))),
        ("  stay ", Skill("", "stay")),
    ],
)
def test_every_line_of_the_vocabulary_is_read(line: str, skill: Skill) -> None:
    read = parse(line)
    assert read.line == " ".join(line.split())
    assert (read.verb, read.thing, read.tool, read.to, read.steps) == (
        skill.verb, skill.thing, skill.tool, skill.to, skill.steps,
    )  # fmt: skip


def test_what_a_line_does_not_name_is_nothing() -> None:
    assert parse("drop").thing == NOTHING
    assert [skills.name(t) for t in (Thing("black cube"), Place(mark="A"))] == [
        "black cube",
        "@A",
    ]
    assert skills.name(Place(cell=(3, 4))) == "(3, 4)"


@pytest.mark.parametrize(
    "line", ["", "jump", "take", "take me", "take white cube", "go to (a, b)", "wait"]
)
def test_a_line_that_says_nothing_is_refused_with_what_is_allowed(line: str) -> None:
    with pytest.raises(Refusal, match=r"No skill reads .*: write 'go to'"):
        parse(line)


@pytest.mark.parametrize(
    ("plans", "sentence"),
    [
        ([["take green slab"], []], "There is no green slab: the dials allow 3 shapes"),
        ([["go to @Z"], []], "There is no mark @Z: marks are none"),
        ([["go to (40, 1)"], []], r"There is no cell \(40, 1\)"),
        ([["tag player 9"], []], "There is no player 9: players are 1 to 2"),
        ([["drop"]], "There are 1 plans for 2 players"),
    ],
)
def test_a_plan_that_does_not_fit_the_task_is_refused(plans, sentence: str) -> None:
    begun = perform(room(*CUBE), steps=1).states[0]
    with pytest.raises(Refusal, match=sentence):
        replay(XLAND, begun, plans, steps=1)


def test_plans_need_factored_actions() -> None:
    dials = type(DIALS)(**{**vars(DIALS), "actions": "discrete"})
    begun = perform(room(*CUBE), steps=1).states[0]
    with pytest.raises(Refusal, match="factored"):
        replay(XLand(dials), begun, [[], []])


def test_a_player_walks_to_a_place_round_walls() -> None:
    played = perform(FENCE, ["go to @X"], steps=80)
    assert played.said[0] == (("go to @X", "done"),)
    assert away(played, "player 1", middle(8, 5)) < 0.6


@pytest.mark.parametrize("seed", range(3))
def test_a_player_climbs_by_the_ramp_and_comes_down_by_the_edge(seed: int) -> None:
    played = perform(HILL, ["go to (7, 5)", "go to (1, 5)"], steps=120, seed=seed)
    assert [how for _, how in played.said[0]] == ["done", "done"]
    heights = [float(state.bodies.height[0]) for state in played.states]
    assert max(heights) == pytest.approx(1.0, abs=1e-3)
    # Up by the ramp, at (6, 2), and down at once over the edge at x = 3.
    ground = [k for k, height in enumerate(heights) if height < 0.01]
    top = heights.index(max(heights))
    down = min(k for k in ground if k > top)
    assert where(played, "player 1", down)[0][0] < 3.0


def test_an_object_is_taken_and_dropped() -> None:
    played = perform(room(*CUBE), ["take black cube", "wait 3", "drop"], steps=60)
    assert [how for _, how in played.said[0]] == ["done"] * 3
    held = [holds(played, 0, "black cube", k) for k in range(60)]
    assert sum(held) >= 3
    assert not held[-1]


@pytest.mark.parametrize("other", ["B", "C"])
@pytest.mark.parametrize("way", [(1, 0), (0, 1), (-1, 0)])
def test_of_two_objects_the_one_named_is_taken(
    way: tuple[int, int], other: str
) -> None:
    drawn = room(("P", 2, 2), ("A", 5, 5), (other, 5 + way[0], 5 + way[1]))
    played = perform(drawn, ["take black cube"], steps=60)
    assert holds(played, 0, "black cube")


def test_what_is_brought_to_a_thing_ends_up_touching_it() -> None:
    drawn = room(*CUBE, ("B", 2, 7))
    played = perform(
        drawn,
        ["bring black cube to purple sphere"],
        goals=["black cube touches purple sphere"],
        steps=90,
    )
    assert played.said[0][0][1] == "done"
    assert played.rewards[-5:].all()
    assert not holds(played, 0, "black cube")


def test_what_is_brought_to_a_place_lies_there() -> None:
    played = perform(room(*CUBE), ["bring black cube to (3, 8)"], steps=90)
    assert away(played, "black cube", middle(3, 8)) < 0.45
    assert not holds(played, 0, "black cube")


def test_what_is_pushed_is_never_lifted() -> None:
    drawn = room(("P", 2, 2), ("A", 4, 6), ("F", 7, 3))
    played = perform(
        drawn,
        ["push black cube to purple sphere"],
        rules=["player 1 holds black cube ->"],
        goals=["black cube touches purple sphere"],
        steps=100,
    )
    assert played.said[0][0][1] == "done"
    assert played.rewards.any()


def test_what_is_pushed_to_a_place_stays_there() -> None:
    drawn = room(("P", 2, 2), ("A", 4, 6))
    played = perform(drawn, ["push black cube to (7, 4)"], steps=100)
    assert played.said[0][0][1] == "done"
    assert away(played, "black cube", middle(7, 4)) < 0.5


def test_a_thing_in_a_corner_cannot_be_pushed_out() -> None:
    played = perform(room(("P", 2, 2), ("A", 1, 9)), ["push black cube to (5, 5)"])
    assert played.said[0] == (
        ("push black cube to (5, 5)", "there is no way to push it"),
    )


def test_with_a_tool_a_thing_is_moved_that_nobody_may_touch() -> None:
    drawn = room(("P", 2, 2), ("A", 4, 4), ("F", 8, 4), ("C", 3, 7))
    played = perform(
        drawn,
        ["push black cube with yellow pyramid to purple sphere"],
        rules=["player 1 touches black cube ->"],
        goals=["black cube touches purple sphere"],
        steps=150,
    )
    assert played.rewards.any()


@pytest.mark.parametrize(("mark", "target"), [("X", "@X"), ("F", "purple sphere")])
def test_a_throw_passes_over_a_wall_of_a_metre(mark: str, target: str) -> None:
    rows = (
        FENCE.replace("#.P.1.A.X.#", "#.PA1..X..#".replace("X", mark))
        .strip()
        .split("\n")
    )
    drawn = "\n".join([rows[0], rows[2], *rows[2:]])
    played = perform(drawn, [f"throw black cube at {target}"], steps=80)
    assert played.said[0][0][1] == "done"
    ((x, _),) = where(played, "black cube")
    assert x > 5.2


def test_a_throw_comes_near_its_target() -> None:
    misses = []
    for seed in range(4):
        drawn = room(("P", 2, 2), ("A", 2, 4))
        played = perform(drawn, ["throw black cube at (6, 6)"], steps=70, seed=seed)
        misses.append(away(played, "black cube", middle(6, 6)))
    assert np.mean(misses) < 0.5


def test_a_player_looks_at_things_and_away() -> None:
    drawn = room(*CUBE)
    goal = ["player 1 sees black cube"]
    played = perform(drawn, ["look at black cube"], goals=goal, steps=30)
    assert played.rewards[-10:, 0].all()
    played = perform(drawn, ["look at black cube", "look away"], goals=goal, steps=30)
    assert played.rewards.any()
    assert not played.rewards[-10:, 0].any()


def test_to_see_what_a_wall_hides_a_player_walks() -> None:
    drawn = FENCE.replace("1", "#")
    goal = ["player 1 sees black cube"]
    played = perform(drawn, ["look at black cube"], goals=goal, steps=80)
    assert not played.rewards[:3].any()
    assert played.rewards[-5:, 0].all()


def test_who_touches_a_thing_touches_it() -> None:
    goal = ["player 1 touches black cube"]
    played = perform(room(*CUBE), ["touch black cube"], goals=goal, steps=50)
    assert played.said[0][0][1] == "done"
    assert played.rewards[-1, 0]
    assert not holds(played, 0, "black cube")


def test_players_wait_for_each_other() -> None:
    drawn = room(("P", 2, 2), ("Q", 8, 3), ("A", 3, 6)).replace("#Q#", "###", 1)
    rules = ["player 1 holds black cube -> yellow cube"]
    played = perform(
        drawn,
        ["wait 10", "take black cube", "wait for player 2 at (7, 8)", "go to (2, 2)"],
        ["wait for no black cube", "wait for yellow cube", "go to (7, 8)"],
        rules=rules,
        steps=80,
    )
    assert [how for _, how in played.said[0]] == ["done"] * 4
    assert [how for _, how in played.said[1]] == ["done"] * 3
    at = [away(played, "player 2", middle(8, 3), k) for k in range(80)]
    fired = min(k for k in range(80) if where(played, "yellow cube", k))
    assert fired >= 10
    assert max(at[: fired + 1]) < 0.3
    assert away(played, "player 2", middle(7, 8)) < 0.6
    assert away(played, "player 1", middle(2, 2)) < 0.6


def test_a_skill_over_what_is_not_there_yet_waits_for_it() -> None:
    drawn = room(("P", 2, 2), ("Q", 8, 3), ("A", 3, 6)).replace("#Q#", "###", 1)
    played = perform(
        drawn,
        ["wait 20", "take black cube"],
        ["take yellow cube"],
        rules=["player 1 holds black cube -> yellow cube"],
        steps=90,
    )
    assert played.said[1] == (("take yellow cube", "done"),)
    assert holds(played, 1, "yellow cube")
    alone = perform(drawn, [], ["take yellow cube"], steps=20)
    assert alone.said[1] == (("take yellow cube", "there is no yellow cube to take"),)


def test_a_player_is_tagged_and_freed() -> None:
    drawn = room(("P", 2, 2), ("Q", 6, 6)).replace("#Q#", "###", 1)
    plans = ["tag player 2"], ["wait 1"]
    played = perform(drawn, *plans, steps=60)
    tagged = [int(state.players.tagged[1]) for state in played.states]
    assert max(tagged) == 15
    freed = perform(drawn, [*plans[0], "free player 2"], steps=60)
    again = [int(state.players.tagged[1]) for state in freed.states]
    assert sum(left > 0 for left in again) < 15 == sum(left > 0 for left in tagged)


def test_what_a_rule_would_use_up_is_kept_apart() -> None:
    drawn = room(("P", 1, 5), ("A", 5, 5))
    rules = ["player 1 is near black cube ->"]
    played = perform(drawn, ["go to (9, 5)"], rules=rules, steps=80)
    assert played.said[0][0][1] == "done"
    assert where(played, "black cube")
    through = perform(drawn, ["go to black cube"], rules=rules, steps=40)
    assert not where(through, "black cube")


def test_what_is_carried_is_kept_apart_too() -> None:
    drawn = room(("P", 1, 5), ("A", 3, 5), ("B", 6, 5))
    rules = ["black cube is near purple sphere ->"]
    played = perform(drawn, ["bring black cube to (9, 5)"], rules=rules, steps=100)
    assert played.said[0][0][1] == "done"
    assert where(played, "purple sphere")
    assert away(played, "black cube", middle(9, 5)) < 0.5


def test_an_object_in_a_passage_is_pushed_out_of_the_way() -> None:
    drawn = """
###########
#........Q#
###########
#P..A.....#
###########
###########
###########
###########
###########
###########
###########
"""
    played = perform(drawn, ["go to (6, 7)"], steps=60)
    assert played.said[0][0][1] == "done"


def test_the_same_seed_gives_the_same_play() -> None:
    one, two = (perform(room(*CUBE), ["take black cube"], steps=20) for _ in range(2))
    for first, second in zip(one.states, two.states, strict=True):
        assert np.array_equal(first.bodies.x, second.bodies.x)
