"""Derive: what follows from a form's parameters, and whether the data tell it.

A function of parameters is told when all of those that it depends on are. A narrow
interval alone does not tell it: where sizes and data grow together, neither exponent
of the two-term law is told, and the refits may still agree on their ratio.
"""

import dataclasses
import itertools
from collections.abc import Collection

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.estimates import Estimate, Result
from allometry.laws.form.form import Derived
from allometry.laws.parametric.problem import Problem
from allometry.refusal import Refusal

#: A parameter is read when moving it by one of these, on the scale of θ, changes the
#: result...
_MOVES = (1e-2, 1.0, -1.0)
#: ... by more than this share.
_CHANGE = 1e-9


def derive(
    problem: Problem, theta: Array, result: Result, untold: Collection[str]
) -> dict[str, Estimate]:
    """Give what is derived its intervals; θ `[1 + B, p]` are the best and its refits.

    `untold` names the parameters that are not identified. Raises `Refusal` for a
    negative value whose interval should be on a log scale.
    """
    found = {}
    for name, item in problem.form.derived.items():
        estimate = result.interval(
            _derived(problem, theta, item), item.unit, log=item.positive
        )
        if item.positive and estimate.value < 0:
            raise Refusal(
                f"The form {problem.form.name!r}: its derived {name!r} is "
                f"{estimate.value:.4g}, and takes its interval on a log scale. Set "
                "positive=False."
            )
        finite = np.isfinite([estimate.value, estimate.low, estimate.high]).all()
        told = bool(finite) and not reads(problem, theta, item) & set(untold)
        found[name] = dataclasses.replace(estimate, identified=told)
    return found


def reads(problem: Problem, theta: Array, item: Derived) -> set[str]:
    """Find the parameters that `item` depends on at any of θ `[B, p]`."""
    here = _derived(problem, theta, item)
    found = set()
    for (index, name), move in itertools.product(enumerate(problem.form.names), _MOVES):
        moved = theta.copy()
        moved[:, index] += move * np.maximum(np.abs(theta[:, index]), 1.0)
        there = _derived(problem, moved, item)
        if not np.allclose(here, there, rtol=_CHANGE, atol=0.0, equal_nan=True):
            found.add(name)
    return found


def _derived(problem: Problem, theta: Array, item: Derived) -> Array:
    values = {name: value[:, 0] for name, value in problem.values(theta).items()}
    with np.errstate(all="ignore"):
        return np.asarray(item.of(values), dtype=np.float64)
