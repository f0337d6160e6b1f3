"""The page of any form: from the fit alone, whole, inert, and honest."""

import dataclasses
import json
import re

import numpy as np
import pytest

from allometry import laws
from allometry.laws import card
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.refusal import Refusal
from allometry.reports import form

SCRIPT = '<img src=x onerror="alert(1)">'


def fitted(name: str = "two-term") -> laws.Fit:
    truth = {
        "two-term": {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42},
        "power-floor": {"a": 20.0, "b": 0.45, "c": 0.3},
        "sigmoid": {"R_0": 0.1, "A": 0.9, "C_mid": 1e12, "B": 0.7},
    }[name]
    sizes = tuple(np.geomspace(1e3, 1e8, 6))
    grid = {
        "two-term": Grid({"parameters": sizes}, {"data": (1e4, 1e9)}, 12, 2),
        "power-floor": Grid({}, {"x": (1e1, 1e7)}, 20, 4),
        "sigmoid": Grid({}, {"compute": (1e9, 1e16)}, 20, 4),
    }[name]
    noise = Noise(luck=0.02, noise=0.02)
    table = simulate(forms[name], truth, grid, noise, np.random.default_rng(0))
    return laws.fit(name, table)


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
