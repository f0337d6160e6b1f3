"""The two-term law: a loss falls with size and with data, to a floor.

L = E + A/N^α + B/D^β (Hoffmann et al. 2022, arXiv 2203.15556, "Chinchilla"). With
compute C = κ N D the best size grows as C^a, a = β/(α + β).
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Derived, Form, Parameter, Quantity, Values

_EXPONENTS = (0.15, 0.4, 0.8)


def _loss(inputs: Values, p: Values) -> Array:
    size = np.exp(-p["alpha"] * np.log(inputs["parameters"]))
    data = np.exp(-p["beta"] * np.log(inputs["data"]))
    return np.asarray(p["E"] + p["A"] * size + p["B"] * data)


def _gradient(inputs: Values, p: Values) -> dict[str, Array]:
    log_size, log_data = np.log(inputs["parameters"]), np.log(inputs["data"])
    size, data = np.exp(-p["alpha"] * log_size), np.exp(-p["beta"] * log_data)
    return {
        "E": np.ones_like(size),
        "A": size,
        "alpha": -p["A"] * size * log_size,
        "B": data,
        "beta": -p["B"] * data * log_data,
    }


TWO_TERM = Form(
    name="two-term",
    formula="L = E + A/N^α + B/D^β",
    source="Hoffmann et al. 2022, arXiv 2203.15556, equation 2",
    inputs=(
        Quantity("parameters", "parameters", "N, size of the model", fixed=True),
        Quantity("data", "data", "D: tokens, frames or interactions so far"),
    ),
    response=Quantity("loss", meaning="L, a loss that is above 0"),
    parameters=(
        Parameter(
            "E",
            "the floor: loss of an infinite model on endless data",
            "loss",
            linear=True,
        ),
        Parameter("A", "size term at N = 1", "loss", linear=True, remote=True),
        Parameter("alpha", "exponent of size", bounds=(0.02, 3.0), starts=_EXPONENTS),
        Parameter("B", "data term at D = 1", "loss", linear=True, remote=True),
        Parameter("beta", "exponent of data", bounds=(0.02, 3.0), starts=_EXPONENTS),
    ),
    predict=_loss,
    gradient=_gradient,
    derived={
        "size_exponent": Derived(
            lambda p: p["beta"] / (p["alpha"] + p["beta"]), positive=False
        ),
        "data_exponent": Derived(
            lambda p: p["alpha"] / (p["alpha"] + p["beta"]), positive=False
        ),
    },
    identifies="a grid of sizes and data in which each is scarce somewhere: small "
    "models on much data, and large models on little",
)
