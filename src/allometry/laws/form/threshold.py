"""The threshold law: interactions to reach a return, when updates and size help.

D = D_min (1 + (a/σ)^α + (b/N)^β), σ updates per interaction and N parameters of the
critic (Fu et al. 2025, arXiv 2508.14881). One observation per run: where it crossed
the threshold; a run that never did has no response, and is counted as censored.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values

_EXPONENTS = (0.4, 0.8, 1.6)


def _terms(inputs: Values, p: Values) -> tuple[Array, Array, Array, Array]:
    """Give both terms, and ln(a/σ) and ln(b/N)."""
    updates = np.log(p["a"]) - np.log(inputs["updates_per_interaction"])
    size = np.log(p["b"]) - np.log(inputs["parameters"])
    return np.exp(p["alpha"] * updates), np.exp(p["beta"] * size), updates, size


def _interactions(inputs: Values, p: Values) -> Array:
    updates, size, _, _ = _terms(inputs, p)
    return np.asarray(p["D_min"] * (1 + updates + size))


def _gradient(inputs: Values, p: Values) -> dict[str, Array]:
    updates, size, log_updates, log_size = _terms(inputs, p)
    return {
        "D_min": 1 + updates + size,
        "a": p["D_min"] * updates * p["alpha"] / p["a"],
        "alpha": p["D_min"] * updates * log_updates,
        "b": p["D_min"] * size * p["beta"] / p["b"],
        "beta": p["D_min"] * size * log_size,
    }


THRESHOLD = Form(
    name="threshold",
    formula="D = D_min (1 + (a/σ)^α + (b/N)^β)",
    source="Fu et al. 2025, arXiv 2508.14881; Rybkin et al. 2025, arXiv 2502.04327",
    inputs=(
        Quantity(
            "updates_per_interaction",
            "updates per interaction",
            "σ, gradient steps per agent step",
            fixed=True,
        ),
        Quantity("parameters", "parameters", "N, size of the model", fixed=True),
    ),
    response=Quantity(
        "interactions", "agent steps", "D, interactions to reach the return"
    ),
    parameters=(
        Parameter(
            "D_min",
            "interactions of an infinite model with endless updates",
            "agent steps",
            linear=True,
        ),
        Parameter(
            "a",
            "σ whose term costs another D_min",
            "updates per interaction",
            like="updates_per_interaction",
        ),
        Parameter(
            "alpha", "exponent of updates", bounds=(0.02, 5.0), starts=_EXPONENTS
        ),
        Parameter(
            "b", "N whose term costs another D_min", "parameters", like="parameters"
        ),
        Parameter("beta", "exponent of size", bounds=(0.02, 5.0), starts=_EXPONENTS),
    ),
    predict=_interactions,
    gradient=_gradient,
    identifies="a grid of updates per interaction and sizes, each over a factor of 10 "
    "or more, whose best corner needs few more interactions than D_min and whose other "
    "corners need several times as many",
)
