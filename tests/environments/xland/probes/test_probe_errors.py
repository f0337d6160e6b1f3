"""Errors in a probe's file are told with file, line and what is allowed."""

import re
from pathlib import Path

import pytest

from allometry.environments.xland.probes import probe
from allometry.refusal import Refusal

PAGE = '''name = "Reach"
asks = "Hold the cube."
duration = 50
goal = "player 1 holds black cube"
hidden = ["rule make"]
needs = ["rule make"]
map = """
#######
#1<...#
#.P.A.#
#..BX.#
#######
"""

[legend]
P = "player 1"
A = "purple sphere"
B = "yellow pyramid"
X = "mark"

[rules]
make = "purple sphere touches yellow pyramid -> black cube"

[solution]
"player 1" = [
  "bring purple sphere to yellow pyramid",
  "take black cube",
]
'''

#: What is written instead of what, on which line the refusal lies, and its words.
ERRORS = [
    ("#.P.A.#", "#.P?A.#", 10, r"the glyph '\?' is unknown: .* # \. b r w > < \^ v 1"),
    ("#.P.A.#", "#.P.C.#", 10, r"the glyph 'C' is unknown: .*legend \(P, A, B, X\)"),
    ("#.P.A.#", "#.P.A..#", 10, r"has 8 characters, and the first 7"),
    ("#..BX.#", "A..BX.#", 11, r"purple sphere stands on a wall: the edge is all '#'"),
    ("#..BX.#", "#..BX..", 11, r"'\.' is at the map's edge: the edge is all '#'"),
    ("#1<...#", "#1>...#", 9, r"a ramp does not fit: each rises by 1"),
    ("#..BX.#", "#.PBX.#", 16, r"P, player 1, stands on 2 cells of the map"),
    ("#..BX.#", "#..B..#", 19, r"X is nowhere on the map"),
    ('P = "player 1"', 'P = "mark"', 15, r"player 1 is missing"),
    ('X = "mark"', 'X = "player 1"', 15, r"player 1 has two letters"),
    ('X = "mark"', 'X = "player 3"', 15, r"player 2 is missing"),
    ('"mark"', '"red cube"', 19, r"'red cube' is no object: .*black, purple, yellow"),
    ('"mark"', '"black cube, black slab"', 19, r"X is two things in one place"),
    ('"mark"', '"frozen mark"', 19, r"only objects can be frozen"),
    ('"mark"', '"huge thing here"', 19, r"write 'player 1', 'black cube'"),
    ('"mark"', '"mark on pink floor"', 19, r"floors are grey, blue, red, white"),
    ('X = "mark"', 'x = "mark"', 19, r"'x' is no letter of a legend: use A to Z"),
    ("-> black cube", "-> red cube", 22, r"'red cube' is no object"),
    ("-> black cube", "", 22, r"has no arrow"),
    ('needs = ["rule make"]', 'needs = ["make"]', 6, r"there are rule make"),
    ("purple sphere touches", "green slab touches", 22, r"unknown object, green slab"),
    ("touches yellow", "kisses yellow", 22, r"one of touches, is near, holds"),
    ("player 1 holds", "player 2 holds", 4, r"the map has player 1: give"),
    ("player 1 holds", "black cube sees", 4, r"'black cube' sees nothing: only a"),
    ("player 1 holds black cube", "player 1 is on cube", 4, r"'cube' is no floor"),
    ('hidden = ["rule make"]', 'hidden = ["make"]', 5, r"choose all rules, rule make"),
    ('"take black cube"', '"eat black cube"', 27, r"No skill reads 'eat black cube'"),
    ('"take black cube"', '"take black slab"', 27, r"there is never a black slab"),
    ('"take black cube"', '"go to @Z"', 27, r"there is no place @Z: .*\(P, A, B, X\)"),
    ('"take black cube"', '"go to (0, 1)"', 27, r"\(0, 1\) is no floor of the map"),
    ('"player 1" = [', '"player 2" = [', 25, r"'player 2' is in solution"),
    ("duration = 50", 'duration = 50\nlike = "reach"', 4, r"reach is like itself"),
    ("-> black cube", "is on red floor -> black cube", 22, r"joined by|is no object"),
    (
        "purple sphere touches yellow pyramid",
        "purple sphere is on red floor",
        22,
        r"over a floor: a rule's condition is over two things",
    ),
    ("player 1 holds black cube", "player 1 sees player 1", 4, r"of one player only"),
    ("holds black cube", "holds black cube" + " and player 1 holds black cube" * 6, 4,
     r"a goal has 7 atoms: at most 6"),
    ('make = "', '\n'.join(f'r{n} = "purple sphere touches yellow pyramid ->"'
     for n in range(16)) + '\nmake = "', 38, r"there are 17 rules: at most 16"),
    ("duration = 50", "duration = 50\nobjects = 1", 4, r"objects is 1: there are 2 on"),
    ("duration = 50", "duration = 0", 3, r"dial duration is 0"),
    ("duration = 50", 'duration = "long"', 3, r"write a whole number"),
    ("duration = 50", "length = 50", 3, r"there is no key 'length'"),
    ("duration = 50", "", 1, r"it has no duration"),
    ("duration = 50", 'duration = 50\nlike = "none"', 4, r"no file .*none\.toml"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "line", "words"), ERRORS)
def test_an_error_is_told_with_its_line_and_what_is_allowed(
    tmp_path: Path, right: str, wrong: str, line: int, words: str
) -> None:
    assert right in PAGE
    file = tmp_path / "reach.toml"
    file.write_text(PAGE.replace(right, wrong, 1))
    with pytest.raises(Refusal) as refused:
        probe.read(file)
    assert str(refused.value).startswith(f"reach.toml, line {line}: ")
    assert re.search(words, str(refused.value))


def test_a_folder_is_no_probe(tmp_path: Path) -> None:
    (tmp_path / "reach.toml").mkdir()
    with pytest.raises(Refusal, match=r"reach\.toml cannot be read \(Is a directory"):
        probe.read(tmp_path / "reach.toml")


def test_a_page_may_be_like_a_probe_that_comes_with_allometry(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('like = "spacer_tool"\nname = "Mine"')
    mine, theirs = probe.read(tmp_path / "mine.toml"), probe.load("spacer_tool")
    assert mine.name == "Mine"
    assert mine.goals == theirs.goals


def test_the_page_without_errors_is_read(tmp_path: Path) -> None:
    file = tmp_path / "reach.toml"
    file.write_text(PAGE)
    assert probe.read(file).rules["make"].spawns == ("black cube",)


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "reach.toml"
    file.write_text(PAGE.replace("duration = 50", "duration 50"))
    with pytest.raises(Refusal, match=r"reach\.toml is not valid TOML: .*line 3"):
        probe.read(file)


def test_an_error_in_what_a_page_is_like_is_told_of_the_other_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "reach.toml").write_text(PAGE.replace("#.P.A.#", "#.P?A.#"))
    (tmp_path / "other.toml").write_text(
        'like = "reach"\nname = "O"\nasks = "The same."'
    )
    with pytest.raises(Refusal, match=r"^reach\.toml, line 10: the glyph"):
        probe.read(tmp_path / "other.toml")


def test_a_probe_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Refusal, match=r"no probe 'three_doors'.*two_doors"):
        probe.load("three_doors")
