import base64
import dataclasses
import hashlib
import html
import json
import math
import re

import polars as pl
import pytest

from allometry import laws
from allometry.curves.table import SECONDS
from allometry.laws.estimates import Estimate
from allometry.laws.intrinsic.forecast import forecast
from allometry.refusal import Refusal
from allometry.reports import numbers, words
from allometry.reports.page import render

HOSTILE = (
    '<img src=x onerror="alert(1)">',
    r"$\href{javascript:alert(1)}{x}$",
    "</script><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
)


def figures(page: str) -> dict:
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', page
    )
    assert found is not None
    return json.loads(found[1])["figures"]


def text(page: str) -> str:
    """The page without its scripts and styles, tags removed."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", bare))


@pytest.fixture(scope="module")
def page(base):
    return base.page(description="Eight sizes.")


def test_the_law_comes_first_in_a_sentence(page, base):
    exponent = base.fits[0][1].derived["size_exponent"]
    assert f"best model is {10**exponent.value:.1f} (" in text(page)
    assert page.index("With ten times the compute") < page.index("<figure>")


def test_every_section_is_there_in_order(page):
    names = re.findall(r'<section id="([^"]+)"', page)
    assert names == [
        "law",
        "learning",
        "intrinsic",
        "best-size",
        "natural",
        "drift",
        "limits",
        "card",
        "reproduce",
    ]


def test_every_axis_has_a_name_and_a_unit(page):
    for name, figure in figures(page).items():
        assert re.search(r"\(.+\)", figure["layout"]["xaxis"]["title"]["text"]), name
        if "forest" not in name and "drift" not in name:
            assert re.search(r"\(.+\)", figure["layout"]["yaxis"]["title"]["text"]), (
                name
            )


def test_large_numbers_are_written_in_thousand_millions_not_giga(page, horizons):
    for text in (page, horizons.page()):
        # Plotly's own short numbers (`.3s`) would say 1G.
        assert not re.search(r"%\{[xy]:[^}]*s\}", json.dumps(figures(text)))
    needed = figures(horizons.page())["horizon-needed"]["data"]
    hover = [one for one in needed if "customdata" in one]
    assert hover
    for one in hover:
        assert one["customdata"] == [numbers.si(y) for y in one["y"]]


def test_every_figure_has_its_place_and_no_curve_is_long(page):
    drawn = figures(page)
    assert set(drawn) == set(re.findall(r'class="plot" id="([^"]+)"', page))
    for figure in drawn.values():
        assert all(len(trace["x"]) <= 400 for trace in figure["data"])


def test_the_page_is_one_small_file_that_names_no_other(page):
    assert len(page.encode()) < 8e6
    ours = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert "http:" not in ours
    assert "https:" not in ours
    assert not re.search(r'\b(src|href)="(?!data:,|#)', ours)


def test_the_policy_allows_its_own_scripts_and_no_network(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    for script in re.findall(r"<script>(.*?)</script>", page, flags=re.S):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


@pytest.mark.parametrize("hostile", HOSTILE)
def test_strings_of_the_study_are_inert(base, hostile):
    fit = base.fits[0][1]
    card = fit.card | {"performance_is": hostile, "tuned_per_size": hostile}
    fit = dataclasses.replace(fit, card=card | {hostile: [{hostile: hostile}]})
    runs = base.runs.with_columns(fingerprint=pl.lit(hostile))
    study = {"title": hostile, "description": hostile}
    page = render(
        study, runs, base.curves, base.scores, [("", fit)],
        command=hostile, code=[hostile],
    )  # fmt: skip
    scripts = re.findall(r"<script\b", page)
    clean = base.page()
    assert len(scripts) == len(re.findall(r"<script\b", clean))
    assert "<img" not in re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert "<a " not in re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    title = figures(page)["learning-figure"]["layout"]["yaxis"]["title"]["text"]
    assert "<" not in title


def test_advice_is_the_forecasts(base):
    fit = base.fits[0][1]
    cells = re.findall(r"<td[^>]*>([^<]+)</td>", words.budgets(fit, 1e10))
    assert cells[::4] == ["10¹⁰", "3 × 10¹⁰", "10¹¹", "3 × 10¹¹"]
    size = forecast(fit, compute=1e11).optimal_size.value
    assert cells[9].startswith(numbers.si(size, 2) + " (")
    performance = forecast(fit, compute=3e11).performance
    assert performance is not None
    assert float(cells[-1].split(" (")[0]) == pytest.approx(performance.value, abs=5e-3)


def test_a_refused_law_says_why_and_quotes_no_number(refused):
    fit = refused.fits[0][1]
    said = text(refused.page())
    assert "Not identified." in said
    assert "times larger" not in said
    reason = fit.warnings[0].replace("'", "&#x27;")
    assert reason in said
    assert "What the law advises" not in said


def test_a_law_without_constants_still_gets_a_page(base):
    label, fit = base.fits[0]
    nothing = Estimate(math.nan, math.nan, math.nan)
    empty = dataclasses.replace(
        fit,
        parameters=dict.fromkeys(fit.parameters, nothing),
        derived=dict.fromkeys(fit.derived, nothing),
        identified=False,
        replicates=(),
        residuals=(),
        card={"reasons": ["Too few sizes."]},
        warnings=("Too few sizes.",),
    )
    page = dataclasses.replace(base, fits=[(label, empty)]).page()
    assert "Too few sizes." in text(page)
    assert set(figures(page)) == {"learning-figure", "drift-figure"}


def test_a_fit_of_other_runs_is_refused(base):
    fit = dataclasses.replace(base.fits[0][1], residuals=(0.0, 0.1))
    with pytest.raises(Refusal, match="allometry fit"):
        dataclasses.replace(base, fits=[("", fit)]).page()


def test_versions_of_the_code_that_trained_are_named_and_the_rest_counted(base):
    args = [fit for _, fit in base.fits], base.runs, ""
    assert "<dd>not recorded</dd>" in words.reproduce(*args, [])
    assert "<dd>v0; v1</dd>" in words.reproduce(*args, ["v0", "v1"])
    many = words.reproduce(*args, [f"v{number}" for number in range(7)])
    assert "<dd>v0; v1; v2; v3 and 3 more</dd>" in many


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_of_foreign_files_are_inert(base, hostile):
    files = [hostile, "b.csv"]
    page = render(
        {"title": "Mine"}, base.runs, base.curves, base.scores, base.fits,
        command="", files=files,
    )  # fmt: skip
    assert f"<code>{html.escape(hostile)}</code>, <code>b.csv</code>" in page
    assert "The law was made in Python." in text(page)


def test_the_commands_that_read_curves_and_made_a_law_are_told():
    fit = laws.Fit("power", {}, {}, True, (), (), (), {"command": "allometry fit o"})
    by_hand = dataclasses.replace(fit, card={})
    one = words.read_again([fit], "allometry fit o", ["a.csv"])
    assert "This command read the curves and made the law" in one
    assert "<pre>allometry fit o</pre>" in one
    two = words.read_again([fit], "allometry import x", ["a.csv"])
    assert "These commands read the curves and made the law" in two
    assert "<pre>allometry import x\nallometry fit o</pre>" in two
    half = words.read_again([by_hand], "allometry import x", ["a.csv"])
    assert "The law was made in Python." in half
    assert "This command read the curves, and trained nothing" in half
    assert "files that were not recorded" in words.read_again([by_hand], "", [])


def test_a_study_without_checkpoints_is_refused(base):
    empty = dataclasses.replace(base, curves=base.curves.head(0))
    with pytest.raises(Refusal, match="Run it first"):
        empty.page()
    with pytest.raises(Refusal, match="allometry fit"):
        dataclasses.replace(base, fits=[]).page()


def test_without_held_out_scores_nothing_is_said_of_them(base):
    page = dataclasses.replace(base, scores=base.scores.head(0)).page()
    names = [trace.get("name") for trace in figures(page)["learning-figure"]["data"]]
    assert "held out" not in names
    assert "Dotted lines score" not in page


def test_the_time_is_told_where_it_was_measured(base):
    spent = dict(zip(SECONDS, (5400.0, 720.0, 900.0, 180.0), strict=True))
    known = [pl.lit(value).alias(name) for name, value in spent.items()]
    runs = base.runs.with_columns(pl.lit("both").alias("bundle"), *known)
    page = dataclasses.replace(base, runs=runs).page()
    words = "environment 75%, acting 10%, learning 12%, compiling and measuring 2%"
    assert "<dt>Time</dt><dd>2.0 h<small>" in page
    assert f"of training, in 1 of 1 programs: {words}" in page
    unknown = [pl.lit(None, pl.Float64).alias(name) for name in SECONDS]
    runs = runs.with_columns(unknown)
    assert "<dt>Time</dt>" not in dataclasses.replace(base, runs=runs).page()


def test_runs_that_diverged_are_counted(base):
    name = base.runs["run"][0]
    status = (
        pl.when(pl.col("run") == name).then(pl.lit("nonfinite")).otherwise("status")
    )
    runs = base.runs.with_columns(status.alias("status"))
    assert "23 done, 1 nonfinite" in text(dataclasses.replace(base, runs=runs).page())


def test_a_horizon_study_has_a_law_for_each_horizon(horizons):
    page = horizons.page()
    said = text(page)
    assert "3 of 4 laws are identified" in said
    assert "h = 64: not identified" in said
    assert "consistent with an affine one" in said
    drawn = figures(page)
    assert {"horizon-needed", "horizon-h0", "horizon-forest"} <= set(drawn)
    for h in (1, 4, 16, 64):
        assert f"h{h}-learning-figure" in drawn
    longest = [
        max(
            x
            for trace in drawn[f"h{h}-learning-figure"]["data"]
            for x in trace["x"]
            if x
        )
        for h in (1, 64)
    ]
    assert longest == pytest.approx([1.05e6, 4.2e6], rel=1e-3)
    assert len(page.encode()) < 8e6


def test_a_law_by_any_column_draws_the_runs_of_its_value(base):
    other = base.runs.with_columns(run=pl.format("b-{}", "run"), torso=pl.lit("cnn"))
    runs = pl.concat([base.runs.with_columns(torso=pl.lit("mlp")), other])
    curves = pl.concat(
        [base.curves, base.curves.with_columns(run=pl.format("b-{}", "run"))]
    )
    fit = base.fits[0][1]
    fits = [("torso = mlp", fit), ("torso = cnn", fit)]
    both = dataclasses.replace(base, runs=runs, curves=curves, fits=fits)
    drawn = figures(both.page())
    held_out = [
        [trace.get("name") for trace in drawn[f"torso{name}-learning-figure"]["data"]]
        for name in ("mlp", "cnn")
    ]
    assert ["held out" in names for names in held_out] == [True, False]
