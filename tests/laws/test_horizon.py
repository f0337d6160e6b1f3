"""The horizon law from whole curves: recovery, censoring, and when it is refused."""

import math

import numpy as np
import polars as pl
import pytest

from allometry.laws.horizon import horizon_fits, horizon_law, horizon_table
from allometry.refusal import Refusal

HORIZONS = (1, 4, 16, 64)


def study(
    h_0: float = 30.0,
    luck: float = 0.1,
    *,
    horizons: tuple[int, ...] = HORIZONS,
    last: float = 1e6,
    size: int = 388,
    seed: int = 0,
) -> pl.DataFrame:
    """Simulate curves that cross .5 at 10⁴ (1 + h/h₀) interactions times luck."""
    generator = np.random.default_rng(seed)
    interactions = np.round(np.geomspace(500.0, last, 60))
    frames = []
    for h in horizons:
        for s in range(3):
            middle = 1e4 * (1 + h / h_0) * np.exp(generator.normal(0.0, luck))
            curve = 1 / (1 + (middle / interactions) ** 1.5)
            frames.append(
                pl.DataFrame(
                    {
                        "run": f"<b>{size}-{h}-{s}</b>",
                        "parameters": size,
                        "seed": s,
                        "horizon": h,
                        "interactions": interactions,
                        "performance": curve,
                        "status": "done",
                    }
                )
            )
    return pl.concat(frames)


def diverge(table: pl.DataFrame, horizon: int, *, after: float) -> pl.DataFrame:
    """Let seed 0 at a horizon go non-finite after so many interactions."""
    one = (pl.col("horizon") == horizon) & (pl.col("seed") == 0)
    gone = one & (pl.col("interactions") > after)
    return table.with_columns(
        pl.when(gone).then(None).otherwise("performance").alias("performance"),
        pl.when(one).then(pl.lit("nonfinite")).otherwise("status").alias("status"),
    )


def test_recovers_an_exact_law() -> None:
    fit = horizon_law(study(luck=0.0), 0.5, 388)
    assert fit.identified
    assert fit.affine
    assert fit.E_0.value == pytest.approx(1e4, rel=0.01)
    assert fit.h_0.value == pytest.approx(30.0, rel=0.03)
    assert fit.exponent.value == pytest.approx(1.0, abs=0.03)
    assert fit.needed(60.0) == pytest.approx(3e4, rel=0.02)
    assert fit.warnings == ()


def test_with_luck_the_intervals_hold_the_truth_and_the_units_are_named() -> None:
    fit = horizon_law(study(), 0.5, 388)
    assert fit.identified
    assert fit.E_0.low < 1e4 < fit.E_0.high
    assert fit.h_0.low < 30.0 < fit.h_0.high
    assert fit.spread == pytest.approx(0.1, rel=0.5)
    assert (fit.E_0.unit, fit.h_0.unit) == ("agent steps", "horizon")
    assert fit.count("crossed") == 12


def test_censored_horizons_are_counted_and_left_out() -> None:
    # 64 would need 31,000 interactions; training stopped at 25,000.
    fit = horizon_law(study(last=25_000.0), 0.5, 388)
    assert fit.used == (1.0, 4.0, 16.0)
    assert fit.count("censored") == 3
    assert "At horizon 64, 3 of 3 runs never reached the level" in fit.warnings[0]
    assert "train longer" in fit.warnings[0]
    assert "Horizon 64 is left out" in fit.warnings[1]


def test_two_horizons_are_not_enough() -> None:
    fit = horizon_law(study(horizons=(1, 4)), 0.5, 388)
    assert not fit.identified
    assert "6 runs at 2 horizons" in fit.warnings[-1]
    assert math.isnan(fit.h_0.value)


@pytest.mark.parametrize(
    ("h_0", "remedy"), [(1e5, "longer than 64"), (1e-3, "shorter than 1")]
)
def test_a_part_that_is_not_seen_is_not_identified(h_0: float, remedy: str) -> None:
    table = study(h_0, last=1e9 if h_0 < 1 else 1e6)
    fit = horizon_law(table, 0.5, 388)
    assert not fit.identified
    assert any("spans more than a factor 10" in warning for warning in fit.warnings)
    assert any(remedy in warning for warning in fit.warnings)


def test_runs_at_the_level_from_the_start_are_left_out() -> None:
    fit = horizon_law(study(), 0.005, 388)
    assert not fit.identified
    assert fit.count("early") > 0
    assert "evaluate earlier" in fit.warnings[0]


def test_diverged_runs_count_as_chance_and_the_fit_is_shown_without_them() -> None:
    table = diverge(study(), 16, after=5_000.0)
    fit = horizon_law(table, 0.5, 388)
    assert fit.count("censored") == 1
    assert "1 of 3 runs never reached" in fit.warnings[0]
    assert fit.without_nonfinite is not None
    assert len(fit.without_nonfinite.observations) == 11
    assert fit.without_nonfinite.count("censored") == 0
    assert horizon_law(study(), 0.5, 388).without_nonfinite is None


def test_table_by_size_and_level() -> None:
    table = pl.concat([study(), study(h_0=60.0, size=2_000, seed=1)])
    frame = horizon_table(table, (0.3, 0.5))
    assert frame.select("parameters", "level").rows() == [
        (388, 0.3), (388, 0.5), (2_000, 0.3), (2_000, 0.5),
    ]  # fmt: skip
    assert frame["identified"].all()
    assert (frame["h_0_low"] < frame["h_0"]).all()
    assert (frame["crossed"] == 12).all()
    assert len(horizon_fits(table, (0.5,))) == 2


def test_bad_input_is_refused() -> None:
    with pytest.raises(Refusal, match="'horizon'"):
        horizon_law(study().drop("horizon"), 0.5, 388)
    with pytest.raises(Refusal, match=r"no run of size 99.*388"):
        horizon_law(study(), 0.5, 99)
    with pytest.raises(Refusal, match="no finished run"):
        horizon_table(study().clear(), (0.5,))
