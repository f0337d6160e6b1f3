"""The sigmoid law: a bounded performance saturates in the logarithm of compute.

R = R₀ + (A − R₀)/(1 + (C_mid/C)^B), from R₀ without training to the asymptote A
(ScaleRL: Khatri et al. 2025, arXiv 2510.13786). Where a score is bounded a plain power
law predicts too much.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values


def _share(inputs: Values, p: Values) -> tuple[Array, Array, Array]:
    """Give the share s of the way from R₀ to A, 1 − s, and ln(C/C_mid)."""
    log_ratio = np.log(inputs["compute"]) - np.log(p["C_mid"])
    rise = np.tanh(p["B"] * log_ratio / 2) / 2
    return 0.5 + rise, 0.5 - rise, log_ratio


def _performance(inputs: Values, p: Values) -> Array:
    share, rest, _ = _share(inputs, p)
    return np.asarray(p["R_0"] * rest + p["A"] * share)


def _gradient(inputs: Values, p: Values) -> dict[str, Array]:
    share, rest, log_ratio = _share(inputs, p)
    slope = (p["A"] - p["R_0"]) * share * rest
    return {
        "R_0": rest,
        "A": share,
        "C_mid": -slope * p["B"] / p["C_mid"],
        "B": slope * log_ratio,
    }


SIGMOID = Form(
    name="sigmoid",
    formula="R = R₀ + (A − R₀)/(1 + (C_mid/C)^B)",
    source="Khatri et al. 2025, arXiv 2510.13786",
    residual="linear",
    inputs=(Quantity("compute", "FLOPs", "C, training compute so far"),),
    response=Quantity(
        "performance", meaning="R, a bounded score: pass rate, return", positive=False
    ),
    parameters=(
        Parameter(
            "R_0",
            "performance before training",
            "performance",
            positive=False,
            linear=True,
        ),
        Parameter(
            "A", "asymptotic performance", "performance", positive=False, linear=True
        ),
        Parameter("C_mid", "compute of half the way", "FLOPs", like="compute"),
        Parameter(
            "B", "exponent: steepness", bounds=(0.05, 10.0), starts=(0.4, 1.0, 2.5)
        ),
    ),
    predict=_performance,
    gradient=_gradient,
    identifies="curves that start flat and end flat: compute from below a tenth of "
    "C_mid to above ten times it",
)
