"""Resampling: which observations each refit sees, and what the refits are."""

import numpy as np
import pytest

from allometry import laws
from allometry.laws import FormSettings, forms
from allometry.laws.parametric import resample
from allometry.laws.parametric.observe import observe


@pytest.fixture
def observations(table):
    return observe(forms["two-term"], table)


def test_jackknife_leaves_out_one_group_at_a_time(observations):
    weight, names = resample.weights(
        observations, FormSettings(), np.random.default_rng(0)
    )
    assert names == observations.labels
    assert weight.shape == (10, 80)
    for row, group in enumerate(weight):
        assert np.array_equal(group == 0, observations.group == row)


def test_bootstrap_draws_whole_groups(observations):
    settings = FormSettings(interval="bootstrap", resamples=300)
    weight, names = resample.weights(observations, settings, np.random.default_rng(0))
    assert len(names) == 300
    by_group = np.stack([weight[:, observations.group == g] for g in range(10)])
    assert (by_group == by_group[:, :, :1]).all()
    assert (by_group[:, :, 0].sum(0) == 10).all()
    assert by_group[:, :, 0].mean(1) == pytest.approx(np.ones(10), abs=0.2)


def test_many_groups_are_left_out_in_blocks(monkeypatch, observations):
    monkeypatch.setattr(resample, "MOST_GROUPS", 4)
    weight, names = resample.weights(
        observations, FormSettings(), np.random.default_rng(0)
    )
    assert len(names) == 4
    out = weight == 0
    assert (out.sum(0) == 1).all()
    for group in range(10):
        assert len(np.unique(weight[:, observations.group == group], axis=1).T) == 1


def test_stretches_cover_curves_once_and_only_curves(observations, table):
    weight, names = resample.stretches(observations)
    assert len(names) == len(weight) == resample.STRETCHES
    assert ((weight == 0).sum(0) == 1).all()
    few = observe(forms["two-term"], table.drop("run"))
    assert resample.stretches(few)[1] == ()


def test_a_replicate_is_the_fit_without_its_group(table):
    fit = laws.fit("two-term", table, delta=0.02)
    groups = [item for item in fit.replicates if item.of == "group"]
    assert len(groups) == 10
    for item in groups[:3]:
        size = float(item.left_out)
        rest = table.filter((table["parameters"] / size - 1).abs() > 1e-6)
        without = laws.fit("two-term", rest, delta=0.02)
        for name, one in without.parameters.items():
            assert item.parameters[name] == pytest.approx(one.value, rel=1e-4)
