"""Broken power laws: a power law whose slope changes at n bends.

y = a + b x^−c₀ ∏ᵢ (1 + (x/dᵢ)^(1/fᵢ))^(−cᵢ fᵢ) (Caballero et al. 2022, arXiv
2210.14891). The slope is −c₀ before the first bend and −(c₀ + … + cᵢ) after the i-th.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values
from allometry.refusal import Refusal

MOST_BENDS = 4
#: Bends start at choices of this many more places, evenly spread, than there are bends.
_SPARE_PLACES = 3
#: Floors to start from, as shares of the least response; and widths of the bends.
_FLOORS, _WIDTHS = (0.0, 0.5, 0.9), (0.1, 0.5)


def broken_power(bends: int = 1) -> Form:
    """Make the form with `bends` bends, 1 to 4."""
    if not 1 <= bends <= MOST_BENDS:
        raise Refusal(
            f"A broken power law with {bends} bends is not offered: ask for 1 to "
            f"{MOST_BENDS}, such as broken-power-2."
        )
    places = range(1, bends + 1)

    def response(inputs: Values, p: Values) -> Array:
        return np.asarray(p["a"] + np.exp(_log_fall(inputs, p, places)))

    def gradient(inputs: Values, p: Values) -> dict[str, Array]:
        return _gradient(inputs, p, places)

    bent: list[Parameter] = []
    for i in places:
        bent += [
            Parameter(
                f"c_{i}",
                f"change of the slope at bend {i}",
                bounds=(-5.0, 5.0),
                positive=False,
                needed=True,
            ),
            Parameter(f"d_{i}", f"x of bend {i}", like="x", inside=True),
            Parameter(
                f"f_{i}",
                f"width of bend {i} in log x",
                bounds=(0.02, 3.0),
                remote=True,
            ),
        ]
    return Form(
        name="broken-power" if bends == 1 else f"broken-power-{bends}",
        formula="y = a + b x^−c₀ ∏ᵢ (1 + (x/dᵢ)^(1/fᵢ))^(−cᵢ fᵢ)",
        source="Caballero et al. 2022, arXiv 2210.14891, equation 1",
        inputs=(Quantity("x", meaning="what is scaled: compute, size, interactions"),),
        response=Quantity("y", meaning="what falls or rises with it"),
        parameters=(
            Parameter(
                "a",
                "the floor: y of an infinite x",
                linear=True,
                remote=True,
                optional=True,
            ),
            Parameter("b", "scale of the first stretch", linear=True, remote=True),
            Parameter(
                "c_0",
                "exponent before the first bend",
                bounds=(-5.0, 5.0),
                positive=False,
            ),
            *bent,
        ),
        predict=response,
        gradient=gradient,
        initial=lambda inputs, y: _initial(inputs["x"], y, places),
        interchangeable=tuple((f"d_{i}", f"c_{i}", f"f_{i}") for i in places),
        identifies="a decade or more of x on each side of every bend",
    )


def _log_fall(inputs: Values, p: Values, places: Sequence[int]) -> Array:
    """Give ln(y − a)."""
    log_x = np.log(inputs["x"])
    total = np.log(p["b"]) - p["c_0"] * log_x
    for i in places:
        total = total - p[f"c_{i}"] * _bend(log_x, p, i)
    return np.asarray(total)


def _bend(log_x: Array, p: Values, i: int) -> Array:
    """Give fᵢ ln(1 + (x/dᵢ)^(1/fᵢ))."""
    width = p[f"f_{i}"]
    return np.asarray(width * _softplus((log_x - np.log(p[f"d_{i}"])) / width))


def _softplus(u: Array) -> Array:
    """Give ln(1 + eᵘ) without overflow, also of complex numbers."""
    above = u.real > 0
    return np.asarray(
        np.where(above, u, 0.0) + np.log1p(np.exp(np.where(above, -u, u)))
    )


def _gradient(inputs: Values, p: Values, places: Sequence[int]) -> dict[str, Array]:
    log_x = np.log(inputs["x"])
    fall = np.exp(_log_fall(inputs, p, places))
    found = {
        "a": np.ones_like(fall),
        "b": fall / p["b"],
        "c_0": -fall * log_x,
    }
    for i in places:
        width, change = p[f"f_{i}"], p[f"c_{i}"]
        past = (log_x - np.log(p[f"d_{i}"])) / width
        share = 0.5 + 0.5 * np.tanh(past / 2)
        found[f"c_{i}"] = -fall * _bend(log_x, p, i)
        found[f"d_{i}"] = fall * change * share / p[f"d_{i}"]
        found[f"f_{i}"] = -fall * change * (_softplus(past) - share * past)
    return found


def _initial(x: Array, y: Array, places: Sequence[int]) -> list[Mapping[str, float]]:
    """Fit broken straight lines to ln(y − floor), for choices of bends and floors."""
    log_x, bends = np.log(x), len(places)
    spread = np.linspace(0, 1, bends + _SPARE_PLACES + 2)[1:-1]
    choices = itertools.combinations(np.quantile(log_x, spread).tolist(), bends)
    found: list[Mapping[str, float]] = []
    for knots, floor, width in itertools.product(choices, _FLOORS, _WIDTHS):
        hinges = [np.maximum(log_x - knot, 0.0) for knot in knots]
        matrix = np.stack([np.ones_like(log_x), log_x, *hinges], -1)
        target = np.log(y - floor * y.min())
        _, *slopes = np.linalg.lstsq(matrix, target)[0].tolist()
        start = {"c_0": -slopes[0]}
        for i, knot, slope in zip(places, knots, slopes[1:], strict=True):
            start |= {f"c_{i}": -slope, f"d_{i}": float(np.exp(knot)), f"f_{i}": width}
        found.append(start)
    return found
