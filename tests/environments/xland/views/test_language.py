"""Language: what is said of games that are written down by hand."""

import pytest

from allometry.environments.xland.views import language
from tests.environments.xland.views.written import (
    BLACK_CUBE,
    DIALS,
    FIRST,
    GREEN_SLAB,
    HOLD,
    NEAR,
    ON,
    PURPLE_SPHERE,
    RULES,
    SECOND,
    SEE,
    SIGHT,
    TOUCHING,
    YELLOW_CUBE,
    game,
)

#: Atoms, and what the first and the second player are told of them.
ATOMS = [
    (
        (HOLD, 0, FIRST, BLACK_CUBE),
        "you hold a black cube",
        "player 1 holds a black cube",
    ),
    ((SEE, 0, SECOND, FIRST), "player 2 sees you", "you see player 1"),
    (
        (NEAR, 1, GREEN_SLAB, FIRST),
        "not (a green slab is near you)",
        "not (a green slab is near player 1)",
    ),
    ((ON, 0, FIRST, 2), "you are on red floor", "player 1 is on red floor"),
    (
        (ON, 0, BLACK_CUBE, 0),
        "a black cube is on grey floor",
        "a black cube is on grey floor",
    ),
    (
        (SIGHT, 0, YELLOW_CUBE, PURPLE_SPHERE),
        "a yellow cube has a clear line to a purple sphere",
        "a yellow cube has a clear line to a purple sphere",
    ),
]


@pytest.mark.parametrize(("atom", "mine", "others"), ATOMS)
def test_an_atom_is_said_from_each_players_side(atom, mine, others):
    played = game(goals=[[(*atom, 0)]] * 2)
    assert language.goal(played, DIALS, 0) == mine
    assert language.goal(played, DIALS, 1) == others


def test_clauses_are_told_apart_from_what_they_join():
    atoms = [
        (HOLD, 0, FIRST, BLACK_CUBE, 1),
        (NEAR, 0, FIRST, YELLOW_CUBE, 0),
        (TOUCHING, 1, BLACK_CUBE, YELLOW_CUBE, 1),
    ]
    assert language.goal(game(goals=[atoms]), DIALS) == (
        "you are near a yellow cube, or you hold a black cube and "
        "not (a black cube touches a yellow cube)"
    )
    assert language.goal(game(), DIALS) == "nothing"


def test_rules_are_said_whole_where_nothing_is_hidden():
    said = language.rules(game(rules=RULES), DIALS, 1)
    assert said == [
        "a black cube touches a purple sphere: a yellow cube and a green slab",
        "you hold a yellow cube: nothing",
        "a green slab is on white floor: a black cube",
    ]
    assert language.rules(game(rules=RULES[:1]), DIALS) == said[:1]


def test_what_is_hidden_is_numbered_for_each_player_alone():
    played = game(
        rules=RULES,
        hidden_kinds=[(0, BLACK_CUBE), (0, GREEN_SLAB), (1, GREEN_SLAB)],
        hidden_predicates=[(0, 0), (0, 1), (1, 1)],
    )
    assert language.rules(played, DIALS, 0) == [
        "something 1 stands in relation 1 to a purple sphere: "
        "a yellow cube and something 2",
        "player 2 stands in relation 2 to a yellow cube: nothing",
        "something 2 is on white floor: something 1",
    ]
    assert language.rules(played, DIALS, 1) == [
        "a black cube touches a purple sphere: a yellow cube and something 1",
        "you stand in relation 1 to a yellow cube: nothing",
        "something 1 is on white floor: a black cube",
    ]


def test_a_hidden_rule_is_only_said_to_be_there():
    played = game(rules=RULES, hidden_rules=[(0, 1)])
    assert language.rules(played, DIALS, 0)[1] == "a rule that is hidden"
    assert language.rules(played, DIALS, 1)[1] == "you hold a yellow cube: nothing"
    # Who asks as nobody is told everything.
    told = language.rules(played, DIALS, None)
    assert told[1] == "player 2 holds a yellow cube: nothing"


def test_all_that_a_player_knows_is_one_text():
    played = game(
        goals=[[(HOLD, 0, FIRST, BLACK_CUBE, 0)]],
        rules=RULES[1:],
        hidden_rules=[(0, 0)],
    )
    assert language.whole(played, DIALS) == (
        "Goal: you hold a black cube. Rule: a rule that is hidden. "
        "Rule: a green slab is on white floor: a black cube."
    )
