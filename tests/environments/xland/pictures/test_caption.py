"""Goals and rules are told whole, in the words of probes; what is hidden is marked."""

import pytest

from allometry.environments.xland.pictures import caption
from allometry.environments.xland.pictures.caption import Icon, Part, Passage, plain
from allometry.environments.xland.probes import sentence
from tests.environments.xland.pictures.stage import TWO, dials, secrets, stage

#: Kinds where there are four colours, and the players after all sixteen of them.
BLACK_CUBE, PURPLE_CUBE, YELLOW_SPHERE, ME, YOU = 0, 1, 6, 16, 17
RULES = (
    ("hold", ME, YELLOW_SPHERE, (PURPLE_CUBE, BLACK_CUBE)),
    ("touching", PURPLE_CUBE, YELLOW_SPHERE, ()),
)


def passages(**given):
    scene = stage(**given)
    return caption.passages(scene.state.task.game, scene.dials)


def said(passage, players=1):
    return [plain(line, players) for line in passage.lines]


@pytest.mark.parametrize(
    ("atom", "words"),
    [
        (("touching", BLACK_CUBE, YELLOW_SPHERE), "black cube touches yellow sphere"),
        (("near", ME, PURPLE_CUBE), "player is near purple cube"),
        (("hold", ME, PURPLE_CUBE), "player holds purple cube"),
        (("see", ME, BLACK_CUBE), "player sees black cube"),
        (("on", BLACK_CUBE, 2), "black cube is on red floor"),
        (
            ("sight", BLACK_CUBE, PURPLE_CUBE),
            "black cube has a clear line to purple cube",
        ),
    ],
)
def test_a_goal_is_said_in_words(atom, words) -> None:
    (goal,) = passages(goals=[[atom]])
    assert goal.heading == "Goal"
    assert said(goal) == [words]


def test_clauses_stand_in_lines_of_their_own() -> None:
    goal = [
        ("hold", ME, BLACK_CUBE, 0),
        ("near", BLACK_CUBE, YELLOW_SPHERE, 0, True),
        ("on", BLACK_CUBE, 1, 2),
    ]
    (found,) = passages(goals=[goal])
    assert said(found) == [
        "player holds black cube and not black cube is near yellow sphere",
        "or black cube is on blue floor",
    ]


def test_players_with_one_goal_are_told_it_together() -> None:
    mine, yours = [("hold", ME, BLACK_CUBE)], [("hold", YOU, BLACK_CUBE)]
    (both,) = passages(players=TWO, goals=[mine])
    assert both.heading == "Goal of both players"
    assert said(both) == ["player 1 holds black cube"]
    first, second = passages(players=TWO, goals=[mine, yours])
    assert (first.heading, second.heading) == ("Goal of player 1", "Goal of player 2")
    assert said(second) == ["player 2 holds black cube"]


def test_rules_are_told_whole() -> None:
    _, rules = passages(rules=RULES)
    assert rules.heading == "Rules"
    assert said(rules) == [
        "player holds yellow sphere → purple cube and black cube",
        "purple cube touches yellow sphere → nothing",
    ]


def test_rules_that_are_not_in_use_are_not_told() -> None:
    assert [passage.heading for passage in passages(rules=())] == ["Goal"]
    assert len(passages(rules=RULES[:1])[1].lines) == 1


def test_what_is_hidden_is_marked_with_what_is_told_instead() -> None:
    hidden = secrets(
        dials(), kinds=[(0, BLACK_CUBE), (0, YELLOW_SPHERE)], predicates=[(0, 1)]
    )
    _, rules = passages(rules=RULES, hidden=hidden)
    # Kinds are numbered as a player meets them, as in the tables that players are told.
    assert said(rules) == [
        "player holds yellow sphere[?1] → purple cube and black cube[?2]",
        "purple cube touches[?] yellow sphere[?1] → nothing",
    ]
    assert rules.lines[1].parts[1] == Part("touches", None, ((0, 0),))


def test_a_rule_that_is_hidden_whole_has_no_other_marks() -> None:
    hidden = secrets(
        dials(), rules=[(0, 1)], kinds=[(0, YELLOW_SPHERE)], predicates=[(0, 1)]
    )
    _, rules = passages(rules=RULES, hidden=hidden)
    assert said(rules)[1] == "purple cube touches yellow sphere → nothing [hidden]"
    assert rules.lines[1].hidden == (0,)


def test_marks_name_the_player_from_whom_it_is_hidden() -> None:
    hidden = secrets(
        dials(players=2), rules=[(0, 0)], kinds=[(0, YELLOW_SPHERE), (1, YELLOW_SPHERE)]
    )
    *_, rules = passages(players=TWO, rules=RULES, hidden=hidden)
    assert said(rules, 2) == [
        "player 1 holds yellow sphere[player 2: ?1] → purple cube and black cube "
        "[player 1: hidden]",
        "purple cube touches yellow sphere[player 1: ?1][player 2: ?1] → nothing",
    ]


def test_things_have_icons_and_words_between_them_none() -> None:
    _, rules = passages(rules=RULES[:1])
    icons = [part.icon for part in rules.lines[0].parts]
    assert icons == [
        Icon("player", 0),
        None,
        Icon("object", YELLOW_SPHERE),
        None,
        Icon("object", PURPLE_CUBE),
        None,
        Icon("object", BLACK_CUBE),
    ]
    (goal,) = passages(goals=[[("on", BLACK_CUBE, 3)]])
    assert goal.lines[0].parts[2] == Part("white floor", Icon("floor", 3))


def test_probes_read_what_captions_say() -> None:
    wanted = [("hold", YOU, BLACK_CUBE), ("on", BLACK_CUBE, 1, 1)]
    goal, rules = passages(players=TWO, goals=[wanted], rules=RULES)
    assert isinstance(goal, Passage)
    (first,), (second,) = sentence.goal(" ".join(said(goal)))
    assert first == sentence.Atom("hold", "player 2", "black cube")
    assert second == sentence.Atom("on", "black cube", "blue floor")
    text = said(rules)[0].replace("→", "->").replace(" and ", ", ")
    assert sentence.rule(text).spawns == ("purple cube", "black cube")
