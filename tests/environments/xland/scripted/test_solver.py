"""The solver: shortest chains, what fires by itself or too early, all of sampling."""

import jax
import pytest

from allometry.environments.xland import Complexity, preset
from allometry.environments.xland.scripted.solver import Solution, solve, start
from allometry.environments.xland.tasks.sampling import sample_game
from tests.environments.xland.scripted.arena import DIALS, game

HOLD_CUBE = ("player 1 holds black cube",)


def solved(
    goal: str, rules: tuple[str, ...] = (), objects: tuple[str, ...] = (), **more
) -> Solution | None:
    """Solve a game written in words."""
    return solve(game([goal], rules, objects, **more), DIALS)


def deeds(found: Solution) -> list[str]:
    """List how the rules of a chain are made to fire, at best."""
    return [firing.ways[0].deed for firing in found.chain]


def test_a_goal_over_what_is_there_needs_no_rule() -> None:
    found = solved("player 1 holds black cube", objects=("black cube",))
    assert found is not None
    assert found.chain == ()
    assert [way.deed for way in found.atoms[0].ways] == ["take"]


def test_a_goal_over_what_never_is_cannot_be_reached() -> None:
    rule = "purple cube touches purple sphere -> yellow cube"
    assert solved("player 1 holds black cube", (rule,), ("purple cube",)) is None


def test_the_shortest_of_two_chains_is_found_and_numbers_rules_as_the_game_does() -> (
    None
):
    long = (
        "player 1 holds purple cube -> purple sphere",
        "player 1 holds purple sphere -> black cube",
        "player 1 touches yellow cube -> black cube",
    )
    there = ("purple cube", "yellow cube")
    found = solved("player 1 holds black cube", long, there)
    assert found is not None
    assert [firing.rule for firing in found.chain] == [2]
    assert deeds(found) == ["touch"]
    found = solved("player 1 holds black cube", long[:2], there)
    assert found is not None
    assert [firing.rule for firing in found.chain] == [0, 1]
    assert found.chain[-1].after == ((0, False), (2, False))


@pytest.mark.parametrize(
    ("goal", "trap"),
    [
        ("player 1 touches black cube", "player 1 is near black cube ->"),
        ("player 1 holds black cube", "black cube is near player 1 ->"),
        ("black cube touches purple cube", "purple cube is near black cube ->"),
    ],
)
def test_who_touches_or_holds_has_been_near_and_a_rule_fires_at_that(
    goal: str, trap: str
) -> None:
    assert solved(goal, (trap,), ("black cube", "purple cube")) is None
    assert solved(goal, (), ("black cube", "purple cube")) is not None


@pytest.mark.parametrize(
    ("rules", "chain"),
    [
        (("player 1 holds purple cube -> black cube", "TRAP"), [0]),
        (("TRAP", "player 1 holds purple cube -> black cube"), None),
    ],
)
def test_of_rules_that_fire_at_once_the_first_does(
    rules: tuple[str, ...], chain: list[int] | None
) -> None:
    trap = "player 1 touches purple cube -> yellow cube"
    written = tuple(rule.replace("TRAP", trap) for rule in rules)
    found = solved("player 1 holds black cube", written, ("purple cube",))
    assert (found and [firing.rule for firing in found.chain]) == chain


def test_what_may_not_be_held_is_pushed_and_what_may_not_be_approached_thrown_at() -> (
    None
):
    goal, there = "black cube touches purple cube", ("black cube", "purple cube")
    lifts = (
        "player 1 holds black cube ->",
        "player 2 holds black cube ->",
        "player 1 holds purple cube ->",
        "player 2 holds purple cube ->",
    )
    dials = Complexity(**{**vars(DIALS), "rules": 4})
    found = solve(game([goal], lifts, there, dials=dials), dials)
    assert found is not None
    assert {way.deed for way in found.atoms[0].ways} == {"push"}
    near = ("player 1 is near purple cube ->", "player 2 is near purple cube ->")
    found = solved(goal, near, there)
    assert found is not None
    assert {(way.deed, way.thing) for way in found.atoms[0].ways} == {("throw", 0)}


def test_frozen_objects_do_not_come_together_but_one_can_be_brought_to_another() -> (
    None
):
    goal, there = "black cube touches purple cube", ("black cube", "purple cube")
    assert solved(goal, objects=there, frozen=(0, 1)) is None
    found = solved(goal, objects=there, frozen=(0,))
    assert found is not None
    assert {way.thing for way in found.atoms[0].ways} == {1}
    assert solved("player 1 holds black cube", objects=there, frozen=(0,)) is None
    assert solved("player 1 touches black cube", objects=there, frozen=(0,))


def test_what_is_spawned_lies_together_and_sets_off_what_it_can() -> None:
    rules = (
        "player 1 holds yellow cube -> purple cube, purple sphere",
        "purple cube touches purple sphere -> black cube",
    )
    found = solved("player 1 holds black cube", rules, ("yellow cube",))
    assert found is not None
    assert deeds(found) == ["take", "itself"]
    trap = (rules[0], "purple sphere touches purple cube ->")
    assert solved("player 1 holds purple cube", trap, ("yellow cube",)) is None


def test_a_goal_may_hold_just_before_the_next_rule_fires() -> None:
    rules = (
        "player 1 holds yellow cube -> purple cube, purple sphere",
        "purple cube touches purple sphere ->",
    )
    found = solved("purple cube is near purple sphere", rules, ("yellow cube",))
    assert found is not None
    assert [firing.rule for firing in found.chain] == [0]


def test_spawns_that_find_no_slot_are_lost() -> None:
    rule = "player 1 holds yellow cube -> purple cube, purple sphere, black cube"
    full = ("yellow cube", *("yellow sphere",) * 4)
    assert solved("player 1 holds purple sphere", (rule,), full) is not None
    assert solved("player 1 holds black cube", (rule,), full) is None


def test_any_clause_will_do_and_one_that_contradicts_itself_never() -> None:
    found = solved(
        "player 1 holds black cube or player 2 sees purple cube",
        objects=("purple cube",),
    )
    assert found is not None
    assert found.goal_clause == 1
    for goal in (
        "player 1 holds black cube and player 1 holds purple cube",
        "player 1 holds black cube and not player 1 touches black cube",
        "black cube touches purple cube and not black cube is near purple cube",
    ):
        assert solved(goal, objects=("black cube", "purple cube")) is None
    assert solved(
        "player 1 holds black cube and player 2 holds purple cube",
        objects=("black cube", "purple cube"),
    )


def test_two_of_a_kind_are_needed_where_a_condition_is_over_a_kind_twice() -> None:
    goal = "black cube touches black cube"
    assert solved(goal, objects=("black cube",)) is None
    assert solved(goal, objects=("black cube", "black cube"))


def test_a_floor_of_a_colour_that_there_is_not_cannot_be_stood_on() -> None:
    written = game(["black cube is on red floor"], (), ("black cube",))
    assert solve(written, DIALS) is not None
    assert solve(written, DIALS, floors=[0, 2]) is not None
    assert solve(written, DIALS, floors=[0, 1]) is None


def test_the_rule_of_another_player_is_for_that_player() -> None:
    rule = "player 2 holds purple cube -> black cube"
    found = solved("player 1 holds black cube", (rule,), ("purple cube",))
    assert found is not None
    assert [way.player for way in found.chain[0].ways] == [DIALS.types + 1]


def test_a_solution_can_start_from_what_is_left() -> None:
    rule = "player 1 holds purple cube -> black cube"
    written = game(HOLD_CUBE, (rule,), ("purple cube",))
    assert start(written) == ((1, False),)
    assert solve(written, DIALS, stock=()) is None
    found = solve(written, DIALS, stock=((0, False), (1, False)))
    assert found is not None
    assert found.chain == ()


def sampled(dials: Complexity, count: int) -> list[Solution | None]:
    """Solve games drawn under some dials, for the first player."""
    keys = jax.random.split(jax.random.key(0), count)
    games = jax.device_get(jax.jit(jax.vmap(lambda k: sample_game(k, dials)))(keys))
    ones = [jax.tree.map(lambda field, n=n: field[n], games) for n in range(count)]
    return [solve(one, dials) for one in ones]


def test_at_least_99_of_100_sampled_games_can_be_won_with_their_chains() -> None:
    found = sampled(preset("default"), 2000)
    assert sum(each is not None for each in found) >= 0.99 * len(found)
    lengths = {len(each.chain) for each in found if each}
    assert {0, 1, 2} <= lengths


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reach", "small", "trials", "large", "two", "xland1"])
def test_at_least_99_of_100_games_of_every_preset_can_be_won(name: str) -> None:
    found = sampled(preset(name), 2000)
    assert sum(each is not None for each in found) >= 0.99 * len(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "dials",
    [
        preset("default", atoms=2, frozen=0.5),
        preset("default", atoms=6, frozen=1.0),
        preset(
            "two", goals="independent", rules=0, chain=0, frozen=1.0,
            predicates=("touching", "on", "sight"),
        ),
    ],
)  # fmt: skip
def test_what_is_frozen_makes_no_game_impossible(dials: Complexity) -> None:
    found = sampled(dials, 1000)
    assert sum(each is not None for each in found) >= 0.99 * len(found)
