"""What the author of a form got wrong is said in the form's name, with what to do."""

import math

import numpy as np
import pytest

from allometry import laws
from allometry.laws import Derived
from allometry.laws.parametric import formula
from allometry.refusal import Refusal

X = {"x": np.arange(1.0, 8.0)}
VALUES = {name: np.full((5, 1), 0.5) for name in "abc"}
CALLED = r"It is called with the inputs \(x\) and the parameters \(a, b, c\), in this"


def changing(inputs, p):
    x = inputs["x"]
    x += 1.0
    return p["a"] * x


@pytest.mark.parametrize(
    ("predict", "said"),
    [
        (lambda i, p: p["a"] * i["X"], "its formula asks for 'X', which is not where"),
        (lambda p, i: p["a"] * i["x"], "asks for 'a', which is not.* " + CALLED),
        (lambda i, p: {}[1], "asks for 1, which is not"),
        (
            lambda p: p["a"],
            "fails with TypeError: .* 1 positional argument.* " + CALLED,
        ),
        (lambda i, p: p.a, "fails with AttributeError: .* no attribute 'a'\\.$"),
        (lambda i, p: 1 / 0, "fails with ZeroDivisionError: division by zero\\.$"),
        (lambda i, p: math.exp(p["a"]), "TypeError.* np.exp rather than math.exp"),
        (lambda i, p: 1.0 if p["a"] > 1 else p["c"], "ValueError.* np.where rather"),
        (lambda i, p: [[1.0], [2.0, 3.0]], "fails with ValueError: setting an array"),
        (lambda i, p: changing(i, p), "read-only. It may not change the arrays"),
        (lambda i, p: p["a"].__imul__(2), "read-only. It may not change the arrays"),
        (lambda i, p: None, "its formula gives None: let it return"),
        (lambda i, p: "y", "its formula gives str.* where it should give real numbers"),
        (lambda i, p: p["a"] * i["x"] + 0j, "its formula gives complex128 where"),
        (lambda i, p: (p["a"] * i["x"]).astype("f4"), "gives float32, which has too"),
        (lambda i, p: 2.0, r"gives a single number where .* shape \[5, 7\]"),
        (lambda i, p: p["a"][0] * i["x"], r"gives shape \[7\] where .* shape \[5, 7\]"),
        (lambda i, p: (p["a"] * i["x"]).T, r"gives shape \[7, 5\] where"),
    ],
)
def test_a_formula_that_cannot_be_used_is_refused(own, predict, said):
    with pytest.raises(Refusal, match=f"^The form 'own': .*{said}"):
        formula.response(own(predict), X, VALUES)
    with pytest.raises(Refusal, match=f"^The form 'own': .*{said}"):
        laws.fit(own(predict), {**X, "y": 1 / X["x"]})


@pytest.mark.parametrize(
    "predict",
    [
        lambda i, p: p["a"] * i["x"],
        lambda i, p: (p["a"] * i["x"]).tolist(),
        lambda i, p: p["a"] + 0 * p["b"],
        lambda i, p: np.where(p["a"] * i["x"] > 1, 1, 0),
    ],
)
def test_a_response_is_one_number_for_each_choice_and_observation(own, predict):
    found = formula.response(own(predict), X, VALUES)
    assert found.shape == (5, 7)
    assert found.dtype == np.float64
    assert np.array_equal(found, np.broadcast_to(predict(X, VALUES), (5, 7)))


def test_overflow_at_a_trial_point_is_no_error(own):
    found = formula.response(own(lambda i, p: p["a"] * np.exp(1e3 * i["x"])), X, VALUES)
    assert np.isposinf(found).all()


RIGHT = {"a": np.ones(7), "b": np.ones((5, 7)), "c": 1}


@pytest.mark.parametrize(
    ("gradient", "said"),
    [
        (lambda i, p: {"a": 1.0, "c": 1.0}, "no derivative by 'b'; it has: a, c"),
        (lambda i, p: {}, "no derivative by 'a'; it has: none"),
        (lambda i, p: [1.0, 1.0, 1.0], "gives list where it should give a dict of der"),
        (lambda i, p: None, "gives NoneType where it should give a dict of deriv"),
        (lambda i, p: 1 / 0, "its gradient fails with ZeroDivisionError"),
        (lambda i, p: {"a": i["y"]}, "its gradient asks for 'y', which is not where"),
        (lambda i, p: RIGHT | {"c": "1"}, "its gradient by 'c' gives str"),
        (lambda i, p: RIGHT | {"c": None}, "its gradient by 'c' gives None: let it"),
        (
            lambda i, p: RIGHT | {"b": np.ones(4)},
            r"by 'b' is shape \[4\], which does not fit the response's shape, \[5, 7\]",
        ),
        (
            lambda i, p: RIGHT | {"b": np.ones((1, 5, 7))},
            r"by 'b' is shape \[1, 5, 7\]",
        ),
    ],
)
def test_a_gradient_that_cannot_be_used_is_refused(own, gradient, said):
    with pytest.raises(Refusal, match=f"^The form 'own': .*{said}"):
        formula.gradient(own(gradient=gradient), X, VALUES)


def test_derivatives_may_be_of_any_shape_that_fits(own):
    found = formula.gradient(own(gradient=lambda i, p: RIGHT), X, VALUES)
    assert list(found) == ["a", "b", "c"]
    assert all(slope.shape == (5, 7) for slope in found.values())


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (
            lambda p: p["x"],
            r"asks for 'x', .* called with the parameters \(a, b, c\)\.",
        ),
        (lambda p: math.log(p["a"]), "fails with TypeError.* np.exp rather than math"),
        (lambda p: 2.0, r"is a single number for parameters of shape \[5\]: it should"),
        (lambda p: p["a"][:2], r"is shape \[2\] for parameters of shape \[5\]"),
        (lambda p: None, "gives None"),
        (lambda p: p["a"] + 1j, "gives complex128 where it should give real numbers"),
    ],
)
def test_what_is_derived_is_one_number_for_each_law(own, curve, of, said):
    form = own(derived={"ratio": Derived(of)})
    with pytest.raises(Refusal, match=f"^The form 'own': its derived 'ratio' {said}"):
        formula.derived(form, VALUES)
    with pytest.raises(Refusal, match=r"^The form 'own': its derived 'ratio' "):
        laws.fit(form, curve)
