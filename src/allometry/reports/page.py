"""The page: one HTML file that explains a study's law to somebody new to it.

Pictures come before tables, each with a paragraph that says what is seen and what it
means. The file works offline: Plotly is inlined, its content-security policy allows
the page's own two scripts by their hashes and no network at all. Every string that
comes from the study is escaped.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

import plotly.io
import plotly.offline
import polars as pl

import allometry
from allometry.laws.clean import Points, points
from allometry.laws.estimates import Fit
from allometry.laws.horizon import HorizonFit
from allometry.laws.settings import IntrinsicSettings
from allometry.refusal import Refusal
from allometry.reports import numbers, words
from allometry.reports.chapter import Chapter, Section, sections
from allometry.reports.style import Sizes, palette_css, ramp_css, twins


def render(
    study: Mapping[str, Any],
    runs: pl.DataFrame,
    curves: pl.DataFrame,
    scores: pl.DataFrame,
    fits: Sequence[tuple[str, Fit]],
    *,
    horizon: Sequence[HorizonFit] | None = None,
    command: str,
) -> str:
    """Write the whole page.

    `runs`, `curves` and `scores` are the tables of `allometry.curves.table`, `runs`
    with the study's covariates. `fits` are (label, fit): one with an empty label, or
    one per horizon, whose label holds the value of the column `horizon`. `command`
    is what makes the study again.

    Raises:
        Refusal: there is no run, or no checkpoint, to draw.
    """
    if runs.is_empty() or curves.is_empty():
        raise Refusal(
            "The study has no finished checkpoint, so there is nothing to report. "
            "Run it first, then ask for the report again."
        )
    chapters = [_chapter(study, runs, curves, scores, *fit) for fit in fits]
    table = _joined(runs, curves)
    written = [_headline(chapters, table, runs)]
    for chapter in chapters:
        written += sections(chapter)
    written.append(_reproduce(study, runs, command))
    return _document(study, written, Sizes(_sizes(runs)))


def _chapter(
    study: Mapping[str, Any],
    runs: pl.DataFrame,
    curves: pl.DataFrame,
    scores: pl.DataFrame,
    label: str,
    fit: Fit,
) -> Chapter:
    """Gather what one law was fitted to."""
    if label and "horizon" in runs.columns:
        runs = runs.filter(pl.col("horizon") == _number(label))
    settings = _settings(study)
    trained = _joined(runs, curves)
    keys = ["run", "checkpoint"]
    held_out = (
        scores.filter(pl.col("split") == "held_out")
        .group_by(keys)
        .agg(pl.col("score").mean().alias("performance"))
        .join(trained.drop("performance"), on=keys)
    )
    return Chapter(
        label=label,
        prefix=f"h{_number(label):g}-" if label else "",
        fit=fit,
        settings=settings,
        points=_points(trained, settings),
        trained=trained,
        held_out=held_out,
    )


def _joined(runs: pl.DataFrame, curves: pl.DataFrame) -> pl.DataFrame:
    static = runs.select(set(runs.columns) - {"study", "bundle", "fingerprint"})
    return curves.join(static, on="run").filter(pl.col("interactions") > 0)


def _points(table: pl.DataFrame, settings: IntrinsicSettings) -> Points | None:
    try:
        return points(table, settings)
    except Refusal:
        return None


def _settings(study: Mapping[str, Any]) -> IntrinsicSettings:
    """Read the law's settings from the stored study, defaults where it has none."""
    section = study.get("law")
    return IntrinsicSettings.from_mapping(section if section else {})


def _number(label: str) -> float:
    """Read the value in a label such as `h = 16`."""
    found = re.search(r"\d+(\.\d+)?(e[+-]?\d+)?", label)
    return float(found[0]) if found else float("nan")


def _sizes(runs: pl.DataFrame) -> tuple[int, ...]:
    return tuple(runs["parameters"].unique().sort().to_list())


def _headline(
    chapters: Sequence[Chapter], table: pl.DataFrame, runs: pl.DataFrame
) -> Section:
    fit = chapters[0].fit
    prose = words.headline(fit) + words.cards(fit, table, runs) + words.reasons(fit)
    return Section("law", "The law", prose)


def _reproduce(study: Mapping[str, Any], runs: pl.DataFrame, command: str) -> Section:
    return Section("reproduce", "How to reproduce", words.reproduce(runs, command))


def _document(
    study: Mapping[str, Any], written: Sequence[Section], sizes: Sizes
) -> str:
    """Put the sections, figures, style and scripts into one HTML file."""
    files = resources.files(__package__)
    script = files.joinpath("page.js").read_text(encoding="utf-8")
    plotly_js = plotly.offline.get_plotlyjs()
    style = files.joinpath("page.css").read_text(encoding="utf-8")
    title = str(study.get("title") or study.get("name") or "A scaling law")
    description = str(study.get("description") or "")
    template = files.joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        policy=_policy([plotly_js, script]),
        title=html.escape(title),
        description=f"<p>{html.escape(description)}</p>" if description else "",
        style=palette_css() + ramp_css(sizes) + style,
        sections="\n".join(_section(section, sizes) for section in written),
        figures=_figures(written, sizes),
        plotly=plotly_js,
        script=script,
        version=html.escape(allometry.__version__),
    )


def _policy(scripts: Iterable[str]) -> str:
    """Allow these inline scripts, inline styles and drawn images; no network.

    Plotly sets style attributes, which no hash can allow.
    """
    hashes = " ".join(
        "'sha256-"
        + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()
        + "'"
        for s in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _section(section: Section, sizes: Sizes) -> str:
    plots = "".join(
        f'<figure>{_key(sizes) if drawing.key else ""}<div class="plot" '
        f'id="{html.escape(drawing.name)}" role="img" '
        f'aria-label="{html.escape(drawing.alternative)}"></div></figure>'
        for drawing in section.drawings
    )
    return (
        f'<section id="{html.escape(section.name)}"><h2>{html.escape(section.title)}'
        f"</h2>{section.prose}{plots}{section.after}</section>"
    )


def _key(sizes: Sizes) -> str:
    """Write which colour is which size, once above each figure that uses them."""
    items = "".join(
        f'<li class="size-{i}">{html.escape(numbers.si(n))}</li>'
        for i, n in enumerate(sizes.parameters)
    )
    return f'<ul class="key"><li>Parameters:</li>{items}</ul>'


def _figures(written: Sequence[Section], sizes: Sizes) -> str:
    """Write all figures as JSON that cannot end its script element."""
    figures = {
        drawing.name: json.loads(plotly.io.to_json(drawing.figure, remove_uids=True))
        for section in written
        for drawing in section.drawings
    }
    text = json.dumps(
        {"figures": figures, "twins": twins(sizes)}, separators=(",", ":")
    )
    return text.replace("<", "\\u003c")
