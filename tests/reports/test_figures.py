import numpy as np
import polars as pl
import pytest

from allometry.laws.estimates import Estimate
from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.forecast import forecast
from allometry.laws.intrinsic.natural import natural_of
from allometry.laws.intrinsic.simulate import TRUTH
from allometry.reports import drift
from allometry.reports.chapter import settings_of
from allometry.reports.figures import best_size, horizon, intrinsic, learning, marks
from allometry.reports.figures.forest import Row, forest
from allometry.reports.figures.natural import natural_ratio
from allometry.reports.style import Sizes


@pytest.fixture(scope="module")
def law(base):
    table = base.curves.join(base.runs, on="run")
    fit = base.fits[0][1]
    return fit, points(table, settings_of(fit)), table


@pytest.fixture(scope="module")
def sizes(base):
    return Sizes(tuple(base.runs["parameters"].unique().sort().to_list()))


def titled(figure) -> bool:
    axes = figure.layout.xaxis, figure.layout.yaxis
    return all("(" in axis.title.text for axis in axes)


def test_size_means_ignore_what_is_not_finite():
    table = pl.DataFrame(
        {
            "parameters": [10, 10, 10],
            "checkpoint": [0, 0, 0],
            "interactions": [5, 5, 5],
            "performance": [0.2, 0.6, None],
        }
    )
    (row,) = learning.size_means(table).to_dicts()
    assert row["mean"] == pytest.approx(0.4)
    assert (row["low"], row["high"], row["seeds"]) == (0.2, 0.6, 2)


def test_learning_curves_show_each_size_twice_with_its_band(law, sizes):
    _, _, table = law
    means = learning.size_means(table)
    figure = learning.learning_curves(
        means, means, sizes, measure="accuracy (share)", band=(0.2, 0.95)
    )
    lines = [trace for trace in figure.data if trace.customdata is not None]
    assert len(lines) == 2 * len(sizes.parameters)
    assert {trace.line.dash for trace in lines} == {"solid", "dot"}
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert [band.fillcolor for band in bands] == [
        sizes.faint(n) for n in sizes.parameters
    ]
    assert titled(figure)


def test_intrinsic_performance_is_a_function_of_performance(law, sizes):
    fit, cleaned, _ = law
    measured = intrinsic.response(cleaned, fit)
    order = np.argsort(cleaned.performance)
    assert (np.diff(np.log(measured[order])) >= -1e-6).all()
    figure = intrinsic.intrinsic(cleaned, fit, sizes)
    (frontier,) = (t for t in figure.data if t.name and "frontier" in t.name)
    assert frontier.x == frontier.y
    assert titled(figure)


def test_the_band_of_the_best_size_is_the_forecasts(law):
    fit, _, _ = law
    for compute in (1e10, 1e13):
        low, high = best_size.optimal_size_band(fit, np.array([compute]))
        found = forecast(fit, compute=compute).optimal_size
        assert (low[0], high[0]) == pytest.approx((found.low, found.high), rel=1e-6)


def test_the_cheapest_sizes_follow_the_truth(law):
    _, cleaned, _ = law
    compute, size = best_size.cheapest_sizes(cleaned)
    assert len(size) > 8
    ratio = np.log(size / TRUTH.optimal_size(compute))
    assert np.abs(np.median(ratio)) < 0.5
    assert set(size) <= set(cleaned.sizes[1:-1])


def test_a_law_that_is_not_identified_has_no_band_and_no_forecast(refused):
    fit = refused.fits[0][1]
    assert not fit.identified
    cleaned = points(refused.curves.join(refused.runs, on="run"), settings_of(fit))
    sizes = Sizes(tuple(int(n) for n in cleaned.sizes))
    figure = best_size.best_size(cleaned, fit, sizes)
    assert not [trace for trace in figure.data if trace.fill]
    names = [trace.name for trace in figure.data if trace.name]
    assert "not identified" in names
    assert "better than any run yet" not in names


def test_natural_ratio_has_law_and_points(law, sizes):
    fit, cleaned, _ = law
    natural = natural_of(fit)
    assert natural is not None
    figure = natural_ratio(cleaned, fit, natural, sizes)
    line = next(t for t in figure.data if t.name and "power law" in t.name)
    slope = np.polyfit(np.log(line.x), np.log(line.y), 1)[0]
    assert slope == pytest.approx(-natural.gamma.value, rel=1e-3)
    assert titled(figure)


def test_forest_draws_refused_rows_hollow():
    rows = [
        Row("A", "sure", Estimate(0.4, 0.3, 0.5), True),
        Row("B", "unsure", Estimate(0.4, -2.0, 3.0), False),
        Row("B", "none", Estimate(np.nan, np.nan, np.nan), False),
    ]
    figure = forest(rows)
    filled, hollow, _ = figure.data
    assert (filled.marker.symbol, hollow.marker.symbol) == ("circle", "circle-open")
    assert len(hollow.x) == 1
    assert list(figure.layout.yaxis.ticktext)[-1] == "none (no fit)"
    assert figure.layout.xaxis.range[0] > -0.1


def test_drift_lists_bands_and_sizes_left_out(law):
    fit, _, _ = law
    rows = drift.rows(fit)
    groups = [row.group for row in rows]
    assert groups.count("One size left out") == len(fit.replicates)
    assert groups.count("Early to late") == len(fit.card["drift_bands"])
    left_out = [row.exponent.value for row in rows if row.group == "One size left out"]
    stored = [entry["size_exponent"] for entry in fit.card["leave_one_size_out"]]
    assert left_out == pytest.approx(stored)


def test_horizon_figures_show_runs_and_laws(horizons):
    sizes = Sizes(tuple(horizons.runs["parameters"].unique().sort().to_list()))
    laws = [law for law in horizons.horizon if law.level == 0.3]
    figure = horizon.needed(laws, sizes)
    dots = sum(len(t.x) for t in figure.data if t.mode == "markers" and not t.name)
    assert dots == sum(law.count("crossed") for law in laws)
    assert titled(figure)
    balance = horizon.balance(horizons.horizon)
    assert [trace.name for trace in balance.data] == [
        "performance 0.3",
        "performance 0.6",
    ]
    assert titled(balance)


def test_thinning_keeps_both_ends():
    rows = marks.thin(pl.DataFrame({"x": range(10_000)}))
    assert rows.height <= marks.MOST_POINTS
    assert (rows["x"][0], rows["x"][-1]) == (0, 9_999)


def test_user_text_is_plain_to_plotly():
    assert "<" not in marks.inert("<a href='javascript:alert(1)'>x</a>")
    assert "%{" not in marks.inert("%{x}")
