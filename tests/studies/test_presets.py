"""Presets: a file's own variations of itself."""

import pytest

from allometry.refusal import Refusal
from allometry.studies.study import load

TEXT = """
[environment]
name = "digits"

[agent]
name = "ppo"
width = 16

[training]
interactions = 65_536

[grid.agent]
horizon = [1, 4]

[presets.smoke]
training.interactions = 1024
agent.horizon = 2

[presets.large.grid.agent]
width = [16, 32]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return str(path)


def test_without_one_the_file_is_what_it_says(file) -> None:
    study = load(file)
    assert study.name == "mine"
    assert study.training.interactions == 65_536
    assert study.grid.agent == {"horizon": [1, 4]}


def test_a_preset_changes_keys_and_the_name(file) -> None:
    study = load(file, ["preset=smoke"])
    assert study.name == "mine-smoke"
    assert study.training.interactions == 1024
    # One value takes the place of the axis.
    assert study.agent["horizon"] == 2
    assert study.grid.agent == {}


def test_an_axis_of_a_preset_takes_the_place_of_the_one_value(file) -> None:
    study = load(file, ["preset=large"])
    assert study.grid.agent == {"horizon": [1, 4], "width": [16, 32]}
    assert "width" not in study.agent


def test_other_changes_come_after_the_preset(file) -> None:
    study = load(file, ["training.interactions=2048", 'preset="smoke"'])
    assert study.training.interactions == 2048
    assert study.agent["horizon"] == 2


def test_a_preset_that_there_is_not_is_refused(file) -> None:
    words = r'mine\.toml has no preset "tiny"; its presets are: smoke, large'
    with pytest.raises(Refusal, match=words):
        load(file, ["preset=tiny"])
    with pytest.raises(Refusal, match=r'quickstart has no preset "x"; .* none'):
        load("quickstart", ["preset=x"])


def test_presets_that_are_no_tables_are_refused(file, tmp_path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text("presets = 3\n" + TEXT.partition("[presets.smoke]")[0])
    with pytest.raises(Refusal, match=r"write \[presets\.smoke\]"):
        load(str(path))


def test_the_shipped_study_of_adaptation_has_its_presets() -> None:
    small, large = (load("adaptation", [f"preset={name}"]) for name in ("smoke", "gpu"))
    assert small.grid.agent == {"name": ["vmpo"], "memory": ["gru"]}
    assert small.training.interactions < 10_000
    assert large.training.interactions > 10 * load("adaptation").training.interactions
