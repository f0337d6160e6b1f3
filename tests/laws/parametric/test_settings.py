"""Settings of a form's fit: what makes no sense is refused in a sentence."""

import math

import pytest

from allometry import laws
from allometry.laws import FormSettings
from allometry.refusal import Refusal


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delta": 0.0}, "delta is 0: give a number above 0"),
        ({"delta": -1.0}, "delta is -1: give a number above 0"),
        ({"delta": math.nan}, "delta is nan: give a number above 0"),
        ({"delta": math.inf}, "delta is inf: give a number above 0 that is finite"),
        ({"chance": math.nan}, "chance is nan: give a finite number"),
        ({"seed": -1}, "seed is -1: give a whole number of at least 0"),
        ({"exclude_first": math.nan}, "exclude_first is nan: give the share"),
        ({"resamples": 5}, "resamples is 5: an interval needs at least 20"),
        ({"exclude_first": 1.0}, "exclude_first is 1: give the share"),
        ({"exclude_first": -0.1}, "at least 0 and less than 1"),
    ],
)
def test_values_without_sense_are_refused(options, said):
    with pytest.raises(Refusal, match=said):
        FormSettings(**options)


def test_settings_are_given_as_a_record_or_as_options(table):
    settings = FormSettings(loss="squared", tuned="learning rate")
    one = laws.fit("two-term", table, settings=settings)
    other = laws.fit("two-term", table, loss="squared", tuned="learning rate")
    assert one == other
    assert one.card["tuned"] == "learning rate"
    assert one.card["method"]["objective"] == "squared ln ŷ − ln y"


def test_unknown_options_and_both_at_once_are_refused(table):
    with pytest.raises(Refusal, match="have no key 'los'"):
        laws.fit("two-term", table, los="huber")
    with pytest.raises(Refusal, match="setting 'loss' cannot be used"):
        laws.fit("two-term", table, loss="cauchy")
    with pytest.raises(Refusal, match="Settings are given, and 'loss' besides"):
        laws.fit("two-term", table, settings=FormSettings(), loss="huber")
    with pytest.raises(Refusal, match="takes FormSettings, not IntrinsicSettings"):
        laws.fit("two-term", table, settings=laws.IntrinsicSettings())


def test_same_seed_same_intervals_other_seed_others(table):
    def fit(**options):
        return laws.fit(
            "two-term", table, interval="bootstrap", resamples=50, **options
        ).parameters["alpha"]

    assert fit() == fit(seed=0)
    assert fit() != fit(seed=1)
