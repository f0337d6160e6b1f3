"""Estimates: a number with its interval and unit, and the fit that holds them.

`Fit` is what every law returns and what `fit.json` stores. A failure is a value:
`identified` is false and `warnings` says in sentences what is missing.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

FIT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value with its 90 % interval [`low`, `high`] in `unit`."""

    value: float
    low: float
    high: float
    unit: str = "1"


@dataclasses.dataclass(frozen=True)
class Replicate:
    """A refit with one group (a model size) left out: what the jackknife averages."""

    left_out: float
    parameters: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Fit:
    """A law with its parameters and how sure we are of them.

    `parameters` are the law's own constants, `derived` follow from them. `replicates`
    are the leave-one-group-out refits from which every interval comes, kept so that a
    forecast can carry them through. `residuals` are those of the objective, one per
    point used. `card` is the fit card: form and units, data and exclusions, objective,
    optimiser, intervals, validation, as JSON-able values in reading order.
    """

    law: str
    parameters: Mapping[str, Estimate]
    derived: Mapping[str, Estimate]
    identified: bool
    warnings: tuple[str, ...]
    replicates: tuple[Replicate, ...]
    residuals: tuple[float, ...]
    card: Mapping[str, Any]
