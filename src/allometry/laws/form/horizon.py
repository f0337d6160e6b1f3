"""The horizon law: interactions needed to reach a performance, against the horizon.

E = E₀ (1 + h/h₀), a part inherent to the task and a part proportional to the horizon h
(Hilton, Tang and Schulman 2023, arXiv 2301.13442). One observation per run. From whole
curves, `laws.horizon` finds the crossings too, and asks whether the law is affine.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values


def _interactions(inputs: Values, p: Values) -> Array:
    return np.asarray(p["E_0"] * (1 + inputs["horizon"] / p["h_0"]))


def _gradient(inputs: Values, p: Values) -> dict[str, Array]:
    ratio = inputs["horizon"] / p["h_0"]
    return {"E_0": 1 + ratio, "h_0": -p["E_0"] * ratio / p["h_0"]}


HORIZON = Form(
    name="horizon",
    formula="E = E₀ (1 + h/h₀)",
    source="Hilton, Tang and Schulman 2023, arXiv 2301.13442",
    inputs=(Quantity("horizon", "agent steps", "h, horizon of the task", fixed=True),),
    response=Quantity(
        "interactions", "agent steps", "E, interactions to reach the performance"
    ),
    parameters=(
        Parameter("E_0", "the part inherent to the task", "agent steps", linear=True),
        Parameter(
            "h_0", "horizon that costs another E₀", "agent steps", like="horizon"
        ),
    ),
    predict=_interactions,
    gradient=_gradient,
    identifies="at least 4 horizons, some well below h₀ and some well above it, each "
    "with several seeds",
)
