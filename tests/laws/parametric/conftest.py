"""A two-term study with luck, and forms of one's own, for the tests of the fit path."""

import numpy as np
import polars as pl
import pytest

from allometry.laws import Form, Parameter, Quantity

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


def power_floor(inputs, p):
    """Give a x^−b + c."""
    return p["a"] * inputs["x"] ** -p["b"] + p["c"]


A, B, C = (
    Parameter("a", linear=True),
    Parameter("b"),
    Parameter("c", linear=True),
)


def form_of_ones_own(predict=power_floor, parameters=(A, B, C), **more) -> Form:
    """Make a form of x, by default a power law with a floor."""
    return Form(
        name="own",
        formula="y of x",
        inputs=(Quantity("x"),),
        response=Quantity("y"),
        parameters=tuple(parameters),
        predict=predict,
        **more,
    )


@pytest.fixture
def own():
    """Give the maker of forms of one's own."""
    return form_of_ones_own


@pytest.fixture
def curve() -> dict[str, np.ndarray]:
    """Give y = 2 x^−0.4 + 0.3 without luck."""
    x = np.geomspace(1.0, 1e4, 60)
    return {"x": x, "y": 2 * x**-0.4 + 0.3}
