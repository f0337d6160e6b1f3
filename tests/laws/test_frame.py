"""Frames of every make become the same table, or a sentence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from allometry import laws
from allometry.laws.frame import to_polars
from allometry.refusal import Refusal

X = np.geomspace(1.0, 1e4, 20)
COLUMNS = {
    "x": X.tolist(),
    "y": (3 * X**-0.5).tolist(),
    "run": [*"abcdefghijklmnopqrst"],
}


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        pl.LazyFrame,
        pd.DataFrame,
        dict,
        lambda columns: {k: np.array(v) for k, v in columns.items()},
        lambda columns: pd.DataFrame(columns).astype({"run": "category"}),
        lambda columns: pd.DataFrame(columns, index=np.arange(20) * 7),
    ],
    ids=["polars", "lazy", "pandas", "dict", "arrays", "category", "index"],
)
def test_every_make_of_frame_gives_the_same_fit(make):
    fit = laws.fit("power", make(COLUMNS))
    assert fit == laws.fit("power", pl.DataFrame(COLUMNS))
    assert fit.parameters["b"].value == pytest.approx(0.5)


def test_missing_values_of_pandas_become_null_in_text_and_nan_in_numbers():
    frame = pd.DataFrame(
        {"text": ["a", None, np.nan], "whole": pd.array([1, None, 3], dtype="Int64")}
    )
    found = to_polars(frame)
    assert found["text"].to_list() == ["a", None, None]
    assert found["whole"].to_list() == pytest.approx([1, np.nan, 3], nan_ok=True)


def test_what_is_no_table_is_refused():
    with pytest.raises(Refusal, match="A list is no table: give a data frame"):
        to_polars([1, 2, 3])
    with pytest.raises(Refusal, match="The table has no rows"):
        to_polars(pl.DataFrame({"x": []}))
    with pytest.raises(Refusal, match="The table has no rows"):
        to_polars({})


def test_a_column_that_is_missing_is_refused_with_what_is_near():
    frame = pl.DataFrame(COLUMNS).rename({"y": "Y loss"})
    with pytest.raises(Refusal, match="needs for 'y'"):
        laws.fit("power", frame)
    with pytest.raises(Refusal, match="Did you mean 'Y loss'"):
        laws.fit("power", frame, columns={"y": "Y los"})
