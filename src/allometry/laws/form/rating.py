"""Ratings of board-game players against compute and the size of the board.

Elo = min(0, max(plateau(n), m_C log₁₀ C + m_n n + c)), plateau(n) = m_plateau n +
c_plateau, with Elo 0 for perfect play (Jones 2021, arXiv 2104.03113): untrained play
lies on a plateau that sinks with the board, then compute lifts it along an incline.
"""

import itertools

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Derived, Form, Parameter, Quantity, Values

#: Starts: the incline begins and ends at two of these quantiles of compute, once what
#: a board costs is taken off; the boards together cost these shares of its range.
_QUANTILES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
_COSTS = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
#: Of a board's runs, those of the least compute that may tell its plateau.
_UNTRAINED = (0.1, 0.3)
_KEPT = 20


def _parts(inputs: Values, p: Values) -> tuple[Array, Array]:
    """Give the plateau and the incline."""
    n, decades = inputs["board"], np.log10(inputs["compute"])
    plateau = p["m_plateau"] * n + p["c_plateau"]
    return plateau, p["m_C"] * decades + p["m_n"] * n + p["c"]


def _rating(inputs: Values, p: Values) -> Array:
    plateau, incline = _parts(inputs, p)
    return np.minimum(0.0, np.maximum(plateau, incline))


def _gradient(inputs: Values, p: Values) -> dict[str, Array]:
    plateau, incline = _parts(inputs, p)
    flat = np.asarray((plateau >= incline) & (plateau < 0), dtype=np.float64)
    rising = np.asarray((incline > plateau) & (incline < 0), dtype=np.float64)
    n, decades = inputs["board"], np.log10(inputs["compute"])
    return {
        "m_plateau": flat * n,
        "c_plateau": flat,
        "m_C": rising * decades,
        "m_n": rising * n,
        "c": rising,
    }


def _initial(inputs: Values, response: Array) -> list[dict[str, float]]:
    """Try inclines between places in compute, and keep those that fit best.

    The objective has kinks where an observation goes from one part to another, and so
    many valleys: the search must start near.
    """
    n, decades = inputs["board"], np.log10(inputs["compute"])
    per_board = np.ptp(decades) / max(np.ptp(n), 1e-9)
    tried = []
    for share, cost in itertools.product(_UNTRAINED, _COSTS):
        m_plateau, c_plateau = _plateau(inputs, response, share)
        rise = max(-m_plateau * n.mean() - c_plateau, 1e-3)
        places = np.quantile(decades - cost * per_board * n, _QUANTILES)
        for foot, top in itertools.combinations(places, 2):
            m_C = rise / max(top - foot, 1e-9)
            m_n = -m_C * cost * per_board
            tried.append((m_plateau, c_plateau, m_C, m_n, -m_C * top))
    names = ("m_plateau", "c_plateau", "m_C", "m_n", "c")
    values = dict(zip(names, np.array(tried).T[:, :, None], strict=True))
    squares = ((_rating(inputs, values) - response) ** 2).sum(-1)
    best = np.argsort(squares, kind="stable")[:_KEPT]
    return [dict(zip(names, map(float, tried[i]), strict=True)) for i in best]


def _plateau(inputs: Values, response: Array, share: float) -> tuple[float, float]:
    """Fit a line in n to the lowest `share` of each board's compute."""
    n, compute = inputs["board"], inputs["compute"]
    low = np.zeros(len(n), dtype=bool)
    for board in np.unique(n):
        here = n == board
        low |= here & (compute <= np.quantile(compute[here], share))
    matrix = np.stack([n, np.ones_like(n)], -1)[low]
    slope, constant = np.linalg.lstsq(matrix, response[low])[0].tolist()
    return slope, constant


def _constant(name: str, meaning: str, unit: str, *, remote: bool = True) -> Parameter:
    return Parameter(
        name, meaning, unit, bounds=(-1e6, 1e6), positive=False, remote=remote
    )


def _compute_factor(p: Values) -> Array:
    """Give 10^(−m_n/m_C): the compute that makes up for one more cell a side."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(10.0 ** (-np.asarray(p["m_n"]) / p["m_C"]))


RATING = Form(
    name="rating",
    formula="Elo = min(0, max(m_plateau n + c_plateau, m_C log₁₀ C + m_n n + c))",
    source="Jones 2021, arXiv 2104.03113",
    inputs=(
        Quantity("compute", "FLOPs", "C, training compute so far"),
        Quantity("board", "cells along a side", "n, size of the board", fixed=True),
    ),
    response=Quantity("rating", "Elo", "below perfect play, at most 0", positive=False),
    parameters=(
        _constant(
            "m_plateau",
            "what a larger board costs untrained play",
            "Elo per board size",
        ),
        _constant("c_plateau", "plateau at n = 0", "Elo"),
        Parameter(
            "m_C",
            "what ten times the compute buys",
            "Elo per decade",
            bounds=(1.0, 1e5),
        ),
        _constant(
            "m_n",
            "what a larger board costs on the incline",
            "Elo per board size",
            remote=False,
        ),
        _constant("c", "incline at n = 0 and 1 FLOP", "Elo"),
    ),
    predict=_rating,
    gradient=_gradient,
    initial=_initial,
    residual="linear",
    derived={"compute_per_board_size": Derived(_compute_factor)},
    identifies="boards of at least three sizes, each trained from its plateau to near "
    "perfect play",
)
