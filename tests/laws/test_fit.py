"""From a table to a law with its card, and what it says when there is none."""

import json

import numpy as np
import polars as pl
import pytest

from allometry.laws import Fit, Intrinsic, IntrinsicSettings, fit
from allometry.laws.intrinsic.simulate import SCENARIOS, TRUTH, Scenario, simulate
from allometry.refusal import Refusal


@pytest.fixture(scope="module")
def table():
    return simulate(SCENARIOS["base"], np.random.default_rng(1))


@pytest.fixture(scope="module")
def law(table) -> Fit:
    settings = IntrinsicSettings(tuned="learning rate", parameters_are="all weights")
    return fit("intrinsic", table, settings=settings)


def test_law_of_a_simulated_study_holds_its_truth(law):
    assert law.identified
    assert list(law.parameters) == ["alpha_N", "alpha_E", "N_c", "kappa"]
    for name, estimate in law.parameters.items():
        assert estimate.low <= getattr(TRUTH, name) * (1 + 1e-9)
        assert estimate.high >= getattr(TRUTH, name) * (1 - 1e-9)
    for name in ("size_exponent", "interactions_exponent", "beta", "E_c"):
        assert law.derived[name].low < getattr(TRUTH, name) < law.derived[name].high


def test_derived_follow_from_the_parameters(law):
    values = {name: estimate.value for name, estimate in law.parameters.items()}
    for name, estimate in law.derived.items():
        assert estimate.value == pytest.approx(getattr(Intrinsic(**values), name))


def test_card_is_json_and_tells_what_was_done(law):
    card = json.loads(json.dumps(law.card, allow_nan=False))
    assert card["size_is"] == "all weights"
    assert card["tuned_per_size"] == "learning rate"
    assert card["data"]["points_used"] == len(law.residuals)
    assert card["data"]["range"]["C"][1] == pytest.approx(50 * 40_000 * 1e6)
    assert len(card["leave_one_size_out"]) == len(law.replicates) == 8
    assert [band["band"] for band in card["other_bands"]] == [[0.14, 0.9], [0.3, 0.95]]
    assert card["diagnostics"]["starts_that_agree"] >= 0.9
    assert "No interval over seeds or sizes contains such drift" in card["drift"]
    assert "without_nonfinite_runs" not in card


def test_order_of_rows_and_of_columns_does_not_matter(table, law):
    shuffled = table.select(sorted(table.columns)).sample(
        fraction=1.0, shuffle=True, seed=0
    )
    again = fit("intrinsic", shuffled)
    assert again.derived["size_exponent"] == law.derived["size_exponent"]


def test_unit_of_performance_does_not_matter(table, law):
    scaled = table.with_columns(performance=10 * pl.col("performance"))
    settings = IntrinsicSettings(
        band=(2.0, 9.5), other_bands=(), drift_bands=(), chance=1.0, maximum=10.0
    )
    again = fit("intrinsic", scaled, settings=settings)
    expected = law.derived["size_exponent"].value
    assert again.derived["size_exponent"].value == pytest.approx(expected, abs=1e-4)
    assert again.warnings == law.warnings


def test_nonfinite_runs_are_counted_and_the_fit_shown_without_them(table):
    late = (pl.col("run") == "9884-1") & (pl.col("interactions") > 300_000)
    stopped = table.with_columns(
        performance=pl.when(late).then(None).otherwise("performance"),
        status=pl.when(pl.col("run") == "9884-1")
        .then(pl.lit("nonfinite"))
        .otherwise("status"),
    )
    found = fit("intrinsic", stopped)
    assert found.card["runs"]["nonfinite_runs"] == ["9884-1"]
    assert any("1 of 24 runs went non-finite" in said for said in found.warnings)
    without = fit("intrinsic", table.filter(pl.col("run") != "9884-1"))
    shown = found.card["without_nonfinite_runs"]["size_exponent"]["value"]
    assert shown == pytest.approx(without.derived["size_exponent"].value, abs=1e-6)


def test_unidentified_law_is_a_value_whose_warnings_begin_with_the_reasons():
    one_sided = Scenario(smallest=50_000.0, largest=5_000_000.0)
    found = fit("intrinsic", simulate(one_sided, np.random.default_rng(0)))
    assert not found.identified
    assert list(found.warnings)[: len(found.card["reasons"])] == found.card["reasons"]


def test_bands_without_points_are_entries_that_say_so(table):
    low = table.with_columns(performance=0.1 + pl.col("performance") * 0.4)
    found = fit("intrinsic", low, chance=0.1)
    entry = found.card["drift_bands"][2]
    assert entry["size_exponent"] is None
    assert "No point lies in the band 0.5 to 0.95" in entry["reasons"][0]


def test_kappa_that_differs_between_sizes_is_a_warning(table):
    uneven = table.with_columns(
        compute=pl.col("compute") * (1 + 1_000 / pl.col("parameters"))
    )
    found = fit("intrinsic", uneven)
    assert any("differs between sizes" in said for said in found.warnings)


def test_unknown_law_is_refused_with_the_names_there_are(table):
    with pytest.raises(Refusal, match="no law 'chinchila'; choose from: intrinsic"):
        fit("chinchila", table)


def test_the_scale_of_returns_is_read_off_their_curves_and_said(table, law):
    """An affine change of the score changes nothing but its unit."""
    returns = table.with_columns(performance=1100 * pl.col("performance") - 310)
    found = fit("intrinsic", returns)
    assert (found.card["chance"], found.card["maximum"]) == (-200.0, 730.0)
    said = " ".join(found.warnings)
    assert "Taken from the curves: chance -200 (where curves begin)" in said
    assert "--set chance=NUMBER --set maximum=NUMBER says otherwise." in said
    exponent = found.derived["size_exponent"]
    assert exponent.low < TRUTH.size_exponent < exponent.high
    given = fit("intrinsic", returns, chance=-200.0, maximum=730.0)
    assert given.derived == found.derived
    assert not any("Taken from" in said for said in given.warnings)


def test_only_what_is_not_given_is_read_off_the_curves(table):
    found = fit("intrinsic", table, maximum=1.0)
    assert found.card["chance"] == 0.1
    assert "maximum" not in next(s for s in found.warnings if "Taken from" in s)


def test_columns_that_follow_from_others_need_not_be_there(table, law):
    bare = table.drop("status", "seed")
    assert fit("intrinsic", bare).derived == fit("intrinsic", table).derived
    seeds = table.drop("run", "status")
    assert fit("intrinsic", seeds).derived == fit("intrinsic", table).derived
    gone = pl.when((pl.col("run") == table["run"][0]) & (pl.col("interactions") > 1e5))
    value = gone.then(float("nan")).otherwise("performance")
    lost = fit("intrinsic", bare.with_columns(performance=value))
    assert lost.card["runs"]["nonfinite_runs"] == [table["run"][0]]


def test_the_law_without_runs_that_diverged_is_said(table):
    gone = pl.when((pl.col("seed") == 0) & (pl.col("interactions") > 3e4))
    lost = table.with_columns(
        performance=gone.then(None).otherwise("performance"),
        status=pl.when(pl.col("seed") == 0)
        .then(pl.lit("nonfinite"))
        .otherwise(pl.lit("done")),
    )
    found = fit("intrinsic", lost, chance=0.1, maximum=1.0)
    said = next(s for s in found.warnings if "went non-finite" in s)
    rest = found.card["without_nonfinite_runs"]["size_exponent"]["value"]
    assert f"without them the size exponent is {rest:.2f}" in said


def test_constants_of_a_law_that_is_not_identified_are_marked():
    one_sided = Scenario(smallest=50_000.0, largest=5_000_000.0)
    found = fit("intrinsic", simulate(one_sided, np.random.default_rng(0)))
    assert not found.identified
    assert not found.derived["size_exponent"].identified
    assert not found.parameters["alpha_N"].identified
    assert found.parameters["kappa"].identified
