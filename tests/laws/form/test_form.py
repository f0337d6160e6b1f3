"""What every form keeps to: its derivatives, its recovery; and forms of one's own."""

import dataclasses

import jaxtyping
import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws import Form, Parameter, Quantity
from allometry.refusal import Refusal


@pytest.fixture
def any_dtype():
    """Let complex numbers through annotations that say floats."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def draw(case, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw constants around the truth, `[count, 1]` each."""
    generator = np.random.default_rng(seed)
    drawn = {}
    for parameter in case.form.parameters:
        luck = generator.normal(0.0, 0.2, (count, 1))
        truth = case.truth[parameter.name]
        drawn[parameter.name] = truth * np.exp(luck)
    return drawn


def symbolic(case, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Differentiate the case's formula with SymPy, for each constant."""
    sympy = pytest.importorskip("sympy")
    names = [*case.inputs, *values]
    symbols = {
        name: sympy.Symbol(
            name, real=True, positive=True if name in case.inputs else None
        )
        for name in names
    }
    formula = sympy.sympify(case.formula, locals=symbols)
    columns = [*case.inputs.values(), *values.values()]
    shape = np.broadcast_shapes(*(column.shape for column in columns))
    found = {}
    for name in ("", *values):
        wanted = formula.diff(symbols[name]) if name else formula
        function = sympy.lambdify(list(symbols.values()), wanted, "numpy")
        found[name] = np.broadcast_to(function(*columns), shape)
    return found


def close(one: np.ndarray, other: np.ndarray) -> None:
    scale = np.abs(other).max()
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11 * scale)


def test_formula_and_its_gradient_agree_with_sympy(case):
    values = draw(case, 5, seed=1)
    expected = symbolic(case, values)
    found = case.form.derivatives(case.inputs, values)
    close(case.form.predict(case.inputs, values), expected.pop(""))
    assert set(found) == set(case.form.names)
    for name, derivative in expected.items():
        close(np.broadcast_to(found[name], derivative.shape), derivative)


def test_gradient_by_hand_agrees_with_the_complex_step(analytic_case, any_dtype):
    case = analytic_case
    values = draw(case, 5, seed=2)
    by_hand = case.form.derivatives(case.inputs, values)
    bare = dataclasses.replace(case.form, gradient=None)
    for name, derivative in bare.derivatives(case.inputs, values).items():
        close(np.broadcast_to(by_hand[name], derivative.shape), derivative)


@pytest.mark.parametrize("loss", ["huber", "squared"])
def test_constants_are_recovered_without_noise(case, loss):
    fit = laws.fit(case.law, case.table(), columns=case.columns, loss=loss)
    assert set(fit.parameters) == set(case.truth)
    for name, truth in case.truth.items():
        assert fit.parameters[name].value == pytest.approx(truth, rel=1e-6)


def test_constants_far_from_the_first_guess_are_recovered(case):
    """Another unit of every input, and of a response without a top."""
    factors = dict.fromkeys(case.inputs, 3e4)
    if case.law == "rating":
        factors = {"compute": 3e4}
    table = case.table()
    table |= {name: table[name] * factor for name, factor in factors.items()}
    fit = laws.fit(case.law, table, columns=case.columns, loss="squared")
    scaled = fit.predict({name: table[name] for name in case.inputs})
    response = case.response()
    scale = np.ptp(response) if case.form.residual == "linear" else response
    assert np.max(np.abs(scaled["value"].to_numpy() - response) / scale) < 1e-6


def test_predictions_of_a_fit_are_its_points(case):
    table = pl.DataFrame(case.table())
    fit = laws.fit(case.law, table, columns=case.columns)
    predicted = fit.predict(table)
    assert predicted["value"].to_numpy() == pytest.approx(
        table[case.form.response.name].to_numpy(), rel=1e-6, abs=1e-6
    )


def exponential(name: str = "exponential") -> Form:
    return Form(
        name=name,
        formula="L = c + a exp(−x/s)",
        inputs=(Quantity("x", "epochs"),),
        response=Quantity("loss"),
        parameters=(
            Parameter("c", "the floor", linear=True),
            Parameter("a", "what waiting costs", linear=True),
            Parameter("s", "epochs for a factor e", like="x"),
        ),
        predict=lambda inputs, p: p["c"] + p["a"] * np.exp(-inputs["x"] / p["s"]),
    )


@pytest.fixture
def own_register(monkeypatch):
    """Let a test add forms that are gone after it."""
    monkeypatch.setattr(laws.forms, "_forms", dict(laws.forms._forms))
    return laws.forms


def test_own_form_without_gradient_is_fitted_like_any_other(own_register):
    x = np.linspace(1.0, 40.0, 40)
    table = {"x": x, "loss": 0.3 + 2 * np.exp(-x / 8)}
    fit = laws.fit(exponential(), table)
    assert fit.identified
    found = {name: one.value for name, one in fit.parameters.items()}
    assert found == pytest.approx({"c": 0.3, "a": 2.0, "s": 8.0}, rel=1e-6)
    added = own_register.add(exponential())
    assert laws.fit("exponential", table).parameters == fit.parameters
    assert own_register["exponential"] is added


def test_own_form_may_not_take_a_shipped_name_nor_two_of_one_name(own_register):
    with pytest.raises(Refusal, match="'two-term' is a shipped form"):
        own_register.add(exponential("two-term"))
    with pytest.raises(Refusal, match="uses the name 'x' twice"):
        dataclasses.replace(exponential(), response=Quantity("x"))
    wrong = (Parameter("s", like="epochs"),)
    with pytest.raises(Refusal, match="like 'epochs', which is no input"):
        dataclasses.replace(exponential(), parameters=wrong)
