"""Power laws: y = a x^−b, with or without a floor that no x can pass."""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values

_X = Quantity("x", meaning="what is scaled: compute, size, interactions")
_Y = Quantity("y", meaning="what falls or rises with it: a loss, an error, a cost")
_A = Parameter("a", "y at x = 1", linear=True, remote=True)
_B = Parameter("b", "exponent", bounds=(-5.0, 5.0), starts=(-0.5, 0.5), positive=False)
_SOURCE = "Hestness et al. 2017, arXiv 1712.00409; Kaplan et al. 2020, arXiv 2001.08361"


def _power(inputs: Values, p: Values) -> Array:
    return np.asarray(p["a"] * np.exp(-p["b"] * np.log(inputs["x"])))


def _power_gradient(inputs: Values, p: Values) -> dict[str, Array]:
    log_x = np.log(inputs["x"])
    fall = np.exp(-p["b"] * log_x)
    return {"a": fall, "b": -p["a"] * fall * log_x}


def _with_floor(inputs: Values, p: Values) -> Array:
    return np.asarray(_power(inputs, p) + p["c"])


def _with_floor_gradient(inputs: Values, p: Values) -> dict[str, Array]:
    gradient = _power_gradient(inputs, p)
    return {**gradient, "c": np.ones_like(gradient["a"])}


POWER = Form(
    name="power",
    formula="y = a x^−b",
    source=_SOURCE,
    inputs=(_X,),
    response=_Y,
    parameters=(_A, _B),
    predict=_power,
    gradient=_power_gradient,
    identifies="values of x over at least one decade",
)

POWER_FLOOR = Form(
    name="power-floor",
    formula="y = a x^−b + c",
    source="Henighan et al. 2020, arXiv 2010.14701",
    inputs=(_X,),
    response=_Y,
    parameters=(
        _A,
        Parameter("b", "exponent", bounds=(0.01, 5.0), starts=(0.15, 0.4, 0.8, 1.5)),
        Parameter("c", "the floor: y of an infinite x", linear=True),
    ),
    predict=_with_floor,
    gradient=_with_floor_gradient,
    identifies="values of x that reach from far above the floor to near it: at the "
    "largest, the power's part should be smaller than the floor's",
)
