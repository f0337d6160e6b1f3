"""The law of generalisation: recovered from curves, refused or qualified where due."""

import math

import numpy as np
import polars as pl
import pytest

from allometry.laws.generalisation import Generalisation, foretell, generalisation
from allometry.refusal import Refusal

SIZES = (250, 500, 1000, 2000, 4000)
LEVELS = (4, 6, 9, 13, 20)
#: What the best size (1,000) needs where ln X is 0, and how it grows.
CONSTANT, EXPONENT = 1e9, 0.4


def study(
    exponent: float = EXPONENT,
    luck: float = 0.0,
    *,
    levels: tuple[int, ...] = LEVELS,
    best: float = 1000.0,
    last: float = 3e8,
    points: int = 80,
    seed: int = 0,
) -> pl.DataFrame:
    """Simulate curves that cross .5 at C = c X^k (1 + ln²(N/best)) times luck.

    ln X is twice the logarithm of the level; a step of N parameters costs 6 N FLOPs.
    """
    generator = np.random.default_rng(seed)
    frames = []
    for level in levels:
        x = 2 * math.log(level)
        for size in SIZES:
            for s in range(3):
                needed = CONSTANT * math.exp(exponent * x)
                needed *= 1 + math.log(size / best) ** 2
                needed *= math.exp(generator.normal(0.0, luck))
                interactions = np.geomspace(1e2, last, points)
                compute = 6 * size * interactions
                frames.append(
                    pl.DataFrame(
                        {
                            "run": f"{level}-{size}-{s}",
                            "parameters": size,
                            "seed": s,
                            "arena": level,
                            "log_states": x,
                            "interactions": interactions,
                            "compute": compute,
                            "performance": 1 / (1 + (needed / compute) ** 2),
                            "status": "done",
                        }
                    )
                )
    return pl.concat(frames)


def found(table: pl.DataFrame, **changes: float) -> Generalisation:
    return generalisation(
        table,
        by="arena",
        complexities=["log_states"],
        **({"threshold": 0.5} | changes),  # type: ignore[arg-type]
    )


def test_an_exact_law_is_recovered() -> None:
    law = found(study()).laws[0]
    assert law.identified
    assert law.exponent.value == pytest.approx(EXPONENT, abs=1e-3)
    assert law.constant.value == pytest.approx(CONSTANT, rel=0.01)
    assert law.growth.value == pytest.approx((20 / 4) ** (2 * EXPONENT), rel=0.01)
    needed = law.needed(np.array([3.0]))
    assert needed == pytest.approx(CONSTANT * math.exp(3 * EXPONENT), rel=0.01)


def test_a_level_needs_what_its_best_size_does() -> None:
    level = found(study()).levels[2]
    needed = CONSTANT * 9 ** (2 * EXPONENT)
    assert (level.value, level.size, level.edge) == (9, 1000, "")
    assert level.compute.value == pytest.approx(needed, rel=0.01)
    assert level.interactions.value == pytest.approx(needed / 6000, rel=0.01)
    assert level.count("crossed") == 15


def test_intervals_hold_the_truth_nine_times_in_ten() -> None:
    """Of 100 studies 90 ± 3, and a few more since what is known best counts."""
    held = forecast = 0
    for seed in range(100):
        law = found(study(luck=0.3, points=20, seed=seed)).laws[0]
        held += law.exponent.low <= EXPONENT <= law.exponent.high
        assert law.forecast is not None
        forecast += law.forecast.held
    assert 81 <= held <= 99
    assert 81 <= forecast <= 99


def test_the_interval_of_a_level_grows_with_luck() -> None:
    calm, wild = (found(study(luck=luck)).levels[0].compute for luck in (0.05, 0.5))
    assert calm.low < calm.value < calm.high
    assert math.log(wild.high / wild.low) > 3 * math.log(calm.high / calm.low)


def test_the_highest_level_is_forecast_from_those_below() -> None:
    forecast = found(study(luck=0.1)).laws[0].forecast
    assert forecast is not None
    assert forecast.level == 20
    assert forecast.held
    assert forecast.seen == pytest.approx(CONSTANT * 20 ** (2 * EXPONENT), rel=0.3)
    bent = study().with_columns(
        pl.when(pl.col("arena") == 20)
        .then(pl.col("compute") * 50)
        .otherwise("compute")
        .alias("compute")
    )
    forecast = found(bent).laws[0].forecast
    assert forecast is not None
    assert not forecast.held


def test_a_flat_line_that_is_known_well_is_identified() -> None:
    law = found(study(exponent=0.0, luck=0.05)).laws[0]
    assert law.identified
    assert law.exponent.low < 0 < law.exponent.high
    assert abs(law.growth.value - 1) < 0.2


def test_too_few_levels_identify_nothing_and_say_where_to_train_on() -> None:
    table = study(last=1e5)  # the higher levels are never learnt
    law = found(table).laws[0]
    assert not law.identified
    assert math.isnan(law.exponent.value)
    assert "Train longer at" in law.warnings[0]
    assert "20" in law.warnings[0]


def test_levels_that_never_cross_are_named_and_the_forecast_is_of_those_that_do() -> (
    None
):
    levels = (4, 6, 9, 13, 20, 4000)
    law = found(study(levels=levels, last=1e7)).laws[0]
    assert law.identified
    assert law.warnings[0].endswith("Train longer at 4000, or ask for less.")
    assert law.forecast is not None
    assert law.forecast.level == 20


@pytest.mark.parametrize("shift", [5000.0, -5000.0])
def test_logarithms_may_be_in_the_thousands(shift) -> None:
    whole = study().with_columns(pl.col("log_states") + shift)
    law = found(whole).laws[0]
    assert law.identified
    needed = law.needed(np.array([shift + 3.0]))
    assert needed == pytest.approx(CONSTANT * math.exp(3 * EXPONENT), rel=0.01)


def test_levels_of_one_complexity_are_one() -> None:
    flat = study().with_columns(pl.col("log_states") * 0)
    law = found(flat).laws[0]
    assert law.warnings[0].startswith("Levels of 1 different values")


def test_a_growth_that_could_be_anything_is_not_identified() -> None:
    law = found(study(luck=4.0, levels=(4, 5, 6, 7), last=1e12)).laws[0]
    assert not law.identified
    assert "further apart" in law.warnings[0]


def test_runs_that_never_cross_are_counted_and_their_size_left_out() -> None:
    gone = pl.col("parameters") == 1000
    gone &= (pl.col("arena") == 9) & (pl.col("seed") < 2)
    low = pl.when(gone).then(0.1).otherwise("performance").alias("performance")
    whole = found(study().with_columns(low))
    level = whole.levels[2]
    assert level.count("censored") == 2
    assert level.size in (500, 2000)
    assert any("arena = 9, 2 of 15 runs never" in line for line in whole.warnings)


def test_a_size_that_was_stopped_before_the_best_had_got_there_is_told() -> None:
    """It might need less: then what its level is said to need is too much."""
    best = pl.col("parameters") == 1000
    short = best & (pl.col("arena") == 20) & (pl.col("compute") > 5e9)
    whole = found(study().filter(~short))
    assert [level.cut for level in whole.levels] == [(), (), (), (), (1000,)]
    assert whole.levels[-1].size in (500, 2000)
    assert any("arena = 20 runs of 1000 parameters" in line for line in whole.warnings)
    (warning,) = whole.laws[0].warnings
    assert warning.startswith("At 20 a size that was not seen to cross had spent less")
    # One that had spent more than the best needs is no doubt.
    late = best & (pl.col("arena") == 20) & (pl.col("performance") >= 0.5)
    spent = pl.when(late).then(0.49).otherwise("performance").alias("performance")
    assert not any(level.cut for level in found(study().with_columns(spent)).levels)


def test_a_run_that_diverged_counts_as_chance_from_there_on() -> None:
    one = (pl.col("arena") == 4) & (pl.col("seed") == 0)
    late = one & (pl.col("compute") > 1e8)
    table = study().with_columns(
        pl.when(late).then(None).otherwise("performance").alias("performance"),
        pl.when(one).then(pl.lit("nonfinite")).otherwise("status").alias("status"),
    )
    level = found(table).levels[0]
    assert level.count("censored") == 5
    assert level.count("crossed") == 10


def test_a_best_size_at_the_edge_is_told() -> None:
    whole = found(study(best=8000.0))
    assert whole.levels[0].edge == "largest"
    assert "another might need less" in " ".join(whole.warnings)


def test_what_starts_above_the_threshold_has_no_crossing() -> None:
    table = study().with_columns(pl.col("performance") * 0 + 0.9)
    whole = found(table)
    assert whole.levels[0].count("early") == 15
    assert not whole.laws[0].identified


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit("x").alias("compute"), "'compute' holds String"),
        (pl.lit("running").alias("status"), "no finished run"),
        (pl.col("interactions").alias("log_states"), "has 80 values"),
        (
            pl.when(pl.col("arena") > 4).then("log_states").alias("log_states"),
            "At arena = 4 the column 'log_states'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(change: pl.Expr, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        found(study().with_columns(change))


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(Refusal, match="'arena'"):
        found(study().drop("arena"))


def test_a_level_to_come_is_foretold_as_the_highest_is_from_those_below() -> None:
    table = study(luck=0.1)
    whole = found(table)
    told = whole.laws[0].forecast
    assert told is not None
    lower = found(table.filter(pl.col("arena") < max(LEVELS)))
    again = foretell(lower, "log_states", max(whole.complexities["log_states"]))
    assert again.value == pytest.approx(told.predicted.value, rel=1e-3)
    assert (again.high / again.low) == pytest.approx(
        told.predicted.high / told.predicted.low, rel=0.05
    )


def test_two_levels_foretell_nothing() -> None:
    two = found(study(levels=(4, 6)))
    with pytest.raises(Refusal, match=r"2 different values .* needs 3"):
        foretell(two, "log_states", 5.0)


def test_laws_of_size_and_interactions_multiply_to_that_of_compute() -> None:
    """Here X is the level's square, and the best size grows as the level: as X^.5."""
    best = {4: 500.0, 5: 500.0, 8: 1000.0, 10: 1000.0, 16: 2000.0}
    table = pl.concat([study(levels=(one,), best=best[one]) for one in best])
    whole = found(table)
    (size,), (interactions,) = whole.others["size"], whole.others["interactions"]
    assert size.identified
    assert size.exponent.low < 0.5 < size.exponent.high
    assert size.exponent.value == pytest.approx(0.5, abs=0.05)
    assert (size.constant.unit, interactions.constant.unit) == (
        "parameters",
        "agent steps",
    )
    together = size.exponent.value + interactions.exponent.value
    assert whole.laws[0].exponent.value == pytest.approx(together, abs=1e-6)


def test_a_best_size_is_known_no_finer_than_sizes_were_run() -> None:
    known = found(study()).levels[2].best_size
    assert known.value == 1000
    assert known.high == pytest.approx(1000 * 2**0.45)
    assert known.low == pytest.approx(1000 / 2**0.45)


def test_a_best_size_at_the_edge_tells_no_law_of_size() -> None:
    whole = found(study(best=8000.0))
    assert whole.laws[0].identified
    assert math.isnan(whole.levels[0].best_size.value)
    (size,) = whole.others["size"]
    assert not size.identified
    assert size.warnings == (
        "Levels of 0 different values of log_states were seen to cross at a size "
        "between others, and a law needs 4. Run more sizes at 4, 6, 9, 13, 20.",
    )
