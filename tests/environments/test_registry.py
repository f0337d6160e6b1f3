"""Registry: environments by key, and a sentence for every other key."""

import sys

import pytest

from allometry.environments.environment import Environment
from allometry.environments.probes import PROBES
from allometry.environments.registry import ENVIRONMENTS, FOREIGN, make
from allometry.refusal import Refusal


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_makes_what_it_lists(name: str) -> None:
    if name in FOREIGN:
        pytest.importorskip(name, reason=f"{name} is not installed")
    assert isinstance(make(name), Environment)


def test_gives_the_same_probe_twice() -> None:
    for name, probe in PROBES.items():
        assert make(name) is probe


def test_an_option_reaches_the_environment(tmp_path) -> None:
    with pytest.raises(Refusal, match=f"{tmp_path} has no file train-images"):
        make("digits", source=str(tmp_path))


def test_dials_are_options_of_xland() -> None:
    environment = make("xland", preset="small", arena=8, predicates=["near", "hold"])
    assert environment.dials.arena == 8
    assert environment.dials.predicates == ("near", "hold")
    assert environment.dials.objects == make("xland", preset="small").dials.objects
    assert not environment.held_out
    assert make("xland", held_out=True).held_out
    with pytest.raises(Refusal, match=r"XLand has no dial 'arenas'; it has: .*arena"):
        make("xland", arenas=8)
    assert set(make("xland", observation="rays").spec.observation._fields) > {"rays"}
    assert make("xland", split="unseen_shape").dials.shapes == 4
    with pytest.raises(Refusal, match="no split 'unseen'; choose one of: unseen_colou"):
        make("xland", split="unseen")


def test_a_foreign_environment_takes_its_librarys_parameters() -> None:
    pytest.importorskip("xminigrid", reason="xminigrid is not installed")
    environment = make("xminigrid", id="MiniGrid-Empty-6x6", max_steps=9)
    assert environment.params.height == 6
    assert environment.params.max_steps == 9


def test_a_library_that_is_missing_is_told_when_it_is_needed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnax", None)
    with pytest.raises(Refusal, match="gymnax is not installed"):
        make("gymnax", id="CartPole-v1")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        Refusal, match=r'no environment "digit"\. Choose one of: .*digits'
    ):
        make("digit")


@pytest.mark.parametrize(
    ("name", "known"), [("digits", "source"), ("one_value", "none")]
)
def test_an_unknown_option_lists_the_known_ones(name: str, known: str) -> None:
    with pytest.raises(Refusal, match=f'no option "sauce". Its options: {known}.'):
        make(name, sauce="sklearn")
