"""The rating law: plateau, incline, perfect play, and what a board costs."""

import numpy as np
import pytest

from allometry import laws


def test_three_parts_of_the_curve(cases):
    case = cases["rating"]
    values = {name: np.array([[v]]) for name, v in case.truth.items()}
    inputs = {"compute": np.array([1.0, 1e15, 1e99]), "board": np.full(3, 9.0)}
    expected = [-200 * 9 - 100, 500 * 15 - 422.5 * 9 - 4000, 0.0]
    assert case.form.predict(inputs, values)[0] == pytest.approx(np.array(expected))


def test_derived_is_the_compute_of_one_more_board_size(cases):
    fit = laws.fit("rating", cases["rating"].table())
    factor = fit.derived["compute_per_board_size"]
    assert factor.value == pytest.approx(10 ** (422.5 / 500))
    assert factor.unit == "1"


def test_noisy_ratings_recover_the_incline(cases):
    case = cases["rating"]
    generator = np.random.default_rng(0)
    noisy = case.response() + generator.normal(0.0, 60.0, len(case.response()))
    fit = laws.fit("rating", {**case.inputs, "rating": np.minimum(noisy, 0.0)})
    assert fit.parameters["m_C"].low < 500 < fit.parameters["m_C"].high
    factor = fit.derived["compute_per_board_size"]
    assert factor.low < 7 < factor.high
    assert fit.card["data"]["grouped_by"] == "distinct board"


def test_ratings_on_the_plateau_alone_tell_no_incline(cases):
    case = cases["rating"]
    low = case.inputs["compute"] < 1e11
    inputs = {name: values[low] for name, values in case.inputs.items()}
    plateau = -200 * inputs["board"] - 100
    luck = np.random.default_rng(0).normal(0.0, 30.0, len(plateau))
    fit = laws.fit("rating", {**inputs, "rating": plateau + luck})
    assert not fit.identified
