"""The form: a functional form as a record, and all that its fit needs to know.

A form names its inputs, its response and its parameters, and has a formula in NumPy.
The fit path (`laws.parametric`) does the rest, for shipped and for own forms alike.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from allometry.laws.arrays import Array
from allometry.refusal import Refusal

Values = Mapping[str, Array]
#: The formula: inputs `[n]` and parameters `[B, 1]` by name, to the response `[B, n]`.
Formula = Callable[[Values, Values], Array]
#: Its derivatives by parameter, each of a shape that broadcasts to `[B, n]`.
Gradient = Callable[[Values, Values], Mapping[str, Array]]
#: Where to start, from inputs and response `[n]`: the parameters that are not linear.
Initial = Callable[[Values, Array], Sequence[Mapping[str, float]]]

#: Imaginary step of a derivative, as a share of the parameter: its square is nothing
#: beside 1, and the step of a tiny response is still a float.
_STEP = 1e-50


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A column that a form reads: its role's name, unit and meaning.

    `fixed` says that a run has one value of it (its size, its horizon), as opposed to
    what grows along its curve; runs that share all fixed inputs are resampled together.
    """

    name: str
    unit: str = "1"
    meaning: str = ""
    fixed: bool = False
    positive: bool = True


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A constant of a form, how to search it, and what makes it identified.

    A positive one (`positive`) is searched, and has its interval, on a log scale. The
    formula may be linear in it once the others are given (`linear`): it is then solved
    for, and needs no starts. Otherwise it is an exponent or the like, with `bounds` and
    `starts`; or it is a place on the axis of an input, named by `like`, and is sought
    around the values of that input, in whose unit it is. A `remote` one is the value
    at an input of 1, far from all data, or a detail of shape: its interval may span
    orders of magnitude although the law is known well where the data are. The term of
    an `optional` one may be too small to be seen, and the law be told all the same; a
    `needed` one must differ from 0, and a place that must lie `inside` the data have
    some on both sides, or the data show no such thing.
    """

    name: str
    meaning: str = ""
    unit: str = "1"
    bounds: tuple[float, float] = (0.01, 10.0)
    starts: tuple[float, ...] = (0.2, 0.5, 1.0)
    positive: bool = True
    linear: bool = False
    like: str | None = None
    remote: bool = False
    optional: bool = False
    needed: bool = False
    inside: bool = False


@dataclasses.dataclass(frozen=True)
class Form:
    """A functional form.

    `residual` is taken between logarithms (for what luck multiplies: losses, costs)
    or between values (`linear`: for bounded scores and ratings). Without `gradient`,
    derivatives are taken by a complex step, exact to rounding for a formula of
    analytic functions (no `abs`, `np.real`, rounding); a fit checks them first, and a
    gradient too (see `parametric.examine`). `derived` names what follows from the
    parameters, with its unit, whether its interval is on a log scale, and how.

    The search starts from a grid of the parameters' own `starts`, or from what
    `initial` reads in the data; linear parameters are solved for in both.
    `interchangeable` are groups of parameters, such as bends, whose order means
    nothing: they are reported in the order of each group's first.
    """

    name: str
    formula: str
    inputs: tuple[Quantity, ...]
    response: Quantity
    parameters: tuple[Parameter, ...]
    predict: Formula
    source: str = "your own"
    residual: Literal["log", "linear"] = "log"
    gradient: Gradient | None = None
    initial: Initial | None = None
    interchangeable: tuple[tuple[str, ...], ...] = ()
    derived: Mapping[str, "Derived"] = dataclasses.field(default_factory=dict)
    identifies: str = ""
    """Which runs tell the constants, for the documentation and for remedies."""

    def __post_init__(self) -> None:
        columns = [item.name for item in (*self.inputs, self.response)]
        names = [*columns, *self.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refusal(f"The form {self.name!r} uses the name {twice[0]!r} twice.")
        if not self.inputs or not self.parameters:
            raise Refusal(
                f"The form {self.name!r} needs an input and a parameter, at least one "
                "of each."
            )
        for parameter in self.parameters:
            self._refuse_search(parameter)

    def _refuse_search(self, parameter: Parameter) -> None:
        """Refuse a parameter that has nowhere to be searched."""
        its = f"The form {self.name!r}: its parameter {parameter.name!r}"
        if parameter.like is not None:
            known = {item.name: item.positive for item in self.inputs}
            if parameter.like not in known:
                raise Refusal(
                    f"{its} is like {parameter.like!r}, which is no input. Use one of: "
                    f"{', '.join(sorted(known))}."
                )
            if not known[parameter.like]:
                raise Refusal(
                    f"{its} is like {parameter.like!r}, which may be 0 or below, and "
                    "would be sought within a factor of it: give it bounds and starts "
                    "instead."
                )
        elif not parameter.linear:
            self._refuse_bounds(parameter, its)

    def _refuse_bounds(self, parameter: Parameter, its: str) -> None:
        low, high = parameter.bounds
        if not low < high:
            raise Refusal(f"{its} has bounds {low:g} and {high:g}: the lower is first.")
        if parameter.positive and low <= 0:
            raise Refusal(
                f"{its} is searched by its logarithm, and its lower bound is {low:g}: "
                "give one above 0, or set positive=False."
            )
        if self.initial is None and not any(low <= x <= high for x in parameter.starts):
            raise Refusal(
                f"{its} has no start from {low:g} to {high:g}, its bounds: give "
                "starts=(...) inside them."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def derivatives(self, inputs: Values, values: Values) -> Mapping[str, Array]:
        """Give ∂response/∂parameter by name, `[B, n]` each."""
        if self.gradient is not None:
            return self.gradient(inputs, values)
        return {name: _complex_step(self, inputs, values, name) for name in self.names}


@dataclasses.dataclass(frozen=True)
class Derived:
    """What follows from a form's parameters: a function of them by name."""

    of: Callable[[Values], Array]
    unit: str = "1"
    positive: bool = True


def _complex_step(form: Form, inputs: Values, values: Values, name: str) -> Array:
    """Differentiate by f′(x) = Im f(x + ih)/h, with no subtraction to lose digits.

    Squire and Trapp 1998, doi 10.1137/S003614459631241X.
    """
    step = _STEP * np.maximum(np.abs(values[name]), 1e-100)
    moved = {**values, name: values[name] + 1j * step}
    response = np.asarray(form.predict(inputs, moved))
    return np.asarray(response.imag / step)
