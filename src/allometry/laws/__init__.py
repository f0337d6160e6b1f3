"""Laws: functional forms, their parameters, and how sure we are of them.

Belongs here: the maths of scaling laws, their estimators, intervals, forecasts and
verdicts. Numbers in (arrays, data frames), law out: no room of ours is imported, and
no JAX, so that a law from finished logs costs a second.
"""

from allometry.laws.estimates import Estimate, Replicate
from allometry.laws.fit import fit
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Derived, Form, Parameter, Quantity
from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.laws.joint import Joint, joint
from allometry.laws.parametric.settings import FormSettings

__all__ = [
    "Derived",
    "Estimate",
    "Fit",
    "Form",
    "FormSettings",
    "Intrinsic",
    "IntrinsicSettings",
    "Joint",
    "Parameter",
    "Points",
    "Quantity",
    "Replicate",
    "fit",
    "forms",
    "joint",
    "points",
]
