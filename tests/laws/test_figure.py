"""Figures for print: every form draws, in every format, and touches no global style."""

import dataclasses
import re

import matplotlib
import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws import card
from allometry.laws.form.registry import forms
from allometry.laws.intrinsic.simulate import Scenario
from allometry.laws.intrinsic.simulate import simulate as simulated
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal


def power_floor() -> laws.Fit:
    truth = {"a": 20.0, "b": 0.45, "c": 0.3}
    grid = Grid({}, {"x": (1e1, 1e5)}, seeds=5)
    table = simulate(
        forms["power-floor"], truth, grid, Noise(), np.random.default_rng(0)
    )
    return laws.fit("power-floor", table, columns={"x": "x"})


def test_points_law_and_band_are_drawn() -> None:
    fit = power_floor()
    (axes,) = fit.plot().axes
    points, inside, beyond = axes.lines
    assert len(points.get_xdata()) == len(fit.residuals)
    assert inside.get_xdata()[-1] <= 1e5 < beyond.get_xdata()[-1]
    said = fit.predict(x=inside.get_xdata())["value"].to_numpy()
    assert inside.get_ydata() == pytest.approx(said)
    assert len(axes.collections) == 2
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_dollars_are_no_formula(tmp_path) -> None:
    title = "cost $x and 50% $"
    figure = power_floor().plot(tmp_path / "law.pdf", title=title)
    assert figure.axes[0].get_title(loc="left") == title


def test_a_trace_per_setting_with_a_legend() -> None:
    truth = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
    sizes = (1e3, 1e5, 2.5e7, 1e9, 7e10)
    grid = Grid({"parameters": sizes}, {"data": (1e4, 1e9)}, 12, 2)
    table = simulate(forms["two-term"], truth, grid, Noise(), np.random.default_rng(0))
    (axes,) = laws.fit("two-term", table).plot().axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["1k", "100k", "25M", "1B", "70B"]
    assert axes.get_ylabel() == "loss"
    # The interval of each size, and no band of new runs.
    assert len(axes.collections) == len(sizes)


def test_axes_have_the_names_of_the_user_s_columns() -> None:
    fit = power_floor()
    own = {"columns": {"x": "data", "y": "loss"}, "named": {"data": "tokens_seen"}}
    (axes,) = dataclasses.replace(fit, card={**fit.card, **own}).plot().axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("tokens seen", "loss")


def test_the_intrinsic_law_meets_its_frontier() -> None:
    table = simulated(Scenario(), np.random.default_rng(0))
    fit = laws.fit("intrinsic", table)
    (axes,) = fit.plot().axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[-1] == "frontier"
    assert len(texts) == 9
    # No interval and no band, as `allometry plot --help` says.
    assert len(axes.collections) == 0
    assert axes.get_ylabel() == "performance"
    named = {**fit.card, "named": {"performance": "win_rate"}}
    (axes,) = dataclasses.replace(fit, card=named).plot().axes
    assert axes.get_ylabel() == "win rate"


def test_a_law_of_many_inputs_is_drawn_against_what_was_seen() -> None:
    rows = [
        {"a": x, "b": y, "d": z, "compute": 1e9 * x * y**0.5 * z**0.2}
        for x in (1.0, 10.0, 100.0)
        for y in (1.0, 4.0, 16.0)
        for z in (1.0, 3.0, 9.0)
    ]
    fit = laws.fit("complexity", pl.DataFrame(rows), columns={"complexity": "a,b,d"})
    (axes,) = fit.plot().axes
    assert axes.get_xlabel() == "compute (FLOPs), by the law"


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".pdf", b"%PDF"), (".png", b"\x89PNG"), (".svg", b"<?xml")]
)
def test_files_by_suffix(tmp_path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"law{suffix}"
    power_floor().plot(path, width=2.0, title="A law")
    assert path.read_bytes().startswith(magic)


def test_a_fit_that_was_read_draws_the_same(tmp_path) -> None:
    fit = power_floor()
    card.write(fit, tmp_path / "fit.json")
    again = card.read(tmp_path / "fit.json")
    fit.plot(tmp_path / "a.png")
    again.plot(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_law_that_is_not_identified_is_stamped() -> None:
    fit = dataclasses.replace(power_floor(), identified=False)
    (axes,) = fit.plot().axes
    assert [text.get_text() for text in axes.texts] == ["not identified"]


def test_no_style_is_left_behind() -> None:
    before = dict(matplotlib.rcParams)
    power_floor().plot()
    assert dict(matplotlib.rcParams) == before


def test_what_cannot_be_drawn_is_refused(tmp_path) -> None:
    fit = power_floor()
    with pytest.raises(Refusal, match=r"cannot be written as '\.doc'"):
        fit.plot(tmp_path / "law.doc")
    for size in (0.0, -1.0, float("nan"), float("inf"), 1e6):
        said = re.escape(f"is {size:g} inches: give more than 0 and at most 50")
        with pytest.raises(Refusal, match=f"figure's width {said}"):
            fit.plot(width=size)
        with pytest.raises(Refusal, match=f"figure's height {said}"):
            fit.plot(height=size)
    with pytest.raises(Refusal, match="has no room for its axes"):
        fit.plot(width=0.3)
    with pytest.raises(Refusal, match="holds no points to draw"):
        dataclasses.replace(fit, points={}).plot()
    with pytest.raises(Refusal, match="is not known here"):
        dataclasses.replace(fit, form=None).plot()
