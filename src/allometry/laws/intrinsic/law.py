"""Intrinsic performance: the joint law of size and interactions in closed form.

The intrinsic performance I of a policy is the least training compute (FLOPs) with
which a model of any size in its family reaches the same return, so that the
compute-efficient frontier is the line I = C. Its law is

    I^(−β) = (N_c/N)^α_N + (E_c/E)^α_E,    C = κ N E

with N parameters and E interactions (Hilton, Tang and Schulman 2023, arXiv
2301.13442). I = C on the frontier fixes β and E_c, which leaves three free
parameters: α_N, α_E and N_c.
"""

import dataclasses
import math

import numpy as np

from allometry.laws.arrays import Array, Numbers

_BISECTIONS = 80


@dataclasses.dataclass(frozen=True)
class Intrinsic:
    """The law at given constants.

    `alpha_N` and `alpha_E` are the exponents of the size and the interaction term,
    `N_c` is in parameters, `kappa` in FLOPs per parameter and interaction. Methods
    take numbers or arrays that broadcast and return arrays (0-d for numbers).
    """

    alpha_N: float
    alpha_E: float
    N_c: float
    kappa: float

    @property
    def beta(self) -> float:
        """Exponent of I: β = α_N α_E / (α_N + α_E)."""
        return self.alpha_N * self.alpha_E / (self.alpha_N + self.alpha_E)

    @property
    def E_c(self) -> float:  # noqa: N802 - the field's name
        """Interactions scale, which I = C on the frontier fixes.

        N_c E_c = (1/κ) (1 + α_N/α_E)^(−1/α_N) (1 + α_E/α_N)^(−1/α_E)
        """
        return math.exp(
            -math.log(self.kappa)
            - math.log(self.N_c)
            - math.log1p(self.alpha_N / self.alpha_E) / self.alpha_N
            - math.log1p(self.alpha_E / self.alpha_N) / self.alpha_E
        )

    @property
    def size_exponent(self) -> float:
        """Exponent of the best size in compute: α_E / (α_N + α_E)."""
        return self.alpha_E / (self.alpha_N + self.alpha_E)

    @property
    def interactions_exponent(self) -> float:
        """Exponent of the best interactions in compute: α_N / (α_N + α_E)."""
        return self.alpha_N / (self.alpha_N + self.alpha_E)

    def log_intrinsic(self, N: Numbers, E: Numbers) -> Array:
        """Give ln I (I in FLOPs) of a size N after E interactions.

        ln I = −(1/β) ln(exp(α_N ln(N_c/N)) + exp(α_E ln(E_c/E))), by log-sum-exp.
        """
        size_term = self.alpha_N * (math.log(self.N_c) - _log(N))
        interactions_term = self.alpha_E * (math.log(self.E_c) - _log(E))
        return np.asarray(-np.logaddexp(size_term, interactions_term) / self.beta)

    def optimal_size(self, C: Numbers) -> Array:
        """Give the best size for a compute of C FLOPs, in parameters.

        N*(C) = N_c (1 + α_N/α_E)^(1/α_N) C^(α_E/(α_N + α_E))
        """
        scale = math.log1p(self.alpha_N / self.alpha_E) / self.alpha_N
        log_size = math.log(self.N_c) + scale + self.size_exponent * _log(C)
        return np.asarray(np.exp(log_size))

    def optimal_interactions(self, C: Numbers) -> Array:
        """Give the best number of interactions for a compute of C FLOPs.

        E*(C) = E_c (1 + α_E/α_N)^(1/α_E) C^(α_N/(α_N + α_E))
        """
        scale = math.log1p(self.alpha_E / self.alpha_N) / self.alpha_E
        log_interactions = (
            math.log(self.E_c) + scale + self.interactions_exponent * _log(C)
        )
        return np.asarray(np.exp(log_interactions))

    def interactions_infinite_size(self, I: Numbers) -> Array:  # noqa: E741
        """Give the interactions that an infinitely large model needs to reach I.

        E_∞(I) = E_c I^(α_N/(α_N + α_E)); a compute-optimal run needs
        (1 + α_E/α_N)^(1/α_E) times as many.
        """
        exponent = self.interactions_exponent
        return np.asarray(np.exp(math.log(self.E_c) + exponent * _log(I)))

    def interactions_needed(
        self,
        N: Numbers,
        I: Numbers,  # noqa: E741
    ) -> Array:
        """Give the interactions with which size N reaches I; inf where it never does.

        E = E_c (I^(−β) − (N_c/N)^α_N)^(−1/α_E)
        """
        log_whole = -self.beta * _log(I)
        log_share = self.alpha_N * (math.log(self.N_c) - _log(N)) - log_whole
        rest = -np.expm1(np.minimum(log_share, 0.0))
        with np.errstate(divide="ignore"):
            log_interactions_term = log_whole + np.log(rest)
        return np.asarray(
            np.exp(math.log(self.E_c) - log_interactions_term / self.alpha_E)
        )

    def economic_size(
        self,
        I: Numbers,  # noqa: E741
        N_env: Numbers,
    ) -> Array:
        """Give the size that reaches I at least cost E (N + N_env), in parameters.

        `N_env` is what an interaction with the environment costs, as the parameters of
        a network that costs as much. With X = (N_c/N)^α_N and Y = (E_c/E)^α_E the
        optimum has N/(N + N_env) = (α_N/α_E)(X/Y). Found by bisection on ln(X/Y).
        """
        log_whole, environment = np.broadcast_arrays(
            -self.beta * _log(I), np.asarray(N_env, dtype=np.float64)
        )
        high = np.full(log_whole.shape, math.log(self.alpha_E / self.alpha_N))
        # N grows as ln(X/Y) falls, so N/(N + N_env) is at least its value at `high`.
        low = high - np.log1p(environment / self._size_at(high, log_whole))
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            share = -np.log1p(environment / self._size_at(middle, log_whole))
            too_large = share > middle + math.log(self.alpha_N / self.alpha_E)
            low = np.where(too_large, middle, low)
            high = np.where(too_large, high, middle)
        return np.asarray(self._size_at((low + high) / 2, log_whole))

    def _size_at(self, log_ratio: Numbers, log_whole: Numbers) -> Array:
        """Give the N at which ln(X/Y) is `log_ratio` while ln(X + Y) is `log_whole`."""
        log_size_term = log_whole - np.logaddexp(0.0, -log_ratio)
        return np.asarray(np.exp(math.log(self.N_c) - log_size_term / self.alpha_N))


def _log(values: Numbers) -> Array:
    return np.asarray(np.log(np.asarray(values, dtype=np.float64)))
