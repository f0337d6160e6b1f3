"""Ratings of board-game players against compute and the size of the board.

Elo = min(0, max(plateau(n), m_C log₁₀ C + m_n n + c)), plateau(n) = m_plateau n +
c_plateau, with Elo 0 for perfect play (Jones 2021, arXiv 2104.03113): untrained play
lies on a plateau that sinks with the board, then compute lifts it along an incline.
"""

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Derived, Form, Parameter, Quantity, Values

#: Shares of the ratings' range that the starts take for plateau and for perfect play.
_EDGES = (0.05, 0.15, 0.3)


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
    """Regress what looks like the incline, and what looks like the plateau.

    Per board, the lowest ratings are taken for plateau and those near 0 for perfect
    play; how much is near is what the starts differ in.
    """
    n, decades = inputs["board"], np.log10(inputs["compute"])
    low = np.empty_like(response)
    for board in np.unique(n):
        low[n == board] = response[n == board].min()
    found = []
    for edge in _EDGES:
        height = (response - low) / np.maximum(-low, 1e-9)
        flat = height <= edge
        rising = (height > edge) & (height < 1 - edge)
        m_plateau, c_plateau = _regress([n], response, flat)
        m_C, m_n, c = _regress([decades, n], response, rising)
        names = ("m_plateau", "c_plateau", "m_C", "m_n", "c")
        values = (m_plateau, c_plateau, m_C, m_n, c)
        found.append(dict(zip(names, values, strict=True)))
    return found


def _regress(columns: list[Array], response: Array, kept: np.ndarray) -> list[float]:
    kept = kept if kept.sum() > len(columns) + 1 else np.ones(len(response), bool)
    matrix = np.stack([*columns, np.ones_like(response)], -1)[kept]
    found: list[float] = np.linalg.lstsq(matrix, response[kept], rcond=None)[0].tolist()
    return found


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
