"""The two-term law on the points that were read off the Chinchilla paper."""

import numpy as np
import polars as pl
import pytest

from allometry import laws

COLUMNS = {"parameters": "Model Size"}


@pytest.fixture(scope="module")
def points(shared_data) -> pl.DataFrame:
    """Give 245 points, D = C/(6 N), the highest losses last."""
    frame = pl.read_csv(shared_data / "chinchilla_svg_extracted.csv")
    data = pl.col("Training FLOP") / (6 * pl.col("Model Size"))
    return frame.with_columns(data=data).sort("loss").with_row_index("point")


def fit(points: pl.DataFrame, **options) -> laws.Fit:
    return laws.fit(
        "two-term", points, columns=COLUMNS, loss="huber", delta=1e-3, **options
    )


@pytest.fixture(scope="module")
def published(points) -> laws.Fit:
    return fit(points.head(240), by="point", interval="bootstrap")


def test_published_constants_without_the_five_highest_losses(published):
    found = {name: one.value for name, one in published.parameters.items()}
    assert found["alpha"] == pytest.approx(0.3473, abs=0.001)
    assert found["beta"] == pytest.approx(0.3672, abs=0.001)
    assert found["E"] == pytest.approx(1.8172, abs=0.001)
    assert found["A"] == pytest.approx(477.83, rel=1e-3)
    assert found["B"] == pytest.approx(2143.4, rel=1e-3)
    assert published.card["diagnostics"]["minimum"] <= 1.01828e-3


def test_published_standard_errors_by_the_bootstrap_of_points(published):
    drawn = {
        name: np.std([item.parameters[name] for item in published.replicates])
        for name in ("alpha", "beta")
    }
    assert len(published.replicates) == 1000
    assert 0.012 < drawn["alpha"] < 0.018
    assert 0.017 < drawn["beta"] < 0.025


def test_five_points_move_the_exponent_of_data(points):
    found = fit(points).parameters
    assert found["beta"].value == pytest.approx(0.4530, abs=0.001)
    assert found["E"].value == pytest.approx(1.8913, abs=0.001)


def test_nearly_equal_exponents_scale_size_and_data_alike(published):
    exponent = published.derived["size_exponent"]
    assert exponent.low < 0.5 < exponent.high
    assert exponent.value + published.derived["data_exponent"].value == pytest.approx(1)
