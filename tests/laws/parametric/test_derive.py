"""What is derived: its value, its interval, and when the data tell it."""

import numpy as np
import pytest

from allometry import laws
from allometry.laws import Derived, Parameter, forms
from allometry.laws.parametric.derive import reads
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem
from allometry.refusal import Refusal

TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}


def test_a_ratio_has_its_value_and_interval(own, curve):
    luck = np.exp(np.random.default_rng(0).normal(0, 0.01, 60))
    ratio = Derived(lambda p: p["a"] / p["c"], "a per c")
    fit = laws.fit(own(derived={"ratio": ratio}), {**curve, "y": curve["y"] * luck})
    one, values = fit.derived["ratio"], fit.parameters
    assert one.value == pytest.approx(values["a"].value / values["c"].value)
    assert one.low < 2.0 / 0.3 < one.high
    assert one.high / one.low < 1.1
    assert one.unit == "a per c"
    assert one.identified


def test_exponents_that_are_not_told_leave_their_ratio_untold():
    """Data grow with size: alpha and beta cannot be told apart, whatever the ratio."""
    size = np.geomspace(1e6, 1e10, 40)
    luck = np.exp(np.random.default_rng(0).normal(0, 0.005, 40))
    loss = (1.7 + 400 * size**-0.34 + 2000 * (20 * size) ** -0.37) * luck
    table = {"parameters": size, "data": 20 * size, "loss": loss}
    fit = laws.fit("two-term", table)
    assert not fit.parameters["alpha"].identified
    assert not fit.parameters["beta"].identified
    one = fit.derived["size_exponent"]
    assert np.isfinite([one.low, one.high]).all()
    assert not one.identified
    assert not fit.derived["data_exponent"].identified


def test_a_grid_tells_the_exponents_and_their_ratio(table):
    fit = laws.fit("two-term", table)
    assert fit.derived["size_exponent"].identified
    assert fit.derived["size_exponent"].value == pytest.approx(0.37 / 0.71, abs=0.02)


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (lambda p: p["beta"] / (p["alpha"] + p["beta"]), {"alpha", "beta"}),
        (lambda p: np.log(p["A"] * p["B"]), {"A", "B"}),
        (lambda p: 0 * p["E"] + 2, set()),
        (lambda p: np.round(p["beta"]), {"beta"}),
        (lambda p: np.where(p["E"] > 1.0, p["alpha"], p["beta"]), {"E", "alpha"}),
        (lambda p: p["E"] + 1e-6 * p["alpha"], {"E", "alpha"}),
    ],
)
def test_parameters_that_something_depends_on_are_found(table, of, names):
    problem = Problem(forms["two-term"], observe(forms["two-term"], table))
    theta = problem.theta(TRUTH)[None]
    assert reads(problem, theta, Derived(of)) == names


def test_what_rests_on_a_parameter_without_effect_is_not_told(own, curve):
    parameters = (
        Parameter("a", linear=True),
        Parameter("b"),
        Parameter("c", linear=True),
        Parameter("idle"),
    )
    derived = {
        "told": Derived(lambda p: p["a"] * p["b"]),
        "untold": Derived(lambda p: p["a"] * p["idle"]),
    }
    fit = laws.fit(own(parameters=parameters, derived=derived), curve)
    assert fit.derived["told"].identified
    assert not fit.derived["untold"].identified


def test_what_is_not_a_number_is_not_told(own, curve):
    fit = laws.fit(own(derived={"no": Derived(lambda p: np.log(-p["a"]))}), curve)
    assert np.isnan(fit.derived["no"].value)
    assert not fit.derived["no"].identified
    assert fit.parameters["a"].identified


def test_a_negative_value_has_no_interval_on_a_log_scale(own, curve):
    slope = Derived(lambda p: -p["b"])
    with pytest.raises(
        Refusal, match=r"derived 'slope' is -0\.4, .* Set positive=False"
    ):
        laws.fit(own(derived={"slope": slope}), curve)
    slope = Derived(lambda p: -p["b"], positive=False)
    fit = laws.fit(own(derived={"slope": slope}), curve)
    assert fit.derived["slope"].value == pytest.approx(-0.4, rel=1e-6)
    assert fit.derived["slope"].identified
