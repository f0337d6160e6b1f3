"""Cleaning: what becomes a point, what is counted, what is refused."""

import numpy as np
import polars as pl
import pytest

from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.refusal import Refusal

SIZES = (100, 200, 400, 800)
INTERACTIONS = np.array([100, 1_000, 10_000, 20_000, 40_000, 80_000])
CURVE = np.array([0.1, 0.3, 0.5, 0.6, 0.7, 0.8])


def study(curves=None, seeds=2):
    """A table of runs; `curves` replaces the curve of a (size, seed)."""
    frames = []
    for size in SIZES:
        for seed in range(seeds):
            curve = (curves or {}).get((size, seed), CURVE)
            bad = any(value is None for value in curve)
            frames.append(
                pl.DataFrame(
                    {
                        "run": f"{size}-{seed}",
                        "parameters": size,
                        "seed": seed,
                        "interactions": INTERACTIONS,
                        "compute": 6.0 * size * INTERACTIONS,
                        "performance": pl.Series(list(curve), dtype=pl.Float64),
                        "status": "nonfinite" if bad else "done",
                    }
                )
            )
    return pl.concat(frames)


def of_size(cleaned, size, array):
    return array[size == cleaned.curves.N]


def test_points_are_means_inside_the_band_after_the_start():
    cleaned = points(study({(100, 0): CURVE + 0.1}))
    # 1,000 of 80,000 interactions lie in the first 1/64; nothing in the band is lost.
    np.testing.assert_array_equal(np.unique(cleaned.E), INTERACTIONS[2:])
    np.testing.assert_allclose(
        cleaned.performance[cleaned.N == 100], CURVE[2:] + 0.05, rtol=1e-12
    )
    assert cleaned.counts["points_used"] == len(cleaned.N) == 16
    assert cleaned.kappa == pytest.approx(6.0)
    np.testing.assert_array_equal(cleaned.sizes[cleaned.group], cleaned.N)


def test_weights_are_the_stretch_of_log_interactions_before_exclusion():
    whole = points(study(), IntrinsicSettings(exclude_first=0.0, band=(0.1, 0.95)))
    part = points(study())
    weight = whole.weight[whole.N == 100]
    assert weight.sum() == pytest.approx(np.log(800))
    expected = (np.log(20_000) - np.log(1_000)) / 2
    assert weight[2] == pytest.approx(expected)
    np.testing.assert_array_equal(part.weight[part.N == 100], weight[2:])


def test_means_are_made_monotone_and_falls_are_reported():
    fallen = np.array([0.1, 0.3, 0.5, 0.9, 0.7, 0.8])
    cleaned = points(study({(800, 0): fallen, (800, 1): fallen}))
    curve = of_size(cleaned, 800, cleaned.curves.cleaned)
    np.testing.assert_allclose(curve, [0.1, 0.3, 0.5, 0.8, 0.8, 0.8])
    (drop,) = cleaned.counts["raw_drops"]
    assert drop == pytest.approx(
        {"size": 800.0, "interactions": 40_000.0, "from": 0.9, "to": 0.7}
    )
    raw = points(
        study({(800, 0): fallen, (800, 1): fallen}), IntrinsicSettings(monotone=False)
    )
    np.testing.assert_allclose(of_size(raw, 800, raw.curves.cleaned), fallen)


def test_nonfinite_run_counts_as_chance_from_there_on():
    stopped = [0.1, 0.3, 0.5, None, None, None]
    table = study({(400, 1): stopped})
    cleaned = points(table)
    raw = of_size(cleaned, 400, cleaned.curves.raw)
    np.testing.assert_allclose(raw, [0.1, 0.3, 0.5, 0.35, 0.4, 0.45])
    assert cleaned.counts["nonfinite_runs"] == ["400-1"]
    without = points(table, with_nonfinite=False)
    np.testing.assert_allclose(of_size(without, 400, without.curves.raw), CURVE)
    assert without.counts["nonfinite_runs"] == []


def test_nonfinite_run_may_recover_end_early_or_say_nan():
    expected = [0.1, 0.3, 0.5, 0.35, 0.4, 0.45]
    recovered = study({(400, 1): [0.1, 0.3, 0.5, None, 0.9, 0.9]})
    short = study({(400, 1): [0.1, 0.3, 0.5, None, None, None]}).filter(
        ~((pl.col("run") == "400-1") & (pl.col("interactions") > 10_000))
    )
    nan = study({(400, 1): [0.1, 0.3, 0.5, None, float("nan"), float("inf")]})
    for table in (recovered, short, nan):
        cleaned = points(table)
        raw = of_size(cleaned, 400, cleaned.curves.raw)
        np.testing.assert_allclose(raw, expected)


def test_dead_and_collapsed_runs_are_kept_and_counted():
    dead = np.full(6, 0.105)
    collapsed = np.array([0.1, 0.9, 0.9, 0.9, 0.9, 0.9])
    cleaned = points(study({(100, 0): dead, (800, 0): collapsed}))
    assert cleaned.counts["dead_runs"] == 1
    assert cleaned.counts["collapsed_runs"] == 0
    np.testing.assert_allclose(
        of_size(cleaned, 100, cleaned.curves.raw), (dead + CURVE) / 2
    )


def test_the_right_run_stops_among_many_seeds():
    stopped = {(400, 9): [0.1, 0.3, 0.5, None, None, None]}
    cleaned = points(study({(400, 11): CURVE + 0.12} | stopped, seeds=12))
    raw = of_size(cleaned, 400, cleaned.curves.raw)
    expected = CURVE + 0.01
    expected[3:] -= (CURVE[3:] - 0.1) / 12
    np.testing.assert_allclose(raw, expected)
    assert cleaned.counts["nonfinite_runs"] == ["400-9"]


def test_runs_may_have_any_name():
    named = pl.when(pl.col("run") == "100-1").then(pl.lit("interactions"))
    renamed = study({(100, 0): CURVE + 0.1}).with_columns(run=named.otherwise("run"))
    cleaned, expected = points(renamed), points(study({(100, 0): CURVE + 0.1}))
    np.testing.assert_array_equal(cleaned.performance, expected.performance)


def test_unfinished_runs_are_left_out_and_counted():
    running = pl.when(pl.col("run") == "100-1").then(pl.lit("running"))
    table = study().with_columns(status=running.otherwise("status"))
    assert points(table).counts["left_out_runs"] == {"running": 1}


def test_kappa_is_the_median_over_runs_at_their_last_row():
    spent = pl.when(pl.col("parameters") == 100).then(2.0).otherwise(1.0)
    cleaned = points(study().with_columns(compute=pl.col("compute") * spent))
    assert cleaned.kappa == pytest.approx(6.0)
    assert set(cleaned.kappa_of_runs[cleaned.kappa_group == 0]) == {12.0}


def set_first(column, value):
    first = pl.int_range(pl.len()) == 0
    return study().with_columns(
        pl.when(first).then(pl.lit(value)).otherwise(column).alias(column)
    )


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (study().drop("compute"), "no column 'compute'"),
        (study().clear(), "no rows"),
        (
            study().with_columns(performance=pl.lit("high")),
            "'performance' holds String",
        ),
        (study().with_columns(performance=pl.lit(None)), "null in every row"),
        (set_first("parameters", 0), "'parameters' is 0.0 in run '100-0'"),
        (set_first("interactions", -5), "'interactions' is -5.0 in run"),
        (set_first("interactions", 0), "before the first interaction"),
        (set_first("compute", float("inf")), "'compute' is inf"),
        (set_first("performance", None), "set the status to nonfinite"),
        (set_first("parameters", 101), "'parameters' changes within run '100-0'"),
        (set_first("status", "exploded"), "'status' holds 'exploded'"),
        (set_first("run", None), "'run' is null"),
        (pl.concat([study(), study().head(1)]), "has this checkpoint twice"),
        (study().with_columns(status=pl.lit("running")), "holds no finished run"),
        (study().filter(pl.col("parameters") < 500), "of 3 model sizes"),
        (
            study().with_columns(performance=pl.col("performance") / 10),
            "No point lies in the band",
        ),
        (
            study()
            .filter(
                (pl.col("seed") == 0)
                | (pl.col("interactions") > 10**6)
                | (pl.col("parameters") != 100)
            )
            .vstack(
                study({})
                .filter((pl.col("seed") == 1) & (pl.col("parameters") == 100))
                .with_columns(interactions=pl.col("interactions") * 10**6)
            ),
            "logged at interactions that hardly overlap",
        ),
    ],
)
def test_refuses_with_the_column_and_the_remedy(table, named):
    with pytest.raises(Refusal, match=named) as raised:
        points(table)
    assert str(raised.value).endswith(".")


def test_settings_refuse_what_they_cannot_use():
    made = IntrinsicSettings.from_mapping(
        {"band": [0.3, 0.9], "tuned": "nothing", "natural_metric": "fail-to-success"}
    )
    assert made.band == (0.3, 0.9)
    for values, named in [
        ({"bnad": [0.3, 0.9]}, "no key 'bnad'"),
        ({"band": [0.3]}, "'band"),
        ({"band": [0.9, 0.3]}, "low < high"),
        ({"chance": "lots"}, "'chance'"),
        ({"exclude_first": 1.5}, "exclude_first"),
        ({"natural_metric": "elo"}, "fail-to-success"),
        ({"chance": 2.0}, "chance below maximum"),
    ]:
        with pytest.raises(Refusal, match=named):
            IntrinsicSettings.from_mapping(values)


def test_dense_curves_are_thinned_evenly_and_keep_their_ends():
    interactions = np.arange(1, 5_001)
    table = pl.concat(
        pl.DataFrame(
            {
                "run": str(size),
                "parameters": size,
                "seed": 0,
                "interactions": interactions,
                "compute": 6.0 * size * interactions,
                "performance": 0.1 + 0.08 * np.log(interactions),
                "status": "done",
            }
        )
        for size in SIZES
    )
    cleaned = points(table)
    curve = of_size(cleaned, 100, cleaned.curves.E)
    assert len(curve) <= 201
    assert (curve[0], curve[-1]) == (1, 5_000)
    late = curve[curve > 500]
    assert np.diff(np.log(late)).max() < 2 * np.log(5_000) / 200


def test_runs_logged_at_different_interactions_are_read_between_them():
    """A straight line in ln E is read exactly, whatever the checkpoints."""
    shift = pl.col("seed") * pl.col("interactions") / 50
    apart = study().with_columns(interactions=pl.col("interactions") + shift)
    apart = apart.with_columns(performance=0.05 + 0.07 * pl.col("interactions").log())
    found = points(apart, IntrinsicSettings(exclude_first=0.0, band=(0.15, 0.95)))
    assert found.counts["interpolated_sizes"] == list(SIZES)
    assert found.counts["short_runs"] == 0
    np.testing.assert_allclose(
        found.performance, 0.05 + 0.07 * np.log(found.E), rtol=1e-9
    )


def test_a_run_that_ends_early_is_counted_and_ends_its_size():
    cut = study().filter((pl.col("run") != "200-1") | (pl.col("interactions") < 40_000))
    found = points(cut)
    assert found.counts["short_runs"] == 1
    assert found.counts["interpolated_sizes"] == []
    assert found.E[found.N == 200].max() == 20_000
    assert found.E[found.N == 100].max() == 80_000


def test_a_fall_that_is_made_by_a_run_that_diverged_is_no_fall():
    gone = [0.1, 0.3, 0.5, None, None, None]
    found = points(study({(800, 0): gone}, seeds=3))
    assert found.counts["raw_drops"] == []
    assert found.counts["nonfinite_runs"] == ["800-0"]


def test_bands_follow_from_chance_and_maximum():
    usual = IntrinsicSettings()
    assert usual.band == (0.2, 0.95)
    assert usual.other_bands == ((0.14, 0.9), (0.3, 0.95))
    assert usual.drift_bands == ((0.2, 0.6), (0.35, 0.8), (0.5, 0.95))
    returns = IntrinsicSettings(chance=2.0, maximum=100.0)
    assert returns.band == pytest.approx((2 + 98 / 9, 2 + 98 * 17 / 18))
    own = IntrinsicSettings(chance=-200.0, maximum=900.0, band=(0.0, 850.0))
    assert own.other_bands == ((-120.0, 800.0), (200.0, 850.0))
    assert own.drift_bands[0][0] == 0.0
    assert own.drift_bands[-1][1] == 850.0
    assert IntrinsicSettings(other_bands=()).other_bands == ()
