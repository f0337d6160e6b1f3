"""Broken power laws: how many bends, their order, their asymptotes."""

import numpy as np
import pytest

from allometry import laws
from allometry.laws import forms
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem
from allometry.refusal import Refusal


def test_name_gives_the_number_of_bends():
    assert forms.find("broken-power").names == ("a", "b", "c_0", "c_1", "d_1", "f_1")
    assert forms.find("broken-power-1").name == "broken-power"
    assert forms["broken-power"].formula == forms.find("broken-power").formula
    three = forms.find("broken-power-3")
    assert three.name == "broken-power-3"
    assert [name for name in three.names if name.startswith("d_")] == [
        "d_1", "d_2", "d_3",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["broken-power-0", "broken-power-9"])
def test_too_many_or_no_bends_are_refused(name):
    with pytest.raises(Refusal, match="is not offered: ask for 1 to"):
        forms.find(name)


@pytest.mark.parametrize("name", ["broken-power-two", "broken-power-1.5"])
def test_a_number_that_is_none_is_refused(name):
    with pytest.raises(Refusal, match="say the number of bends"):
        forms.find(name)


def test_slopes_far_from_the_bend_are_the_exponents(cases):
    case = cases["broken-power"]
    far = np.array([1e-20, 1e-19, 1e40, 1e41])
    inputs = {"x": far}
    values = {name: np.array([[v]]) for name, v in {**case.truth, "a": 0.0}.items()}
    log_y = np.log(case.form.predict(inputs, values)[0])
    first, last = np.diff(log_y)[[0, 2]] / np.log(10)
    assert first == pytest.approx(-0.1)
    assert last == pytest.approx(-0.5)


def test_bends_are_reported_in_order_whatever_the_search_found(cases):
    case = cases["broken-power-2"]
    problem = Problem(case.form, observe(case.form, case.table()))
    swapped = dict(case.truth)
    for letter in "cdf":
        first, second = f"{letter}_1", f"{letter}_2"
        swapped[first], swapped[second] = case.truth[second], case.truth[first]
    both = np.stack([problem.theta(swapped), problem.theta(dict(case.truth))])
    expected = problem.theta(dict(case.truth))
    assert problem.ordered(both) == pytest.approx(np.stack([expected, expected]))


def test_every_replicate_has_its_bends_in_order(cases):
    case = cases["broken-power-2"]
    luck = np.random.default_rng(0).normal(0.0, 0.02, 80)
    table = case.table()
    fit = laws.fit("broken-power-2", {**table, "y": table["y"] * np.exp(luck)})
    for item in fit.replicates:
        assert item.parameters["d_1"] < item.parameters["d_2"]
    assert fit.parameters["d_1"].low < 1e5 < fit.parameters["d_1"].high
    assert fit.parameters["d_2"].low < 1e9 < fit.parameters["d_2"].high


def test_a_floor_that_is_nowhere_seen_leaves_the_law_told(cases):
    case = cases["broken-power"]
    luck = np.random.default_rng(1).normal(0.0, 0.02, 40)
    y = case.response(a=1e-12) * np.exp(luck)
    fit = laws.fit("broken-power", {**case.inputs, "y": y})
    assert fit.identified
    assert not fit.parameters["a"].identified
    assert fit.parameters["c_1"].identified
    assert any("The term of a is nowhere seen" in said for said in fit.warnings)
