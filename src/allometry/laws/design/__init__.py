"""Design: which runs will tell a law, known before they are trained.

Belongs here: studies as designs with a cost, simulated from a known truth and fitted
as real ones are; the search for a good one within a budget; what to add to one.
"""

from allometry.laws.design.addition import Addition, Additions, additions
from allometry.laws.design.assessment import Assessment, Told, assess
from allometry.laws.design.design import Design
from allometry.laws.design.propose import Plan, plan

__all__ = [
    "Addition",
    "Additions",
    "Assessment",
    "Design",
    "Plan",
    "Told",
    "additions",
    "assess",
    "plan",
]
