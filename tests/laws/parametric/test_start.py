"""Starts: the grid, what is solved for, and what a form reads in the data."""

import numpy as np
import pytest

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


def test_fewer_observations_than_constants_are_refused():
    from allometry import laws

    with pytest.raises(Refusal, match="has 2 parameters, and there are 2 observations"):
        laws.fit("power", {"x": [1.0, 2.0], "y": [2.0, 1.0]})
