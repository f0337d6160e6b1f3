"""Forms are tried out before they are fitted: what is refused, and what must not be."""

import dataclasses

import jaxtyping
import numpy as np
import pytest
from scipy import special

from allometry import laws
from allometry.laws import Form, Parameter, Quantity, forms
from allometry.laws.parametric.examine import examine
from allometry.laws.parametric.observe import observe
from allometry.laws.parametric.problem import Problem
from allometry.laws.parametric.start import nonlinear
from allometry.refusal import Refusal

A, B, C = Parameter("a", linear=True), Parameter("b"), Parameter("c", linear=True)
D = Parameter("d", like="x")
SHIPPED = [name for name in (*forms, "broken-power-3") if name != "intrinsic"]
RATING = {"m_plateau": -200, "c_plateau": -100, "m_C": 500, "m_n": -422.5, "c": -4e3}


@pytest.fixture
def any_dtype():
    """Let complex numbers through annotations that say floats."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def tried(form: Form, table) -> None:
    problem = Problem(form, observe(form, table))
    examine(problem, nonlinear(problem))


def shipped_table(form: Form, x_unit: float, y_unit: float) -> dict[str, np.ndarray]:
    """Give what a form says on a grid, at its own starts, in any unit."""
    if form.name == "rating":
        axes, x_unit = (np.geomspace(1e8, 1e17, 9), np.arange(3.0, 10.0)), 1.0
        values = {name: float(value) for name, value in RATING.items()}
    else:
        axes = (np.geomspace(10.0, 1e5, 8),) * len(form.inputs)
        values = {
            item.name: 300.0 if item.like else 1.0 if item.linear else 0.2
            for item in form.parameters
        }
    grid = [axis.ravel() for axis in np.meshgrid(*axes)]
    names = [item.name for item in form.inputs]
    one = {name: np.array([[value]]) for name, value in values.items()}
    response = form.predict(dict(zip(names, grid, strict=True)), one)[0]
    table = {name: x * x_unit for name, x in zip(names, grid, strict=True)}
    return {**table, form.response.name: response * y_unit}


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e15, 1e-9), (1e-12, 1e9)])
@pytest.mark.parametrize("law", SHIPPED)
def test_shipped_forms_pass_in_any_unit_and_without_their_gradient(
    any_dtype, law, units
):
    form = forms.find(law)
    table = shipped_table(form, *units if law != "rating" else (1.0, 1.0))
    tried(form, table)
    tried(dataclasses.replace(form, gradient=None), table)


@pytest.mark.parametrize("y_unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("x_unit", [1e-20, 1.0, 1e20])
def test_a_sound_formula_passes_in_any_unit(own, curve, x_unit, y_unit):
    scaled = {"x": curve["x"] * x_unit, "y": curve["y"] * y_unit}
    tried(own(), scaled)
    wait = own(lambda i, p: p["c"] + p["a"] * np.exp(-i["x"] / p["d"]), (A, C, D))
    tried(wait, scaled)


NOT_ANALYTIC = {
    "abs": lambda i, p: np.abs(p["a"]) * i["x"] ** -p["b"] + p["c"],
    "abs of all": lambda i, p: np.abs(p["a"] * i["x"] ** -p["b"] + p["c"]),
    "real": lambda i, p: np.real(p["a"] * i["x"] ** -p["b"]) + p["c"],
    "sign": lambda i, p: p["c"] + p["a"] * (2 + np.sign(p["b"]) * i["x"] ** -0.4),
}


@pytest.mark.parametrize("case", NOT_ANALYTIC)
def test_formulas_that_are_not_analytic_are_refused(own, curve, case):
    name = "b" if case == "sign" else "a"
    with pytest.raises(
        Refusal,
        match=f"^The form 'own': its formula is not analytic in '{name}' .* where "
        r"differences give .* Give the form a gradient of your own \(gradient=\.\.\.\)",
    ):
        laws.fit(own(NOT_ANALYTIC[case]), curve)


def slopes(inputs, p):
    fall = inputs["x"] ** -p["b"]
    return {"a": fall, "b": -p["a"] * fall * np.log(inputs["x"]), "c": np.ones((1, 1))}


def test_a_right_gradient_serves_a_formula_that_is_not_analytic(own, curve):
    fit = laws.fit(own(NOT_ANALYTIC["abs of all"], gradient=slopes), curve)
    found = {name: one.value for name, one in fit.parameters.items()}
    assert found == pytest.approx({"a": 2.0, "b": 0.4, "c": 0.3}, rel=1e-6)


@pytest.mark.parametrize(
    ("factor", "number"), [(-1.0, r"[\d.]+ where .* give -[\d.]+"), (0.0, "-?0 where")]
)
def test_a_wrong_gradient_is_refused(own, curve, factor, number):
    """Its parameter would stay where it starts, with an interval of no width."""

    def wrong(inputs, p):
        right = slopes(inputs, p)
        return right | {"b": factor * right["b"]}

    with pytest.raises(
        Refusal, match=f"its gradient by 'b' is wrong, {number}.* Mend it, or leave it"
    ):
        laws.fit(own(gradient=wrong), curve)


def test_functions_that_take_no_complex_numbers_need_a_gradient(own):
    def share(inputs, p):
        return special.expit(p["b"] * (np.log(p["d"]) - np.log(inputs["x"])))

    def predict(inputs, p):
        return p["a"] * share(inputs, p) + p["c"]

    def gradient(inputs, p):
        part = share(inputs, p)
        fall = p["a"] * part * (1 - part)
        past = np.log(p["d"]) - np.log(inputs["x"])
        return {
            "a": part,
            "b": fall * past,
            "c": np.ones((1, 1)),
            "d": fall * p["b"] / p["d"],
        }

    x = np.geomspace(1.0, 1e4, 60)
    table = {"x": x, "y": 2 / (1 + (x / 50) ** 0.8) + 0.3}
    bare = own(predict, (A, B, C, D))
    with pytest.raises(
        Refusal,
        match=r"has no `gradient`, and its formula takes no complex numbers.*'expit'.*"
        r"Give it a gradient \(gradient=\.\.\.\)",
    ):
        laws.fit(bare, table)
    fit = laws.fit(dataclasses.replace(bare, gradient=gradient), table)
    found = {name: one.value for name, one in fit.parameters.items()}
    assert found == pytest.approx({"a": 2.0, "b": 0.8, "c": 0.3, "d": 50.0}, rel=1e-6)


FLAT = Parameter("c", bounds=(1e-4, 10.0), starts=(1e-3, 0.1, 1.0))
PIECES = {
    "maximum": lambda i, p: np.maximum(p["a"] * i["x"] ** -p["b"], p["c"]),
    "clip": lambda i, p: np.clip(p["a"] * i["x"] ** -p["b"], p["c"], None),
    "where": lambda i, p: np.where(
        p["a"] * i["x"] ** -p["b"] > p["c"], p["a"] * i["x"] ** -p["b"], p["c"]
    ),
}


@pytest.mark.parametrize("case", PIECES)
def test_pieces_that_meet_are_fitted(own, case):
    x = np.geomspace(1.0, 1e4, 60)
    luck = np.exp(np.random.default_rng(0).normal(0, 0.01, 60))
    table = {"x": x, "y": np.maximum(2 * x**-0.4, 0.1) * luck}
    fit = laws.fit(own(PIECES[case], (A, B, FLAT)), table)
    assert fit.identified
    for name, truth in (("a", 2.0), ("b", 0.4), ("c", 0.1)):
        one = fit.parameters[name]
        assert one.value == pytest.approx(truth, rel=0.02)
        assert one.low < one.value < one.high


def test_a_floor_that_starts_below_all_else_is_no_jump(own, curve):
    low = dataclasses.replace(FLAT, starts=(0.2,))
    tried(own(PIECES["maximum"], (A, B, low)), {**curve, "y": curve["y"] + 1})


@pytest.mark.parametrize(
    ("predict", "parameters", "name"),
    [
        (lambda i, p: np.where(i["x"] < p["d"], p["a"], p["c"]), (A, C, D), "d"),
        (lambda i, p: p["a"] * i["x"] ** -np.round(p["b"]), (A, B), "b"),
        (lambda i, p: p["c"] + p["a"] * np.round(p["b"] * i["x"]), (A, B, C), "b"),
        (lambda i, p: p["a"] * i["x"] ** -(1.0 * (p["b"] > 0.7)), (A, B), "b"),
    ],
)
def test_a_jump_is_refused(own, curve, predict, parameters, name):
    with pytest.raises(
        Refusal, match=f"its formula jumps as '{name}' changes .* Write the jump as a s"
    ):
        laws.fit(own(predict, parameters), curve)


LUCK = np.random.default_rng(0)


@pytest.mark.parametrize(
    "predict",
    [
        lambda i, p: p["c"] + p["a"] * (i["x"] / i["x"].max()) ** -p["b"],
        lambda i, p: p["c"] + p["a"] * np.cumsum(i["x"]) ** -p["b"],
        lambda i, p: p["c"] + p["a"] / p["a"].mean() * i["x"] ** -p["b"],
        lambda i, p: p["c"] + p["a"] * i["x"] ** -p["b"] * LUCK.uniform(1, 2),
    ],
)
def test_a_value_that_depends_on_others_is_refused(own, curve, predict):
    with pytest.raises(Refusal, match="gives other values when it is asked again"):
        laws.fit(own(predict), curve)


@pytest.mark.parametrize(
    ("predict", "parameters", "said"),
    [
        (
            lambda i, p: p["a"] * i["x"] ** -p["b"] + p["c"],
            (A, Parameter("b", linear=True), C),
            "'b', which linear=True says",
        ),
        (
            lambda i, p: p["a"] * p["c"] * i["x"] ** -p["b"],
            (A, B, C),
            "'a', 'c' together, which linear=True says",
        ),
    ],
)
def test_a_wrong_claim_to_be_linear_is_refused(own, curve, predict, parameters, said):
    with pytest.raises(Refusal, match=f"its formula is not linear in {said}"):
        laws.fit(own(predict, parameters), curve)


def test_a_constant_beside_what_is_linear_is_allowed(own, curve):
    fit = laws.fit(own(lambda i, p: 0.3 + p["a"] * i["x"] ** -p["b"], (A, B)), curve)
    assert fit.parameters["a"].value == pytest.approx(2.0, rel=1e-6)
    assert fit.parameters["b"].value == pytest.approx(0.4, rel=1e-6)


def test_overflow_at_some_starts_is_no_error(own):
    x = np.linspace(1.0, 1000.0, 50)
    growth = own(
        lambda i, p: p["a"] * np.exp(p["b"] * i["x"]),
        (A, Parameter("b", bounds=(1e-4, 10.0), starts=(0.01, 0.5, 5.0))),
    )
    fit = laws.fit(growth, {"x": x, "y": 3 * np.exp(0.004 * x)})
    assert fit.parameters["b"].value == pytest.approx(0.004, rel=1e-6)


def test_an_input_of_zero_is_no_error(own):
    x = np.arange(0.0, 60.0)
    form = dataclasses.replace(own(), inputs=(Quantity("x", positive=False),))
    rise = dataclasses.replace(
        form, predict=lambda i, p: p["a"] * i["x"] ** p["b"] + p["c"]
    )
    fit = laws.fit(rise, {"x": x, "y": 0.3 + 2 * x**0.7})
    found = {name: one.value for name, one in fit.parameters.items()}
    assert found == pytest.approx({"a": 2.0, "b": 0.7, "c": 0.3}, rel=1e-6)
