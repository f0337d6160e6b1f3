"""Tasks are drawn, filmed, told and listed; what cannot be shown is refused at once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = ["--preset", "reach", "--set", "duration=3"]
PROBE = """\
name = "Mine"
asks = "Take the cube beside you."
duration = 12
goal = "player 1 holds black cube"
needs = ["black cube"]
map = '''
#######
#.....#
#.....#
#.AB..#
#.....#
#.....#
#######
'''
[legend]
A = "player 1"
B = "black cube"
[solution]
"player 1" = ["take black cube"]
"""
GIF = b"GIF89a"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_tasks_are_drawn_into_one_picture(allometry, tmp_path) -> None:
    outcome = allometry("show", "xland", *SMALL, "--tasks", "4")
    assert outcome.code == 0, outcome
    assert files(tmp_path) == ["xland-reach.png"]
    assert outcome.out.startswith("Picture: xland-reach.png\nNext:    allometry show")
    with Image.open("xland-reach.png") as picture:
        three_wide, two_high = picture.size
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100
    allometry("show", "xland", *SMALL, "--tasks", "1", "--out", "one.png")
    with Image.open("one.png") as picture:
        wide, high = picture.size
    assert three_wide > 2.5 * wide
    assert two_high > 1.5 * high


def test_the_next_command_films_the_first_task(
    allometry, tmp_path, compiled_quickly
) -> None:
    said = allometry("show", "xland", *SMALL, "--tasks", "2", "--print").out
    command = said.splitlines()[-1].removeprefix("Next:    allometry ").split()
    outcome = allometry(*command)
    assert outcome.out == "Film:    task.gif\n"
    assert files(tmp_path) == ["task.gif"]
    with Image.open("task.gif") as film:
        assert film.n_frames == 4


def test_text_alone_draws_nothing(allometry, tmp_path) -> None:
    outcome = allometry("show", "xland", *SMALL, "--tasks", "3", "--print")
    assert outcome.code == 0
    assert files(tmp_path) == []
    assert outcome.out.count("World ") == 3
    assert outcome.out.count("\n  Goal\n    ") == 3
    assert " touches " in outcome.out or " is near " in outcome.out


def test_json_holds_what_was_made_and_what_it_says(allometry, tmp_path) -> None:
    words = [*SMALL, "--held-out", "--seed", "5", "--tasks", "2", "--json"]
    said = allometry("show", "xland", *words).document
    assert said["picture"] == "xland-reach-held-out.png"
    assert files(tmp_path) == [said["picture"]]
    assert len(said["tasks"]) == 2
    for task in said["tasks"]:
        assert set(task) == {"title", "world", "game", "says"}
        assert (task["world"] % 2, task["game"] % 2) == (1, 1)
        assert len(task["says"]["Goal"]) == 1
    one = said["tasks"][0]
    numbers = ["--world", one["world"], "--game", one["game"], "--print", "--json"]
    (again,) = allometry("show", "xland", *SMALL, *numbers).document["tasks"]
    assert again == one


def test_tasks_of_a_split_have_what_is_new_in_it(allometry, tmp_path) -> None:
    words = [*SMALL, "--split", "unseen_colour", "--tasks", "2", "--print"]
    outcome = allometry("show", "xland", *words)
    assert outcome.out.count("yellow") >= 2
    assert outcome.out.count("held out") == 2
    assert "--split unseen_colour" in outcome.out.splitlines()[-1]
    said = allometry("show", "xland", *words[:-1], "--json").document
    assert files(tmp_path) == ["xland-reach-unseen_colour.png"]
    assert all("yellow" in task["says"]["Goal"][0] for task in said["tasks"])
    refused = allometry("show", "xland", "--split", "unseen")
    refused.refuses("no split 'unseen'; choose one of: unseen_colour")
    training = ["--held-out", "--world", "6"]
    refused = allometry("show", "xland", *training)
    refused.refuses("World 6 is of the training split", "give an odd number")


def test_a_world_is_shown_with_several_games(allometry) -> None:
    words = ["--world", "7", "--tasks", "3", "--print", "--json"]
    tasks = allometry("show", "xland", *SMALL, *words).document["tasks"]
    assert [task["world"] for task in tasks] == [7, 7, 7]
    assert len({task["game"] for task in tasks}) == 3


def test_a_film_and_a_picture_may_be_asked_for_together(allometry, tmp_path) -> None:
    words = ["--tasks=1", "--policy=random", "--out", "a.jpg", "--film", "a.gif"]
    outcome = allometry("show", "xland", *SMALL, *words)
    assert outcome.out == "Picture: a.jpg\nFilm:    a.gif\n"
    assert files(tmp_path) == ["a.gif", "a.jpg"]
    assert Path("a.gif").read_bytes().startswith(GIF)
    assert Path("a.jpg").read_bytes().startswith(b"\xff\xd8")


def test_a_probe_is_told_and_its_solution_filmed(
    allometry, tmp_path, compiled_quickly
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(PROBE, encoding="utf-8")
    words = ["--probe", "own.toml", "--print", "--film", "own.gif", "--json"]
    said = allometry("show", "xland", *words).document
    assert said["film"] == "own.gif"
    (task,) = said["tasks"]
    assert task["title"] == "Mine: Take the cube beside you."
    assert task["says"] == {"Goal": ["player holds black cube"]}
    with Image.open("own.gif") as film:
        assert film.n_frames == 13
        film.seek(12)
        last = np.asarray(film.convert("RGB")).astype(int)
    # Green: the goal holds at the end, as the solution has it.
    assert (np.abs(last - (24, 150, 70)).max(-1) < 12).sum() > 500


def test_presets_are_listed_with_their_sizes(allometry) -> None:
    outcome = allometry("show", "xland", "--presets")
    assert outcome.code == 0
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines() if line}
    assert rows["preset"][1:4] == ["arena", "levels", "objects"]
    assert rows["default"][1:7] == ["9", "2", "8", "4", "1", "150"]
    assert max(map(len, outcome.out.splitlines())) <= 80
    document = allometry("show", "xland", "--presets", "--json").document
    assert document["default"]["predicates"] == ["touching", "near", "hold", "see"]
    for name, row in rows.items():
        if name in document:
            size = document[name]["size"].values()
            assert row[7:] == [f"{number:.0f}" for number in size]
    assert set(document) <= set(rows)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digits"], ['"digits" has no pictures', "Those that have: xland."]),
        (["chess"], ['no environment "chess"', "Those that have: xland."]),
        (["xland", "--preset", "huge"], ["no preset 'huge'", "reach", "xland1"]),
        (["xland", "--set", "size=3"], ["--set size=3", "no dial 'size'", "arena"]),
        (["xland", "--set", "arena"], ["--set 'arena' is no pair", "arena=11"]),
        (["xland", "--set", "arena=big"], ["arena is a whole number", "'big'"]),
        (["xland", "--set", "arena=11.5"], ["arena is a whole number", "'11.5'"]),
        (["xland", "--set", "density=much"], ["density is a number", "'much'"]),
        (["xland", "--set", "arena=9,arena=11"], ["'arena' twice"]),
        (["xland", "--set", "players=0"], ["dial players is 0", "from 1 to 4"]),
        (["xland", "--set", "objects=30,arena=5,levels=1"], ["30 objects", "arena"]),
        (["xland", "--set", "predicates=hold,eat"], ["'eat'", "touching"]),
        (["xland", "--set", "hidden=nan"], ["dial hidden is nan", "from 0 to 1"]),
        (["xland", "--world", "-1"], ["no world -1", "from 0 to"]),
        (["xland", "--game", "99999999999"], ["no game 99999999999", "from 0 to"]),
        (["xland", "--seed", "-1"], ["--seed is -1"]),
        (["xland", "--out", "a.docx"], ["a.docx", ".png, .jpg or .webp"]),
        (["xland", "--out", "no/a.png"], ["no/a.png", "no folder no"]),
        (["xland", "--film", "a.avi"], ["a.avi", ".gif or .mp4"]),
        (["xland", "--film", "no/a.gif"], ["no/a.gif", "no folder no"]),
        (["xland", "--policy", "best"], ["'best'", "scripted or random"]),
        (["xland", "--probe", "nobody"], ["no probe 'nobody'", "two_doors"]),
        (["xland", "--probe", "no.toml"], ["no.toml"]),
        (["xland", "--probe", "two_doors", "--held-out"], ["leave out", "--held-out"]),
        (
            ["xland", "--film", "a.gif", "--set", "actions=discrete"],
            ["actions is discrete", "--policy random", "actions=factored"],
        ),
        (
            ["xland", "--film", "a.gif", "--set", "trials=60"],
            ["9,000 agent steps", "at most 3,000", "trials=1,duration=300"],
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(allometry, tmp_path, words, said) -> None:
    allometry("show", *words).refuses(*said)
    assert files(tmp_path) == []


@pytest.mark.parametrize("words", [[], ["xland", "--tasks", "0"], ["xland", "--big"]])
def test_an_impossible_option_is_a_usage_error(allometry, words) -> None:
    allometry("show", *words).is_usage_error("show")


def test_help_teaches_by_examples_and_imports_no_jax() -> None:
    code = (
        "import sys; from allometry.cli.main import main\n"
        "try: main()\n"
        "finally: assert 'jax' not in sys.modules and 'PIL' not in sys.modules"
    )
    command = [sys.executable, "-c", code, "show", "--help"]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, env=paths
    )
    for example in ("show xland --preset large --held-out", "--set arena=11,levels=3"):
        assert example in " ".join(found.stdout.split())
