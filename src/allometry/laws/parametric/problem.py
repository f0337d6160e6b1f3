"""Problem: a form and its observations as residuals over an unconstrained-scale θ.

Positive parameters are searched by their logarithm, so that a step is a share, and the
others in a unit of about their own size: the descent must not see units. The residual
is ln ŷ − ln y or ŷ − y, as the form says.
"""

import functools
from collections.abc import Mapping

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter
from allometry.laws.parametric.observe import Observations

#: ln of the range in which a positive linear parameter is sought.
_LINEAR = 230.0
#: A place on an input's axis is sought within this factor of the input's values.
_REACH = 1e4
#: A response below this cannot be told from 0 by a logarithm.
_LEAST = 1e-300


class Problem:
    """Residuals of a form over θ `[B, p]`, for one set of observations."""

    def __init__(self, form: Form, observations: Observations) -> None:
        self.form = form
        self.inputs = observations.inputs
        self.response = observations.response
        self._positive = np.array([item.positive for item in form.parameters])
        self._unit = np.array([self._size(item) for item in form.parameters])
        self._target = (
            np.log(self.response) if form.residual == "log" else self.response
        )
        low, high = np.array([self._range(item) for item in form.parameters]).T
        self.bounds = low, high

    def values(self, theta: Array) -> dict[str, Array]:
        """Turn θ `[B, p]` into the parameters by name, `[B, 1]` each."""
        natural = np.where(
            self._positive,
            np.exp(np.where(self._positive, theta, 0.0)),
            theta * self._unit,
        )
        return {
            name: natural[:, index, None] for index, name in enumerate(self.form.names)
        }

    def theta(self, values: Mapping[str, float]) -> Array:
        """Turn parameters by name into θ `[p]`, inside the bounds."""
        natural = np.array([values[name] for name in self.form.names])
        safe = np.maximum(natural, _LEAST)
        theta = np.where(self._positive, np.log(safe), natural / self._unit)
        return np.clip(theta, *self.bounds)

    def residuals(self, theta: Array) -> tuple[Array, list[Array]]:
        """Give the residuals `[B, n]` and their derivatives by θ, p times `[B, n]`."""
        values = self.values(theta)
        response = np.asarray(self.form.predict(self.inputs, values))
        slopes = self.form.derivatives(self.inputs, values)
        scale: Array | float = 1.0
        residual = response - self._target
        if self.form.residual == "log":
            residual = np.log(response) - self._target
            scale = 1 / response
        return residual, [
            slopes[item.name] * scale * (values[item.name] if item.positive else unit)
            for item, unit in zip(self.form.parameters, self._unit, strict=True)
        ]

    def ordered(self, theta: Array) -> Array:
        """Put interchangeable groups of parameters into the order of their first."""
        if not self.form.interchangeable:
            return theta
        names = self.form.names
        place = np.array([[*map(names.index, g)] for g in self.form.interchangeable])
        groups = theta[:, place]
        order = np.argsort(groups[:, :, 0], axis=1)
        found = theta.copy()
        found[:, place] = np.take_along_axis(groups, order[:, :, None], axis=1)
        return found

    @functools.cached_property
    def linear(self) -> list[int]:
        """Indices of the parameters in which the formula is linear."""
        return [i for i, item in enumerate(self.form.parameters) if item.linear]

    def at_bound(self, theta: Array) -> list[str]:
        """Name the parameters that lie at a bound of the search, θ `[p]`."""
        low, high = self.bounds
        margin = 1e-3 * np.where(np.isfinite(high - low), high - low, 1.0)
        near = (theta < low + margin) | (theta > high - margin)
        return [
            name for name, is_near in zip(self.form.names, near, strict=True) if is_near
        ]

    def _range(self, parameter: Parameter) -> tuple[float, float]:
        if parameter.linear:
            return (-_LINEAR, _LINEAR) if parameter.positive else (-np.inf, np.inf)
        low, high = parameter.bounds
        if parameter.like is not None:
            values = self.inputs[parameter.like]
            low, high = float(values.min()) / _REACH, float(values.max()) * _REACH
        if parameter.positive:
            return float(np.log(low)), float(np.log(high))
        unit = self._size(parameter)
        return low / unit, high / unit

    def _size(self, parameter: Parameter) -> float:
        """Give the unit in which a parameter that may be negative is sought."""
        if parameter.positive:
            return 1.0
        if parameter.linear:
            return float(np.median(np.abs(self.response))) or 1.0
        return max(map(abs, parameter.starts), default=0.0) or 1.0
