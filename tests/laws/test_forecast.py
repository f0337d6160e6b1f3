"""Every law answers: closed forms, identities, intervals, and what is refused."""

import dataclasses
import json
import math

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws.allocation import TwoTerm
from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.simulate import Scenario
from allometry.laws.intrinsic.simulate import simulate as simulated
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal

TRUTH = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
LAW = TwoTerm(**TRUTH, kappa=6.0)
GRID = Grid(
    {"parameters": tuple(np.geomspace(1e7, 1e10, 8))}, {"data": (1e9, 1e12)}, 12, 2
)


@pytest.fixture(scope="module")
def two_term() -> laws.Fit:
    generator = np.random.default_rng(0)
    noise = Noise(luck=0.002, noise=0.001)
    table = simulate(forms["two-term"], TRUTH, GRID, noise, generator)
    return laws.fit("two-term", table)


@pytest.fixture(scope="module")
def intrinsic() -> laws.Fit:
    table = simulated(Scenario(), np.random.default_rng(0))
    return laws.fit("intrinsic", table, natural_metric="fail-to-success")


@pytest.mark.parametrize("C", [1e18, 1e21, 1e24])
def test_the_two_term_optimum_is_the_least_loss(C: float) -> None:
    sizes = np.geomspace(1e5, 1e13, 200_001)
    brute = sizes[np.argmin(LAW.loss(sizes, C / (6 * sizes)))]
    assert LAW.optimal_size(C) == pytest.approx(brute, rel=1e-3)
    spent = 6 * LAW.optimal_size(C) * LAW.optimal_interactions(C)
    assert spent == pytest.approx(C)


def test_a_loss_and_its_compute_are_each_other_s_inverse() -> None:
    for C in (1e18, 1e22):
        assert LAW.compute_for(float(LAW.best_loss(C))) == pytest.approx(C)
    assert LAW.compute_for(1.69) == math.inf


def test_the_best_size_has_the_least_price_and_an_infinite_one_the_least_data() -> None:
    best = float(LAW.optimal_size(1e21))
    sizes = best * np.array([0.3, 0.9, 1.0, 1.1, 3.0])
    price = 6 * sizes * LAW.interactions_needed(sizes, 1e21) / 1e21
    assert price[2] == pytest.approx(1)
    assert (price >= 1 - 1e-12).all()
    assert LAW.interactions_needed(1e30, 1e21) == pytest.approx(
        float(LAW.interactions_infinite_size(1e21)), rel=1e-6
    )
    assert LAW.interactions_needed(best / 1e6, 1e21) == math.inf


def test_the_economic_size_is_the_cheapest() -> None:
    best = float(LAW.optimal_size(1e21))
    for N_env in (best / 100, best, 30 * best):
        found = float(LAW.economic_size(1e21, N_env))
        sizes = np.geomspace(best / 2, best * 1e4, 400_001)
        cost = LAW.interactions_needed(sizes, 1e21) * (sizes + N_env)
        assert found == pytest.approx(sizes[np.argmin(cost)], rel=1e-3)
        assert found > best


def test_a_two_term_fit_answers_every_question(two_term: laws.Fit) -> None:
    found = two_term.forecast(compute=1e22, size=1e9, environment=1e9, reference=1e10)
    best = found.answers["best_size"]
    assert best.low < best.value < best.high
    assert best.value == pytest.approx(float(LAW.optimal_size(1e22)), rel=0.2)
    assert found.answers["price_of_this_size"].value > 1
    assert found.answers["economic_size"].value > best.value
    ratio = found.answers["best_run_to_reference"].value
    assert ratio == pytest.approx(found.answers["data"].value / 1e10)
    back = two_term.forecast(loss=found.answers["loss"].value)
    assert back.answers["compute"].value == pytest.approx(1e22)
    assert "6 FLOPs" in found.warnings[-1]
    json.dumps(found.to_dict())


def test_another_kappa_moves_the_compute(two_term: laws.Fit) -> None:
    six = two_term.forecast(loss=2.3).answers
    three = two_term.forecast(loss=2.3, kappa=3.0).answers
    assert three["compute"].value == pytest.approx(six["compute"].value / 2)
    assert three["best_size"].value == pytest.approx(six["best_size"].value)


def test_the_intrinsic_law_s_asides_are_its_closed_forms(intrinsic: laws.Fit) -> None:
    law = Intrinsic(**{name: one.value for name, one in intrinsic.parameters.items()})
    C = 1e11
    best = float(law.optimal_size(C))
    found = intrinsic.forecast(compute=C, size=2 * best, environment=best)
    answers = found.answers
    factor = (1 + law.alpha_E / law.alpha_N) ** (1 / law.alpha_E)
    assert answers["interactions"].value / answers[
        "interactions_of_infinite_size"
    ].value == pytest.approx(factor)
    price = law.kappa * 2 * best * float(law.interactions_needed(2 * best, C)) / C
    assert answers["price_of_this_size"].value == pytest.approx(price)
    assert answers["economic_size"].value == pytest.approx(
        float(law.economic_size(C, best))
    )
    at_best = intrinsic.forecast(compute=C, size=best).answers["price_of_this_size"]
    assert at_best.value == pytest.approx(1)


def test_a_size_that_never_gets_there_says_so(intrinsic: laws.Fit) -> None:
    found = intrinsic.forecast(performance=0.99, size=1.0)
    assert "price_of_this_size" not in found.answers
    assert any("never reached, at any price" in said for said in found.warnings)


def power_floor(seed: int) -> laws.Fit:
    generator = np.random.default_rng(seed)
    truth = {"a": 20.0, "b": 0.45, "c": 0.3}
    grid = Grid({}, {"x": (1e1, 1e5)}, seeds=5)
    table = simulate(forms["power-floor"], truth, grid, Noise(), generator)
    return laws.fit("power-floor", table)


def test_a_form_of_one_input_answers_both_ways() -> None:
    fit = power_floor(0)
    there = fit.forecast(x=1e4)
    y, band = there.answers["y"], there.answers["a_new_run"]
    assert band.low < y.low < y.value < y.high < band.high
    back = fit.forecast(y=y.value).answers["x"]
    assert back.value == pytest.approx(1e4, rel=1e-3)
    assert back.low < 1e4 < back.high
    with pytest.raises(Refusal, match=r"y of 0\.1 is never reached"):
        fit.forecast(y=0.1)


def test_intervals_beyond_the_data_hold_the_truth() -> None:
    held = 0
    for seed in range(60):
        y = power_floor(seed).forecast(x=1e6).answers["y"]
        held += y.low <= 20 * 1e6**-0.45 + 0.3 <= y.high
    assert held >= 49  # 90 % of 60, less two standard errors


def test_far_beyond_the_data_it_warns_and_says_how_far() -> None:
    found = power_floor(0).forecast(x=1e8)
    assert found.beyond == pytest.approx(1e3)
    assert "1e+03 times outside the x of the data" in found.warnings[0]


def test_a_law_that_is_not_identified_answers_within_its_data_only() -> None:
    fit = dataclasses.replace(power_floor(0), identified=False, warnings=("Why.",))
    assert "NOT IDENTIFIED" in fit.forecast(x=1e4).warnings[0]
    with pytest.raises(Refusal, match=r"beyond the x of its data.*would be a guess"):
        fit.forecast(x=1e6)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({}, "Ask for a compute or for a loss"),
        ({"compute": 1e20, "loss": 2.0}, "one of the two"),
        ({"compute": -1.0}, "compute = -1 is impossible"),
        ({"compute": math.inf}, "no finite number"),
        ({"loss": 1.0}, "at or below the floor, E = 1"),
        ({"steps": 1e6}, "cannot be asked by 'steps'"),
        ({"compute": 1e20, "size": 0.0}, "size = 0 is impossible"),
    ],
)
def test_impossible_questions_are_refused(two_term, question, message) -> None:
    with pytest.raises(Refusal, match=message):
        two_term.forecast(**question)


@pytest.mark.parametrize("kappa", [0.0, -6.0, math.nan, math.inf])
def test_a_kappa_that_is_none_is_refused(two_term, kappa) -> None:
    with pytest.raises(Refusal, match=r"--kappa is .*a number above 0 such as 6"):
        two_term.forecast(compute=1e20, kappa=kappa)
    assert two_term.forecast(compute=1e20, kappa=3.0).answers["best_size"].value > 0


def test_a_form_names_what_it_is_asked_by() -> None:
    with pytest.raises(Refusal, match=r"is asked by x, or y; given are: z.*--at x=…"):
        power_floor(0).forecast(z=1.0)


def test_several_inputs_are_asked_together() -> None:
    table = pl.DataFrame(
        {
            "updates_per_interaction": [1.0, 2.0, 4.0, 8.0] * 4,
            "parameters": np.repeat([1e5, 1e6, 1e7, 1e8], 4),
        }
    )
    truth = {"D_min": 3e5, "a": 1.3, "alpha": 1.0, "b": 6e5, "beta": 0.9}
    form = forms["threshold"]
    inputs = {name: table[name].to_numpy() for name in table.columns}
    values = {name: np.array([[value]]) for name, value in truth.items()}
    D = form.predict(inputs, values)[0]
    fit = laws.fit("threshold", table.with_columns(interactions=D))
    found = fit.forecast(updates_per_interaction=4.0, parameters=1e6)
    expected = 3e5 * (1 + 1.3 / 4 + (0.6) ** 0.9)
    assert found.answers["interactions"].value == pytest.approx(expected, rel=1e-4)
