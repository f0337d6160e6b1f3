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
from types import MappingProxyType
from typing import Any

import plotly.io
import plotly.offline
import polars as pl

import allometry
from allometry.laws.fitted import Fit
from allometry.laws.generalisation import Generalisation
from allometry.laws.horizon import HorizonFit
from allometry.laws.intrinsic.clean import Points, points
from allometry.refusal import Refusal
from allometry.reports import adaptation, dials, exponents, headline, shift, words
from allometry.reports import generalisation as generalising
from allometry.reports import horizon as horizons
from allometry.reports.chapter import Chapter, is_found, sections, settings_of
from allometry.reports.section import Group, Section, drawings, group_html, section_html
from allometry.reports.style import (
    Sizes,
    group_twins,
    palette_css,
    ramp_css,
    twins,
)

_OF_A_LAW = "Scaling law of reinforcement learning"
_OF_A_STUDY = "Study of reinforcement learning"


def render(
    study: Mapping[str, Any],
    runs: pl.DataFrame,
    curves: pl.DataFrame,
    scores: pl.DataFrame,
    fits: Sequence[tuple[str, Fit]],
    *,
    horizon: Sequence[HorizonFit] | None = None,
    generalised: Sequence[Generalisation] = (),
    distances: pl.DataFrame | None = None,
    command: str,
    files: Sequence[str] | None = None,
    code: Sequence[str] = (),
    without: str = "",
    film: bytes | None = None,
) -> str:
    """Write the whole page.

    `runs`, `curves` and `scores` are the tables of `allometry.curves.table`, `runs`
    with the study's covariates. `fits` are (label, fit): one with an empty label, or
    one per value of a column, labelled `column = value` (`h = 4` for a horizon).
    `command` is what makes the study again, or what imported its curves: those of
    `files`, None for a study of our own, of which `code` says which Allometry trained
    it. A study whose agents adapt within episodes, or of what generalising takes
    (`generalised`), needs no fit: `without` then says in a sentence why there is none.
    `distances` are those from training, ln ln of the number of policies, by `run` and
    `split` of the scores. `film` is a PNG of one of its episodes.

    Raises:
        Refusal: there is no checkpoint or no fit to draw, or a fit is of other runs.
    """
    if runs.is_empty() or curves.is_empty():
        raise Refusal(
            "The study has no finished checkpoint, so there is nothing to report. "
            "Run it first, then ask for the report again."
        )
    sizes = Sizes(tuple(runs["parameters"].unique().sort().to_list()))
    adapted = adaptation.read(runs, curves, scores)
    if not fits and not ((adapted or generalised) and without):
        raise Refusal(
            "The study has no fit yet, so there is no law to report. Make one with "
            "`allometry fit`, then ask for the report again."
        )
    chapters = [
        _chapter(label, fit, sizes, (runs, curves, scores)) for label, fit in fits
    ]
    written: list[Section | Group] = []
    if generalised:
        cards = headline.cards([], _joined(runs, curves), runs)
        written.append(generalising.headline(generalised, without, cards))
    elif chapters:
        written.append(_headline(chapters, runs, _joined(runs, curves)))
    elif adapted:
        cards = headline.cards([], _joined(runs, curves), runs)
        written.append(adaptation.headline(adapted, without, cards))
    if adapted:
        written += adaptation.sections(adapted, None if film is None else _data(film))
    if generalised:
        joined = _joined(runs, curves)
        written += generalising.sections(generalised, joined, sizes)
        written += dials.sections(generalised)
        written += exponents.sections(generalised[0], fits)
        written += shift.sections(generalised[0], scores, distances)
    if horizon:
        written += horizons.sections(horizon, fits, sizes)
    if len(chapters) == 1:
        written += sections(chapters[0])
    else:
        written += [_folded(chapter) for chapter in chapters]
    laws = [fit for _, fit in fits]
    prose = (
        words.reproduce(laws, runs, command, code)
        if files is None
        else words.read_again(laws, command, files)
    )
    written.append(Section("reproduce", "How to reproduce", prose))
    groups = group_twins() if generalised else {}
    colours = adapted.twins if adapted else groups
    kicker = _OF_A_LAW if fits else _OF_A_STUDY
    return document(study, written, sizes, colours=colours, kicker=kicker)


def _data(picture: bytes) -> str:
    """Write a PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _chapter(
    label: str,
    fit: Fit,
    sizes: Sizes,
    tables: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> Chapter:
    """Gather what one law was fitted to; `tables` are runs, curves and scores."""
    runs, curves, scores = tables
    runs = _of_label(runs, label)
    trained = _joined(runs, curves)
    keys = ["run", "checkpoint"]
    # Exact scores only: those of episodes are the curves' performance already, trial
    # by trial and task by task.
    exact = (pl.col("split") == "held_out") & (pl.col("repetitions") == 0)
    held_out = (
        scores.filter(exact)
        .group_by(keys)
        .agg(pl.col("score").mean().alias("performance"))
        .join(trained.drop("performance"), on=keys)
    )
    return Chapter(
        label=label,
        prefix=re.sub(r"[^A-Za-z0-9.]+", "", label) + "-" if label else "",
        fit=fit,
        settings=settings_of(fit),
        points=_points(label, fit, trained),
        trained=trained,
        held_out=held_out,
        sizes=sizes,
    )


def _folded(chapter: Chapter) -> Group:
    fit = chapter.fit
    prose = headline.reasons(fit) + headline.cautions(fit)
    return Group(headline.summary(chapter.label, fit), prose, tuple(sections(chapter)))


def _joined(runs: pl.DataFrame, curves: pl.DataFrame) -> pl.DataFrame:
    static = runs.select(set(runs.columns) - {"study", "bundle", "fingerprint"})
    return curves.join(static, on="run").filter(pl.col("interactions") > 0)


def _points(label: str, fit: Fit, table: pl.DataFrame) -> Points | None:
    """Clean the runs as the fit did; none for a law without constants."""
    if not is_found(fit):
        return None
    cleaned = points(table, settings_of(fit))
    if len(cleaned.N) != len(fit.residuals):
        raise Refusal(
            f"The fit {label or 'of this study'} was made from {len(fit.residuals)} "
            f"points, and its runs now give {len(cleaned.N)}. Make it again with "
            "`allometry fit`, then the report."
        )
    return cleaned


def _of_label(runs: pl.DataFrame, label: str) -> pl.DataFrame:
    """Keep the runs of a label such as `h = 16` or `depth = 2`."""
    name, _, value = label.partition(" = ")
    column = "horizon" if name == "h" else name
    if column not in runs.columns:
        return runs
    if runs[column].dtype.is_numeric():
        return runs.filter(pl.col(column) == float(value))
    return runs.filter(pl.col(column).cast(pl.String) == value)


def _headline(
    chapters: Sequence[Chapter], runs: pl.DataFrame, table: pl.DataFrame
) -> Section:
    """Say the law first: its sentence, the key numbers, and what refuses it."""
    fits = [(chapter.label, chapter.fit) for chapter in chapters]
    cards = headline.cards([fit for _, fit in fits], table, runs)
    if len(fits) > 1:
        return Section("law", "The laws", headline.several(fits) + cards)
    fit = chapters[0].fit
    said = headline.sentence(fit) + headline.reasons(fit)
    return Section("law", "The law", said + cards + headline.cautions(fit))


def document(
    study: Mapping[str, Any],
    written: Sequence[Section | Group],
    sizes: Sizes,
    *,
    colours: Mapping[str, str] = MappingProxyType({}),
    kicker: str = _OF_A_LAW,
) -> str:
    """Put sections, figures, style and scripts into one HTML file.

    `study` gives its title and description. `colours` maps light colours, beside those
    of the palette and of sizes, to their dark twins; `kicker` stands above the title.
    """
    files = resources.files(__package__)
    script = files.joinpath("page.js").read_text(encoding="utf-8")
    plotly_js = plotly.offline.get_plotlyjs()
    style = files.joinpath("page.css").read_text(encoding="utf-8")
    title = str(study.get("title") or study.get("name") or "A scaling law")
    description = str(study.get("description") or "")
    template = files.joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        policy=_policy([plotly_js, script]),
        kicker=html.escape(kicker),
        title=html.escape(title),
        description=f"<p>{html.escape(description)}</p>" if description else "",
        style=palette_css() + ramp_css(sizes) + style,
        sections="\n".join(_piece(piece, sizes) for piece in written),
        figures=_figures(written, twins(sizes) | dict(colours)),
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


def _piece(piece: Section | Group, sizes: Sizes) -> str:
    if isinstance(piece, Group):
        return group_html(piece, sizes)
    return section_html(piece, sizes)


def _figures(written: Sequence[Section | Group], colours: Mapping[str, str]) -> str:
    """Write all figures as JSON that cannot end its script element."""
    figures = {
        drawing.name: json.loads(plotly.io.to_json(drawing.figure, remove_uids=True))
        for drawing in drawings(written)
    }
    text = json.dumps({"figures": figures, "twins": colours}, separators=(",", ":"))
    return text.replace("<", "\\u003c")
