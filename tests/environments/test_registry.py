"""Registry: environments by key, and a sentence for every other key."""

import pytest

from allometry.environments.environment import Environment
from allometry.environments.probes import PROBES
from allometry.environments.registry import ENVIRONMENTS, make
from allometry.refusal import Refusal


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_makes_what_it_lists(name: str) -> None:
    assert isinstance(make(name), Environment)


def test_gives_the_same_probe_twice() -> None:
    for name, probe in PROBES.items():
        assert make(name) is probe


def test_an_option_reaches_the_environment(tmp_path) -> None:
    with pytest.raises(Refusal, match=f"{tmp_path} has no file train-images"):
        make("digits", source=str(tmp_path))


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
