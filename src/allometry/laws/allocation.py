"""The two-term law as a law of allocation: what a compute C = κ N D is best spent on.

A loss is restated as the least compute that reaches it, I, as the intrinsic law does
with returns, so that both answer the same questions under the same names.
"""

import dataclasses

import numpy as np

from allometry.laws.arrays import Array, Numbers

_BISECTIONS = 200
#: ln compute lies in this range, FLOPs.
_LEAST, _MOST = -50.0, 300.0
#: Sizes of a search, and how often it zooms in.
_GRID, _ZOOMS = 65, 12


@dataclasses.dataclass(frozen=True)
class TwoTerm:
    """L = E + A/N^α + B/D^β at given constants, with C = κ N D.

    `kappa` in FLOPs per parameter and datum. Methods take numbers or arrays and return
    arrays (0-d for numbers); I is the least compute (FLOPs) for a loss.
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    kappa: float

    def loss(self, N: Numbers, D: Numbers) -> Array:
        """Give the loss of N parameters on D data."""
        N, D = np.asarray(N, np.float64), np.asarray(D, np.float64)
        return np.asarray(self.E + self.A * N**-self.alpha + self.B * D**-self.beta)

    def optimal_size(self, C: Numbers) -> Array:
        """Give the best size for a compute: N* = G (C/κ)^(β/(α+β)).

        G = (α A/(β B))^(1/(α+β)) (Hoffmann et al. 2022, equation 4).
        """
        total = self.alpha + self.beta
        scale = (self.alpha * self.A / (self.beta * self.B)) ** (1 / total)
        each = np.asarray(C, np.float64) / self.kappa
        return np.asarray(scale * each ** (self.beta / total))

    def optimal_interactions(self, C: Numbers) -> Array:
        """Give the best amount of data for a compute: D* = C/(κ N*)."""
        each = np.asarray(C, np.float64) / self.kappa
        return np.asarray(each / self.optimal_size(C))

    def best_loss(self, C: Numbers) -> Array:
        """Give the loss of a compute spent as well as can be."""
        return self.loss(self.optimal_size(C), self.optimal_interactions(C))

    def compute_for(self, loss: float) -> float:
        """Give the least compute for a loss, inf for one at or below the floor."""
        if loss <= self.E:
            return np.inf
        low, high = _LEAST, _MOST
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if self.best_loss(np.exp(middle)) > loss:
                low = middle
            else:
                high = middle
        return float(np.exp((low + high) / 2))

    def interactions_infinite_size(self, I: Numbers) -> Array:  # noqa: E741
        """Give the data that an infinitely large model needs: (B/(L − E))^(1/β)."""
        rest = self.best_loss(I) - self.E
        return np.asarray((self.B / rest) ** (1 / self.beta))

    def interactions_needed(self, N: Numbers, I: Numbers) -> Array:  # noqa: E741
        """Give the data with which size N reaches I; inf where it never does."""
        N = np.asarray(N, np.float64)
        rest = self.best_loss(I) - self.E - self.A * N**-self.alpha
        with np.errstate(divide="ignore", invalid="ignore"):
            data = (self.B / np.maximum(rest, 0.0)) ** (1 / self.beta)
        return np.asarray(data)

    def economic_size(self, I: Numbers, N_env: Numbers) -> Array:  # noqa: E741
        """Give the size that reaches I at least cost D (N + N_env), by a zooming grid.

        `N_env` is what a datum costs to get, as parameters of a network.
        """
        best = float(self.optimal_size(I))
        low, high = np.log(best), np.log(best) + 60.0
        for _ in range(_ZOOMS):
            sizes = np.linspace(low, high, _GRID)
            data = self.interactions_needed(np.exp(sizes), I)
            cost = np.log(data) + np.log(np.exp(sizes) + N_env)
            place = int(np.argmin(cost))
            low, high = sizes[max(place - 1, 0)], sizes[min(place + 1, _GRID - 1)]
        return np.asarray(np.exp((low + high) / 2))
