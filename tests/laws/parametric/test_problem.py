"""Residuals over θ: scales, bounds, derivatives."""

import numpy as np
import pytest

from allometry import laws
from allometry.laws import Form, Parameter, Quantity, forms
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem


@pytest.fixture
def problem(table) -> Problem:
    return Problem(forms["two-term"], observe(forms["two-term"], table))


TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}


def test_theta_is_the_logarithm_of_what_is_positive(problem):
    theta = problem.theta(TRUTH)
    assert theta == pytest.approx(np.log(list(TRUTH.values())))
    values = problem.values(theta[None])
    assert {name: value.item() for name, value in values.items()} == pytest.approx(
        TRUTH
    )


def test_theta_is_kept_inside_the_bounds(problem):
    outside = problem.theta({**TRUTH, "alpha": 99.0, "beta": 1e-9})
    assert problem.at_bound(outside) == ["alpha", "beta"]
    assert problem.at_bound(problem.theta(TRUTH)) == []


def test_residuals_are_log_ratios_and_their_slopes_are_right(problem):
    theta = problem.theta(TRUTH)[None]
    residual, slopes = problem.residuals(theta)
    assert np.std(residual) == pytest.approx(0.01, rel=0.3)
    for index, slope in enumerate(slopes):
        step = np.zeros_like(theta)
        step[0, index] = 1e-5
        up, down = (problem.residuals(theta + s)[0] for s in (step, -step))
        assert slope == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-8)


def test_linear_residuals_are_differences():
    x, y = np.geomspace(1e12, 1e18, 30), np.linspace(0.1, 0.8, 30)
    form = forms["sigmoid"]
    problem = Problem(form, observe(form, {"compute": x, "performance": y}))
    theta = problem.theta({"R_0": -0.2, "A": 0.8, "C_mid": 1e15, "B": 0.7})
    values = problem.values(theta[None])
    assert values["R_0"].item() == pytest.approx(-0.2)
    assert values["A"].item() == pytest.approx(0.8)
    residual, _ = problem.residuals(theta[None])
    predicted = form.predict(problem.inputs, values)
    assert residual == pytest.approx(predicted - y)


def test_a_place_is_sought_around_the_inputs_values():
    h = np.array([1.0, 4.0, 16.0, 64.0, 256.0])
    form = forms["horizon"]
    problem = Problem(form, observe(form, {"horizon": h, "interactions": 1e4 * h}))
    assert np.exp(problem.bounds[0][1]) < 1e-3
    assert np.exp(problem.bounds[1][1]) > 256e3


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1e6, 1e9])
def test_a_fit_knows_no_unit_of_the_response(unit):
    """What may be negative is searched in its own size: no column dwarfs the others."""
    x = np.geomspace(1e12, 1e18, 60)
    luck = np.random.default_rng(0).normal(0, 0.01, 60)
    y = 0.1 + 0.7 / (1 + (1e15 / x) ** 0.7) + luck
    one = laws.fit("sigmoid", {"compute": x, "performance": y}).parameters
    other = laws.fit("sigmoid", {"compute": x, "performance": y * unit}).parameters
    for name, factor in (("R_0", unit), ("A", unit), ("C_mid", 1.0), ("B", 1.0)):
        for edge in ("value", "low", "high"):
            there = getattr(other[name], edge)
            assert there == pytest.approx(factor * getattr(one[name], edge), rel=1e-5)


def test_a_fit_knows_no_unit_of_an_input_with_places_below_zero():
    def step(unit):
        return Form(
            name="step",
            formula="y = a + c tanh((x − d)/w)",
            residual="linear",
            inputs=(Quantity("x", positive=False),),
            response=Quantity("y", positive=False),
            parameters=(
                Parameter("a", linear=True, positive=False),
                Parameter("c", linear=True, positive=False),
                Parameter(
                    "d",
                    bounds=(-5.0 * unit, 5.0 * unit),
                    starts=(-unit, unit),
                    positive=False,
                ),
                Parameter("w", bounds=(0.1 * unit, 10.0 * unit), starts=(unit,)),
            ),
            predict=lambda inputs, p: (
                p["a"] + p["c"] * np.tanh((inputs["x"] - p["d"]) / p["w"])
            ),
        )

    x = np.linspace(-3.0, 3.0, 60)
    y = 5 + np.tanh((x - 0.7) / 0.8) + np.random.default_rng(0).normal(0, 0.01, 60)
    one = laws.fit(step(1.0), {"x": x, "y": y}).parameters
    other = laws.fit(step(1e9), {"x": x * 1e9, "y": y}).parameters
    for name, factor in (("a", 1.0), ("c", 1.0), ("d", 1e9), ("w", 1e9)):
        assert other[name].value == pytest.approx(factor * one[name].value, rel=1e-5)
        assert other[name].high == pytest.approx(factor * one[name].high, rel=1e-5)
