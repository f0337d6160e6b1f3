"""The intrinsic law as a form: what it reads, and its constants.

Its response is eliminated by a regression on performance, so that it has a fit path of
its own (`laws.intrinsic`); see `laws.intrinsic.law` for the maths.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values


def _intrinsic(inputs: Values, p: Values) -> Array:
    """Give I in FLOPs; I = κ N E on the frontier fixes E_c and β."""
    alpha_N, alpha_E = p["alpha_N"], p["alpha_E"]
    beta = alpha_N * alpha_E / (alpha_N + alpha_E)
    log_E_c = (
        -np.log(p["kappa"])
        - np.log(p["N_c"])
        - np.log1p(alpha_N / alpha_E) / alpha_N
        - np.log1p(alpha_E / alpha_N) / alpha_E
    )
    size = alpha_N * (np.log(p["N_c"]) - np.log(inputs["parameters"]))
    interactions = alpha_E * (log_E_c - np.log(inputs["interactions"]))
    return np.asarray(np.exp(-np.logaddexp(size, interactions) / beta))


INTRINSIC = Form(
    name="intrinsic",
    formula="I^(−β) = (N_c/N)^α_N + (E_c/E)^α_E, C = κ N E, I = C on the frontier",
    source="Hilton, Tang and Schulman 2023, arXiv 2301.13442",
    inputs=(
        Quantity("parameters", "parameters", "N, size of the model", fixed=True),
        Quantity("interactions", "agent steps", "E, interactions so far"),
    ),
    response=Quantity("intrinsic", "FLOPs", "I, least compute for the performance"),
    parameters=(
        Parameter("alpha_N", "exponent of the size term"),
        Parameter("alpha_E", "exponent of the interactions term"),
        Parameter(
            "N_c", "N whose term alone gives I = 1 FLOP", "parameters", remote=True
        ),
        Parameter(
            "kappa",
            "compute per parameter and interaction",
            "FLOPs per parameter and interaction",
        ),
    ),
    predict=_intrinsic,
    identifies="at least 5, better 8 sizes whose curves overlap in performance, each "
    "the best choice at some compute of the data",
)
