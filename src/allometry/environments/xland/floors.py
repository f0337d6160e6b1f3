"""Floors: a terrain on the host, in NumPy."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from allometry.environments.xland.terrain import EAST, FLAT, NORTH, SOUTH, WEST


class Floors(NamedTuple):
    """A terrain on the host: `[A, A]` as in `terrain.Terrain`."""

    height: Int[np.ndarray, "A A"]
    ramp: Int[np.ndarray, "A A"]
    colour: Int[np.ndarray, "A A"]

    def at(self, x: Any, y: Any) -> np.ndarray:
        """Give the height of the floor under places, m."""
        return self.within(np.floor(x).astype(int), np.floor(y).astype(int), x, y)

    def within(self, i: Any, j: Any, x: Any, y: Any) -> np.ndarray:
        """Give the floor of the cells (i, j) at places on them or their edges, m."""
        last = len(self.height) - 1
        i, j = np.clip(i, 0, last), np.clip(j, 0, last)
        ramp = self.ramp[i, j]
        across, up = np.clip(x - i, 0, 1), np.clip(y - j, 0, 1)
        rise = np.select(
            [ramp == FLAT, ramp == EAST, ramp == WEST, ramp == NORTH, ramp == SOUTH],
            [0.0 * across, across, 1 - across, up, 1 - up],
        )
        return np.asarray(self.height[i, j] + rise)
