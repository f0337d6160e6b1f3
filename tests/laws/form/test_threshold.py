"""The threshold law on published runs, and runs that never cross."""

import numpy as np
import polars as pl
import pytest

from allometry import laws

COLUMNS = {
    "updates_per_interaction": "utd",
    "parameters": "critic_params",
    "interactions": "time",
}


def test_published_constants_and_predictions(shared_data):
    frame = pl.read_csv(shared_data / "value_based_dmc.csv")
    fit = laws.fit("threshold", frame, columns=COLUMNS, loss="squared")
    found = {name: one.value for name, one in fit.parameters.items()}
    assert found["a"] == pytest.approx(1.26, abs=0.01)
    assert found["alpha"] == pytest.approx(1.010, abs=0.005)
    assert found["b"] == pytest.approx(6.332e5, rel=1e-3)
    assert found["beta"] == pytest.approx(0.890, abs=0.005)
    assert found["D_min"] == pytest.approx(3.719e5, rel=1e-3)
    asked = frame.rename({old: new for new, old in COLUMNS.items()})
    ratio = fit.predict(asked)["value"] / frame["time_sum_powerlaw"]
    assert (ratio - 1).abs().max() < 0.005


def test_one_environment_does_not_tell_the_published_exponents(shared_data):
    frame = pl.read_csv(shared_data / "value_based_dmc.csv")
    fit = laws.fit("threshold", frame, columns=COLUMNS, loss="squared")
    assert not fit.identified
    assert not fit.parameters["alpha"].identified
    assert fit.parameters["D_min"].identified


def test_settings_where_most_runs_never_cross_are_left_out(cases):
    table = {k: np.repeat(v, 4) for k, v in cases["threshold"].table().items()}
    frame = pl.DataFrame(table).with_row_index("row")
    slow = pl.col("interactions") >= frame["interactions"].max()
    # The lucky half crossed at a fifth of what the law says; one run more was unlucky.
    lucky = frame.with_columns(
        interactions=pl.when(slow & (pl.col("row") % 2 == 0))
        .then(None)
        .when(slow)
        .then(pl.col("interactions") / 5)
        .when(pl.col("row") == 40)
        .then(None)
        .otherwise("interactions")
    )
    fit = laws.fit("threshold", lucky)
    assert fit.card["data"]["missing_rows"] == 3
    assert fit.card["data"]["settings_left_out"] == 1
    assert fit.card["data"]["rows"] == 100 - 4 - 1
    assert fit.parameters["beta"].value == pytest.approx(0.6, rel=1e-6)
    assert any("at 1 of the settings, which are left out" in w for w in fit.warnings)
