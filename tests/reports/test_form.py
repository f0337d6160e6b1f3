"""The page of any form: from the fit alone, whole, inert, and honest."""

import dataclasses
import json
import re

import numpy as np
import polars as pl
import pytest

from allometry import laws
from allometry.laws import card
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal
from allometry.reports import form

SCRIPT = '<img src=x onerror="alert(1)">'


def fitted(name: str = "two-term", count: int = 6, **settings) -> laws.Fit:
    truth = {
        "two-term": {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42},
        "power-floor": {"a": 20.0, "b": 0.45, "c": 0.3},
        "sigmoid": {"R_0": 0.1, "A": 0.9, "C_mid": 1e12, "B": 0.7},
    }[name]
    sizes = tuple(np.geomspace(1e3, 1e8, count))
    grid = {
        "two-term": Grid({"parameters": sizes}, {"data": (1e4, 1e9)}, 12, 2),
        "power-floor": Grid({}, {"x": (1e1, 1e7)}, 20, 4),
        "sigmoid": Grid({}, {"compute": (1e9, 1e16)}, 20, 4),
    }[name]
    noise = Noise(luck=0.02, noise=0.02)
    table = simulate(forms[name], truth, grid, noise, np.random.default_rng(0))
    return laws.fit(name, table, **settings)


def said(fit: laws.Fit) -> str:
    """The page's words, without tags."""
    text = form.render(fit, title="Mine", command="")
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", bare))


def names(fit: laws.Fit, picture: str) -> list[str]:
    drawn = figures(form.render(fit, title="", command=""))[picture]["data"]
    return [one.get("name", "") for one in drawn]


def figures(text: str) -> dict:
    found = re.search(
        r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S
    )
    return json.loads(found.group(1))["figures"]


@pytest.mark.parametrize("name", ["two-term", "power-floor", "sigmoid"])
def test_a_page_has_all_its_parts(name: str) -> None:
    fit = fitted(name)
    text = form.render(fit, title="Mine", command="allometry fit t.csv")
    assert set(figures(text)) == {"curve", "residuals", "refits"}
    for part in ("law", "picture", "refits", "card", "reproduce"):
        assert f'<section id="{part}">' in text
    for constant in fit.parameters:
        assert f"<td>{constant}</td>" in text
    assert "allometry fit t.csv" in text
    assert "default-src 'none'" in text


def test_a_law_of_one_input_is_explained_with_its_bands_and_its_dashes() -> None:
    fit = fitted("power-floor")
    assert "the line what the law says. The darker band is the 90 % interval" in said(
        fit
    )
    assert "dashed is where there are no data" in said(fit)
    assert "beyond the data" in names(fit, "curve")
    assert "a bend says that the form is wrong there" in said(fit)


@pytest.mark.parametrize(
    ("count", "parts", "colour"),
    [
        (6, "one for each value of model size. Each ends where its data end.", True),
        (13, "one for each of 12 ranges of model size. Each ends", False),
    ],
)
def test_a_law_of_two_inputs_is_explained_with_its_lines(count, parts, colour) -> None:
    fit = fitted("two-term", count)
    fit = dataclasses.replace(
        fit, card={**fit.card, "named": {"parameters": "model_size"}}
    )
    text = said(fit)
    assert parts in text
    for absent in ("darker band", "dashed"):
        assert absent not in text
    assert "beyond the data" not in names(fit, "curve")
    lines = [name for name in names(fit, "curve") if name.startswith("model size = ")]
    assert len(lines) == min(count, 12)
    assert lines[-1] == ("model size = 100M" if count == 6 else lines[-1])
    assert ("a colour that lies to one side" in text) == colour
    marks = [name for name in names(fit, "residuals") if name != "observation"]
    assert len(marks) == (6 if colour else 1)


def test_a_law_of_many_inputs_is_explained_as_what_was_seen_against_it() -> None:
    rows = [
        {"a": x, "b": y, "d": z, "compute": 1e9 * x * y**0.5 * z**0.2}
        for x in (1.0, 10.0, 100.0)
        for y in (1.0, 4.0, 16.0)
        for z in (1.0, 3.0, 9.0)
    ]
    fit = laws.fit("complexity", pl.DataFrame(rows), columns={"complexity": "a,b,d"})
    text = said(fit)
    assert "up, what was seen; across, what the law says of it" in text
    for absent in ("darker band", "dashed", "a colour that lies"):
        assert absent not in text


def test_what_carries_it_speaks_of_the_refits_that_there_are() -> None:
    curves = fitted("two-term")
    assert "a group of runs (dots), or a stretch of every curve (diamonds)." in said(
        curves
    )
    assert names(curves, "refits") == ["without one group", "without one stretch"]
    table = pl.DataFrame({"x": np.geomspace(1, 1e6, 12), "y": np.geomspace(9, 1, 12)})
    rows = laws.fit("power", table)
    assert "a group of runs (dots). A dot far" in said(rows)
    assert "diamonds" not in said(rows)
    assert names(rows, "refits") == ["without one group"]
    drawn = fitted("power-floor", interval="bootstrap", resamples=20)
    assert "groups of runs drawn at random, with replacement: a dot each" in said(drawn)
    assert "leave something out" not in said(drawn)
    assert names(drawn, "refits") == ["a draw of groups"]


def test_axes_have_the_names_of_the_user_s_columns() -> None:
    fit = fitted("two-term")
    own = {"data": "tokens_seen", "loss": "val_loss"}
    fit = dataclasses.replace(fit, card={**fit.card, "named": own})
    layout = figures(form.render(fit, title="", command=""))["curve"]["layout"]
    assert layout["xaxis"]["title"]["text"] == "tokens seen"
    assert layout["yaxis"]["title"]["text"] == "val loss"


def test_large_numbers_are_written_in_thousand_millions_not_giga() -> None:
    drawn = json.dumps(figures(form.render(fitted(), title="", command="")))
    # Plotly's own short numbers (`.3s`) would say 1G.
    assert not re.search(r"%\{[xy]:[^}]*s\}", drawn)


def test_residuals_are_the_fit_s_own() -> None:
    fit = fitted("power-floor")
    drawn = figures(form.render(fit, title="", command=""))["residuals"]["data"]
    y = np.concatenate(
        [np.asarray(one["y"]) for one in drawn if one["mode"] == "markers"]
    )
    assert np.sort(y) == pytest.approx(np.sort(fit.residuals), rel=1e-3, abs=1e-6)


def test_strings_are_inert() -> None:
    fit = fitted("power-floor")
    hostile = {**fit.card, "columns": {"x": SCRIPT, "y": SCRIPT}, "tuned": SCRIPT}
    fit = dataclasses.replace(fit, card=hostile, warnings=(SCRIPT,))
    text = form.render(fit, title=SCRIPT, command=SCRIPT)
    assert "<img" not in text.replace("\\u003cimg", "")


def test_a_law_that_is_not_identified_says_so_first() -> None:
    fit = dataclasses.replace(
        fitted("power-floor"), identified=False, warnings=("No.",)
    )
    text = form.render(fit, title="", command="")
    lead = text.index("Not identified")
    assert lead < text.index("<table")
    assert "no number here should be quoted" in text


def test_a_fit_without_points_is_refused() -> None:
    with pytest.raises(Refusal, match="cannot be drawn"):
        form.render(dataclasses.replace(fitted(), points={}), title="", command="")


def test_the_verb_draws_a_fit_beside_it(tmp_path, monkeypatch, capsys) -> None:
    import sys

    from allometry.cli.main import main

    card.write(fitted("sigmoid"), tmp_path / "score.fit.json")
    words = ["allometry", "report", str(tmp_path / "score.fit.json"), "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    page = json.loads(capsys.readouterr().out)["page"]
    assert page == str(tmp_path / "score.html")
    assert (tmp_path / "score.html").read_text(encoding="utf-8").startswith("<!doctype")
