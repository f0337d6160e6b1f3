"""Laws: functional forms, their parameters, and how sure we are of them.

Belongs here: the maths of scaling laws, their estimators, intervals, forecasts and
verdicts. Numbers in (arrays, data frames), law out: no room of ours is imported, and
no JAX, so that a law from finished logs costs a second.
"""

from allometry.laws.estimates import Estimate, Fit, Replicate
from allometry.laws.fit import fit
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.settings import IntrinsicSettings

__all__ = [
    "Estimate",
    "Fit",
    "Intrinsic",
    "IntrinsicSettings",
    "Points",
    "Replicate",
    "fit",
    "points",
]
