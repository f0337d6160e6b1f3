"""Planes: exponents of several dials, and which law foretells a level best."""

import math

import numpy as np
import polars as pl
import pytest

from allometry.laws.estimates import Estimate
from allometry.laws.generalisation import generalisation
from allometry.laws.level import Level
from allometry.laws.plane import planes

ARENAS, COLOURS = (4, 6, 9, 13), (1, 2, 4)
STATES, GAMES = 0.5, 1.5
NAMES = ("log_states", "log_games", "log_log_policies")


def study(
    arenas: tuple[int, ...] = ARENAS,
    colours: tuple[int, ...] = COLOURS,
    states: float = STATES,
    games: float = GAMES,
) -> pl.DataFrame:
    """Simulate curves that cross .5 at 1e9 S^states G^games FLOPs, times some luck."""
    luck = np.random.default_rng(1)
    frames = []
    for arena in arenas:
        for colour in colours:
            s, g = 2 * math.log(arena), math.log(colour)
            for seed in range(3):
                log = states * s + games * g + luck.normal(0, 0.05)
                compute = np.geomspace(1e8, 1e14, 120)
                frames.append(
                    pl.DataFrame(
                        {
                            "run": f"{arena}-{colour}-{seed}",
                            "parameters": 100,
                            "arena": arena,
                            "colours": colour,
                            "log_states": s,
                            "log_games": g,
                            "log_log_policies": s + g + 2.0,
                            "interactions": compute / 600,
                            "compute": compute,
                            "performance": 1 / (1 + 1e9 * math.exp(log) / compute),
                            "status": "done",
                        }
                    )
                )
    return pl.concat(frames)


def found(table: pl.DataFrame, threshold: float = 0.5):
    return generalisation(
        table, by=["arena", "colours"], threshold=threshold, complexities=NAMES
    )


def by_names(table: pl.DataFrame):
    return {law.complexities: law for law in found(table).planes}


def test_levels_are_the_combinations_of_the_dials():
    one = found(study())
    assert one.by == "arena × colours"
    assert {level.value for level in one.levels} == {
        f"{arena} × {colour}" for arena in ARENAS for colour in COLOURS
    }


def test_the_exponents_are_those_simulated_and_the_top_is_foretold():
    law = by_names(study())["log_states", "log_games"]
    assert law.identified
    for estimate, truth in zip(law.exponents, (STATES, GAMES), strict=True):
        assert estimate.low < truth < estimate.high
        assert estimate.value == pytest.approx(truth, abs=0.05)
    assert law.highest is not None
    assert law.highest.level == f"{ARENAS[-1]} × {COLOURS[-1]}"
    assert law.highest.missed < 1.2
    assert law.wrong < 1.1


def test_nine_bands_in_ten_hold_the_highest_level():
    """Of 400 draws 90 % are expected, with a standard error of 1.5 %."""
    luck = np.random.default_rng(2)
    x = [(2 * math.log(a), math.log(c)) for a in ARENAS for c in COLOURS]
    logs = {"log_states": [s for s, _ in x], "log_games": [g for _, g in x]}
    held = 0
    for _ in range(400):
        levels = [
            level(math.exp(STATES * s + GAMES * g + luck.normal(0, 0.2))) for s, g in x
        ]
        (law,) = planes(levels, logs, [("log_states", "log_games")])
        assert law.highest is not None
        held += law.highest.held
    assert held / 400 == pytest.approx(0.9, abs=0.045)


def level(compute: float) -> Level:
    """Give a level that is known to a hundredth."""
    known = Estimate(compute, compute / 1.01, compute * 1.01, "FLOPs")
    return Level("a level", (), known, known, 100)


def test_the_separate_dials_foretell_better_where_they_count_differently():
    laws = by_names(study())
    assert set(laws) == {*((name,) for name in NAMES), ("log_states", "log_games")}
    assert laws["log_states", "log_games"].wrong < 1.1
    assert laws[("log_log_policies",)].wrong > 1.2


def test_the_aggregate_foretells_as_well_where_only_it_counts():
    laws = by_names(study(states=0.7, games=0.7))
    assert laws[("log_log_policies",)].wrong < 1.1
    low, high = (laws[("log_log_policies",)].exponents[0].low, 0.0)
    assert low > high


def test_dials_that_were_turned_together_are_not_told_apart():
    both = study(arenas=(2, 4, 6, 9, 13, 20), colours=(1,))
    together = both.with_columns(log_games=pl.col("log_states") * 2)
    law = by_names(together)["log_states", "log_games"]
    assert not law.identified
    assert "turn each dial while the others stand still" in law.warnings[0]


def test_too_few_levels_are_said():
    law = by_names(study(arenas=(4, 6), colours=(1, 2)))["log_states", "log_games"]
    assert not law.identified
    assert math.isnan(law.wrong)
    assert "4 levels were seen to cross" in law.warnings[0]
