"""A two-term study with luck, for the tests of the fit path."""

import numpy as np
import polars as pl
import pytest

TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}


def study(sizes: int = 10, luck: float = 0.01, seed: int = 0) -> pl.DataFrame:
    """Simulate a grid of sizes and data: one run a size, one row a checkpoint."""
    size = np.repeat(np.geomspace(1e5, 1e9, sizes), 8)
    data = np.tile(np.geomspace(1e6, 1e10, 8), sizes)
    loss = 1.7 + 400 * size**-0.34 + 2000 * data**-0.37
    noise = np.random.default_rng(seed).normal(0.0, luck, len(loss))
    return pl.DataFrame(
        {
            "run": np.repeat([f"run {i}" for i in range(sizes)], 8),
            "parameters": size,
            "data": data,
            "loss": loss * np.exp(noise),
        }
    )


@pytest.fixture
def table() -> pl.DataFrame:
    """Give ten sizes, a run each."""
    return study()


@pytest.fixture(name="study")
def make_study():
    """Give the simulation itself."""
    return study
