"""Starts: the grid, what is solved for, and what a form reads in the data."""

import dataclasses

import numpy as np
import pytest

from allometry import laws
from allometry.laws import Form, Parameter, Quantity, forms
from allometry.laws.parametric import start
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem
from allometry.refusal import Refusal


def problem_of(form: Form, table) -> Problem:
    return Problem(form, observe(form, table))


def test_linear_constants_are_solved_for_at_every_start(table):
    problem = problem_of(forms["two-term"], table)
    found = start.starts(problem)
    assert found.shape == (9, 5)
    for theta in found:
        values = problem.values(theta[None])
        fixed = {name: values[name] for name in ("alpha", "beta")}
        ones = {name: np.ones((1, 1)) for name in ("E", "A", "B")}
        slopes = problem.form.derivatives(problem.inputs, {**fixed, **ones})
        terms = np.stack([slopes[n][0] for n in ones], -1) / problem.response[:, None]
        scale = np.linalg.norm(terms, axis=0)
        solved = np.array([values[name].item() for name in ones]) * scale
        best, *_ = np.linalg.lstsq(terms / scale, np.ones(80))
        if (best > 0.1).all():
            assert solved == pytest.approx(best, rel=1e-6)
        assert (solved > 0).all()


def test_places_start_low_in_the_middle_and_high():
    h = np.geomspace(1.0, 1e4, 41)
    problem = problem_of(
        forms["horizon"], {"horizon": h, "interactions": 1e4 * (1 + h / 30)}
    )
    places = np.exp(start.starts(problem)[:, 1])
    assert places == pytest.approx(np.quantile(h, start.QUANTILES))


def many(initial=None) -> Form:
    """Make a form with 4⁵ starts."""
    names = [f"k_{i}" for i in range(5)]
    return Form(
        name="many",
        formula="y = x^Σk",
        inputs=(Quantity("x"),),
        response=Quantity("y"),
        parameters=tuple(
            Parameter(name, starts=(0.1, 0.2, 0.3, 0.4)) for name in names
        ),
        predict=lambda inputs, p: inputs["x"] ** sum(p[name] for name in names),
        initial=initial,
    )


def test_a_large_grid_is_thinned_from_end_to_end():
    problem = problem_of(many(), {"x": np.arange(1.0, 20.0), "y": np.arange(1.0, 20.0)})
    found = np.exp(start.starts(problem))
    assert found.shape == (start.MOST, 5)
    assert found[0] == pytest.approx(np.full(5, 0.1))
    assert found[-1] == pytest.approx(np.full(5, 0.4))
    assert len(np.unique(found, axis=0)) == start.MOST


def test_a_form_may_read_its_starts_in_the_data():
    def initial(inputs, response):
        return [{f"k_{i}": float(response.max() / 100) for i in range(5)}]

    problem = problem_of(
        many(initial), {"x": np.arange(1.0, 20.0), "y": np.arange(1.0, 20.0)}
    )
    assert np.exp(start.starts(problem)) == pytest.approx(np.full((1, 5), 0.19))


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        (lambda i, y: 1 / 0, r"fails with ZeroDivisionError: division by zero\.$"),
        (
            lambda i, y: [{"b": i["z"]}],
            r"asks for 'z', .* the inputs \(x\) and the resp",
        ),
        (
            lambda i: [],
            r"fails .* 1 positional argument .* the inputs \(x\) and the response \(y",
        ),
        (
            lambda i, y: None,
            r"fails with TypeError.* a list of starts: \[\{'b': 0\.5\}\]",
        ),
        (lambda i, y: {"b": 0.5}, r"fails with ValueError.* a list of starts"),
        (lambda i, y: [{"b": y}], r"fails with TypeError.* a list of starts"),
        (lambda i, y: [], "gives no start"),
        (lambda i, y: [{"a": 1.0}], "gives 'b' no finite start; each start needs: b"),
        (lambda i, y: [{"b": 0.5}, {"b": np.nan}], "gives 'b' no finite start"),
    ],
)
def test_an_initial_that_gives_no_starts_is_refused(own, curve, initial, said):
    with pytest.raises(Refusal, match=f"^The form 'own': its `initial` {said}"):
        laws.fit(own(initial=initial), curve)


def test_linear_constants_of_a_start_are_solved_for_whatever_it_says(own, curve):
    given = own(initial=lambda i, y: [{"b": np.float64(0.5), "a": -7.0}])
    fit = laws.fit(given, curve)
    assert fit.parameters["a"].value == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (Parameter("b", bounds=(0.0, 1.0)), "its lower bound is 0: give one above 0,"),
        (Parameter("b", bounds=(-5.0, 5.0)), r"is -5: .* or set positive=False"),
        (Parameter("b", bounds=(5.0, 0.1)), "bounds 5 and 0.1: the lower is first"),
        (Parameter("b", bounds=(2.0, 8.0)), "no start from 2 to 8, its bounds: give"),
        (Parameter("b", starts=()), "has no start from 0.01 to 10"),
    ],
)
def test_a_parameter_that_cannot_be_searched_is_refused(own, parameter, said):
    with pytest.raises(Refusal, match=f"^The form 'own': its parameter 'b' .*{said}"):
        own(parameters=(parameter,))


def test_bounds_matter_only_where_they_are_used(own):
    for more in ({"linear": True}, {"like": "x"}):
        own(parameters=(Parameter("b", bounds=(0.0, 0.0), starts=(), **more),))
    wide = Parameter("b", bounds=(-5.0, 5.0), starts=(0.0,), positive=False)
    assert own(parameters=(wide,)).names == ("b",)
    far = Parameter("b", bounds=(2.0, 8.0))
    own(parameters=(far,), initial=lambda i, y: [{"b": 3.0}])


def test_a_place_needs_an_input_that_is_above_zero(own):
    place = Parameter("d", like="x")
    with pytest.raises(Refusal, match=r"'d' is like 'x', which may be 0 .* bounds and"):
        dataclasses.replace(
            own(), inputs=(Quantity("x", positive=False),), parameters=(place,)
        )


def test_a_form_needs_an_input_and_a_parameter(own):
    with pytest.raises(Refusal, match="'own' needs an input and a parameter"):
        own(parameters=())
    with pytest.raises(Refusal, match="'own' needs an input and a parameter"):
        dataclasses.replace(own(), inputs=())


@pytest.mark.parametrize(
    ("predict", "said"),
    [
        (
            lambda i, p: np.log(i["x"] - 100) * p["a"] + p["c"],
            "that is not finite at up to 30 of 60 observations, such as where x = 1. "
            "Mend the formula, or begin elsewhere",
        ),
        (
            lambda i, p: p["a"] - p["a"] + p["c"] - p["c"] - i["x"],
            "that is not above 0, though its logarithm is taken, at up to 60 of 60 "
            "observations, such as where x = 1. Mend the formula, set residual=",
        ),
    ],
)
def test_a_formula_that_is_defined_nowhere_is_refused(own, curve, predict, said):
    parameters = (Parameter("a", linear=True), Parameter("c", linear=True))
    with pytest.raises(
        Refusal, match=f"wherever the search starts, its formula gives a 'y' {said}"
    ):
        laws.fit(own(predict, parameters), curve)


def test_fewer_observations_than_constants_are_refused():
    with pytest.raises(Refusal, match="has 2 parameters, and there are 2 observations"):
        laws.fit("power", {"x": [1.0, 2.0], "y": [2.0, 1.0]})
