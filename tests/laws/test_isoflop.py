"""Parabolas: right on a centred grid, biased off it, and they say by how much."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from allometry.laws.isoflop import bias, isoflop
from allometry.refusal import Refusal

ALPHA, BETA = 0.34, 0.28
TRUTH = BETA / (ALPHA + BETA)
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def loss(N, C):
    return 1.69 + 406 / N**ALPHA + 411 / (C / (6 * N)) ** BETA


def best(C):
    G = (ALPHA * 406 / (BETA * 411)) ** (1 / (ALPHA + BETA))
    return G * (C / 6) ** TRUTH


BUDGETS = (1e18, 1e19, 1e20, 1e21)


def grid(shift: float = 1.0, budgets=BUDGETS, wide: float = 3.0) -> pl.DataFrame:
    """Nine sizes within a factor `wide` of the best times `shift`."""
    rows = [
        (N, C, loss(N, C))
        for C in budgets
        for N in best(C) * shift * np.geomspace(1 / wide, wide, 9)
    ]
    return pl.DataFrame(rows, schema=["parameters", "compute", "loss"], orient="row")


def test_a_centred_grid_tells_the_exponent() -> None:
    found = isoflop(grid())
    assert found.size_exponent.value == pytest.approx(TRUTH, abs=0.005)
    assert [one.compute for one in found.profiles] == pytest.approx(
        [1e18, 1e19, 1e20, 1e21]
    )
    assert bias(loss, TRUTH, found.profiles) == pytest.approx(
        found.size_exponent.value - TRUTH
    )


def test_off_centre_grids_are_biased_and_say_by_how_much() -> None:
    """Sizes that drift from the best as compute grows bend the line."""
    shifts = zip((1, 1.4, 2, 2.6), BUDGETS, strict=True)
    tables = [grid(shift, (C,)) for shift, C in shifts]
    found = isoflop(pl.concat(tables))
    off = found.size_exponent.value - TRUTH
    centred = isoflop(grid()).size_exponent.value - TRUTH
    assert abs(off) > 0.003
    assert abs(off) > 100 * abs(centred)
    assert bias(loss, TRUTH, found.profiles) == pytest.approx(off)
    assert any("centred away" in said for said in found.warnings)
    assert any("beside a parametric fit" in said for said in found.warnings)


def test_vertices_outside_the_sizes_are_left_out() -> None:
    found = isoflop(grid(shift=30))
    assert not any(one.usable for one in found.profiles)
    assert math.isnan(found.size_exponent.value)
    assert not found.size_exponent.identified
    assert found.to_dict()["size_exponent"]["value"] is None
    assert any("not identified" in said for said in found.warnings)


def test_curves_are_read_at_the_budgets_that_they_pass() -> None:
    rows = [
        (f"n{i}", N, 6 * N * D, loss(N, 6 * N * D))
        for i, N in enumerate(np.geomspace(1e7, 1e10, 12))
        for D in np.geomspace(1e8, 1e12, 60)
    ]
    names = ["run", "parameters", "compute", "loss"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    found = isoflop(table)
    assert len(found.profiles) == 8
    # Twelve sizes over three decades: far from a parabola, so roughly only.
    assert found.size_exponent.value == pytest.approx(TRUTH, abs=0.08)
    one = isoflop(table, budgets=[1e19, 1e20, 1e21])
    assert [p.compute for p in one.profiles] == pytest.approx([1e19, 1e20, 1e21])


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the published data are not beside the project"
)
def test_published_runs() -> None:
    table = pl.read_csv(SHARED / "chinchilla_svg_extracted.csv")
    columns = {"parameters": "Model Size", "compute": "Training FLOP"}
    budgets = [6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21]
    found = isoflop(table, columns=columns, budgets=budgets)
    assert 0.42 < found.size_exponent.value < 0.56
    assert found.size_exponent.low < 0.5 < found.size_exponent.high


@pytest.mark.parametrize("budget", [0.0, -1.0, math.inf, math.nan])
def test_a_budget_that_is_no_compute_is_refused(budget: float) -> None:
    with pytest.raises(Refusal, match=f"budget {budget:g} is no compute"):
        isoflop(grid(), budgets=[1e18, budget])


def test_budgets_of_the_same_runs_are_refused() -> None:
    with pytest.raises(Refusal, match=r"budget 1e\+18 is given twice"):
        isoflop(grid(), budgets=[1e18, 1e18])
    with pytest.raises(Refusal, match=r"1e\+18 and 1.1e\+18 have the same runs"):
        isoflop(grid(), budgets=[1e18, 1.1e18])


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Refusal, match=r"'flops' for 'compute'.*--column compute=NAME"):
        isoflop(grid(), columns={"compute": "flops"})
    with pytest.raises(Refusal, match=r"nothing for 'cost'; name columns for: param"):
        isoflop(grid(), columns={"cost": "loss"})
    with pytest.raises(Refusal, match="no column 'trial' for 'run'"):
        isoflop(grid(), columns={"run": "trial"})
    with pytest.raises(Refusal, match="'loss' holds String, not numbers: name a"):
        isoflop(grid().with_columns(loss=pl.lit("low")))
    with pytest.raises(Refusal, match="No budget has runs of 4 sizes"):
        isoflop(grid().head(3))


def test_checkpoints_at_common_computes_are_budgets_and_not_interpolated() -> None:
    rows = [
        (f"size {N:.0f}", N, C, 2.0 + (math.log(N / 1e8) ** 2) / 50 + 1e3 / C**0.2)
        for C in (1e18, 1e19, 1e20, 1e21)
        for N in np.geomspace(1e7, 1e9, 7)
    ]
    frame = pl.DataFrame(rows, ["run", "parameters", "compute", "loss"], orient="row")
    found = isoflop(frame)
    assert [one.compute for one in found.profiles] == pytest.approx(
        [1e18, 1e19, 1e20, 1e21]
    )
