import json
import re

import pytest

from allometry.agents.registry import AGENTS
from allometry.refusal import Refusal
from allometry.studies.grid import bundles
from allometry.studies.study import from_mapping, load, shipped
from allometry.studies.survey import Survey

FILE = """\
title = "Small"

[environment]
name = "digits"

[agent]
name = "ppo"
horizon = 4

[training]
interactions = 4096
copies = 4
length = 16

[grid]
seeds = 2

[grid.agent]
width = [4, 5]

[law]
band = [0.2, 0.95]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_study_loads_and_survives_its_own_record(name):
    study = load(name)
    assert study.name == name
    assert study.title
    assert bundles(study)
    assert from_mapping(study.resolved, "the record") == study


def test_the_quickstart_gives_what_it_promises():
    survey = Survey(load("quickstart"))
    sizes = [facts.parameters for facts in survey.facts]
    widths = survey.study.grid.agent["width"]
    assert len(sizes) >= 8
    assert min(widths) == 4
    assert max(sizes) >= 100 * min(sizes)
    for facts in survey.facts:
        assert len(facts.bundle.runs) >= 3
        assert facts.interactions >= 1_000_000
        assert len(facts.checkpoints) >= 30


def test_a_file_takes_its_name_from_where_it_stands(file):
    assert load(str(file)).name == "small"
    other = file.rename(file.with_name("a study, of mine.toml"))
    assert load(str(other)).name == "a-study-of-mine"


def test_changes_are_applied_over_the_file_in_their_order(file):
    changes = ["training.length=8", "grid.agent.width=[6]", "training.length=32"]
    study = load(str(file), [*changes, "title = Other words"])
    assert study.training.length == 32
    assert study.grid.agent["width"] == [6]
    assert study.title == "Other words"


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(file):
    file.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert load(str(file)).training.interactions == 4096


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("seeds = 2", "seeds = = 2", 16, "not valid TOML"),
        (
            "copies = 4",
            "copis = 4",
            12,
            'no key "training.copis".*interactions, copies',
        ),
        ("copies = 4", 'copies = "4"', 12, 'training.copies is "4".*valid integer'),
        ("copies = 4", "copies = true", 12, "training.copies is True.*integer"),
        ("copies = 4", "copies = 0", 12, "training.copies is 0.*greater than or equal"),
        ("interactions = 4096\n", "", 10, '"training.interactions" is missing'),
        ("= 4\nlength = 16", "= 3\nlength = 6", 13, "18 steps, which agent.mini"),
        ("length = 16", "first_checkpoint = 5000", 13, "after the end of a run"),
        ("seeds = 2", "seeds = [1, 1]", 16, "grid.seeds holds 1 twice"),
        ("seeds = 2", "seeds = []", 16, "grid.seeds is \\[\\].*at least 1 item"),
        ("seeds = 2", "seeds = [-1]", 16, "grid.seeds is"),
        ("[4, 5]", "[4, 5, 4]", 19, "grid.agent.width holds 4 twice"),
        ("[4, 5]", "[4, 0]", 19, "grid.agent.width is 0; .*greater than or equal to 1"),
        ("[4, 5]", "[4.5]", 19, "grid.agent.width is 4.5; .*valid integer"),
        ("[4, 5]", "[]", 19, "grid.agent.width is \\[\\]"),
        ("width", "wdth", 19, 'no key "wdth"; its keys are: .*width'),
        ("horizon = 4", "horizon = 0.5", 8, "agent.horizon is 0.5; .*at least 1"),
        ("horizon = 4", "horizon = inf", 8, "agent.horizon is inf"),
        ("horizon = 4", "width = 4", 19, "grid.agent.width several; keep one"),
        ("horizon = 4", "learning_rate = 0", 8, "agent.learning_rate is 0; .*greater"),
        (
            "horizon = 4",
            "learning_rate = nan",
            8,
            "agent.learning_rate is nan; .*finite",
        ),
        ("horizon = 4", 'learning_rate = "1"', 8, 'learning_rate is "1"; .*number'),
        ("horizon = 4", "discount = 1.5", 8, "agent.discount is 1.5"),
        ("horizon = 4", "horizon = 4\ndiscount = 0.5", 8, "say the same thing"),
        ("= 4\n", "= 4\n[agent.ppo]\nsauce = 1\n", 10, 'no key "sauce"; its keys'),
        ("= 4\n", "= 4\n[agent.ppo]\nname = 1\n", 10, 'no key "name"; its keys are'),
        ("= 4\n", "= 4\n[agent.ppo]\nclip = 0\n", 10, "agent.ppo.clip is 0; .*great"),
        ("= 4\n", "= 4\n[agent.ppo]\nwidth = 4\n", 21, "agent.ppo.width gives one"),
        ("= 4\n", "= 4\n[agent.ppo]\ndiscount = 0.5\n", 8, "say the same thing"),
        ("horizon = 4", "vmpo = 4", 8, "agent.vmpo is 4; make it a section"),
        ('"ppo"', '"dqn"', 7, 'agent.name is "dqn"; choose one of: ppo'),
        ('name = "ppo"', "", 6, '"agent.name" is missing.*one of: ppo'),
        (
            '"digits"',
            '"chess"',
            4,
            'environment.name is "chess"; choose one of: digits',
        ),
        ('"digits"', '"digits"\nsauce = 1', 5, 'no key "sauce"; its keys are: source'),
        ('"digits"', '"digits"\nsource = 1', 5, "environment.source is 1"),
        ('"digits"', '"xland"\narena = 99', 5, "dial arena is 99: give .* 4 to 32"),
        ('"digits"', '"xland"\nsauce = 1', 5, "no dial 'sauce'; it has: .*arena"),
        ('"digits"', '"xland"\npreset = 3', 5, "environment.preset is 3"),
        ("band = [0.2, 0.95]", "bnd = 1", 22, "no key 'bnd'.*band"),
        ("[0.2, 0.95]", "[0.95, 0.2]", 22, "band holds \\(0.95, 0.2\\)"),
        ("[0.2, 0.95]", '[0.2, 0.9]\nform = "nonesuch"', 23, "law.form .*intrinsic"),
        ("[0.2, 0.95]", '[0.2, 0.9]\nby = "seed"', 23, "axis of the grid: width"),
        ("[0.2, 0.95]", "[0.2, 0.9]\nlevels = [2]", 23, "law.levels holds 2"),
    ],
)
def test_what_cannot_be_used_is_named_with_file_line_and_remedy(
    file, old, new, line, words
):
    file.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Refusal, match=words) as refused:
        load(str(file))
    said = str(refused.value)
    assert said.startswith(str(file))
    assert re.search(rf"line {line}\b", said), said
    assert said.endswith(".")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.copies=-1", "--set training.copies: training.copies is -1"),
        ("agent.minibatches=3", "--set agent.minibatches: .*64 steps"),
        ("grid.agent={width=[0]}", "--set grid.agent: grid.agent.width is 0"),
        ("law.band=7", "--set law.band: .*band"),
        ("agent.discount=0.5", "--set agent.discount: .*say the same thing"),
        (
            "training.copies.x=1",
            "--set training.copies.x: .*Set training.copies itself",
        ),
        ("training.copies", "is not key=value"),
        ("=3", "is not key=value"),
        ("a..b=3", "is not key=value"),
        ("name=../up", '--set name: name is "../up"'),
    ],
)
def test_a_change_that_cannot_be_used_is_named_as_it_was_typed(file, change, words):
    with pytest.raises(Refusal, match=words):
        load(str(file), [change])


def test_of_two_keys_at_odds_the_one_that_was_typed_is_named(file):
    with pytest.raises(Refusal, match=r"^--set training.copies: .*3 × 3 = 9 steps"):
        load(str(file), ["training.length=3", "training.copies=3"])


def test_what_is_no_study_file_is_refused(tmp_path):
    with pytest.raises(Refusal, match=r'no study "nowhere.toml".*quickstart'):
        load("nowhere.toml")
    with pytest.raises(Refusal, match="is a folder"):
        load(str(tmp_path))
    path = tmp_path / "latin.toml"
    path.write_bytes('title = "Größe"'.encode("latin-1"))
    with pytest.raises(Refusal, match=r"latin.toml is not UTF-8 text \(byte 11\)"):
        load(str(path))


def test_every_key_of_an_agent_may_be_set_to_its_own_default(file):
    for name, agent in AGENTS.items():
        keys = {key: value for key, value in vars(agent()).items() if value is not None}
        keys.pop("discount")  # the file gives the horizon
        changes = [f"agent.{key}={json.dumps(value)}" for key, value in keys.items()]
        study = load(str(file), [*changes, f"agent.name={name}"])
        assert {**study.agent} == {**keys, "name": name, "horizon": 4}


def test_a_change_to_an_axis_takes_the_place_of_the_one_value_and_back():
    varied = load("quickstart", ["grid.agent.horizon=[1, 4]"])
    assert varied.grid.agent["horizon"] == [1, 4]
    assert "horizon" not in varied.agent
    fixed = load("quickstart", ["agent.width=16"])
    assert fixed.agent["width"] == 16
    assert "width" not in fixed.grid.agent
