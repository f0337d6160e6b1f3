"""Chapters: one law with the runs behind it, and the sections that show it.

A study has one law, or one per value of a covariate such as the horizon; each has a
chapter.
"""

import dataclasses
import html
import math
from collections.abc import Iterator

import plotly.graph_objects as go
import polars as pl

from allometry.laws import trace
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.clean import Points
from allometry.laws.intrinsic.natural import NaturalLaw, natural_of
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.reports import card, drift, numbers, words
from allometry.reports.figures.best_size import best_size
from allometry.reports.figures.forest import forest
from allometry.reports.figures.intrinsic import intrinsic, response
from allometry.reports.figures.learning import learning_curves, size_means
from allometry.reports.figures.natural import natural_ratio
from allometry.reports.section import Drawing, Section
from allometry.reports.style import Sizes


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A law, its points, and the tables of the runs that it was fitted to.

    `prefix` is put before the names of sections; `trained` has one row per run and
    checkpoint, `held_out` the same with the held-out score as `performance`. `points`
    is missing where the runs cannot be cleaned into any.
    """

    label: str
    prefix: str
    fit: Fit
    settings: IntrinsicSettings
    points: Points | None
    trained: pl.DataFrame
    held_out: pl.DataFrame
    sizes: Sizes


def settings_of(fit: Fit) -> IntrinsicSettings:
    """Read from a fit's card how its points were made."""
    card, excluded = fit.card, fit.card.get("excluded", {})
    standard = IntrinsicSettings()
    return IntrinsicSettings(
        band=tuple(excluded.get("band", standard.band)),
        other_bands=(),
        drift_bands=(),
        exclude_first=excluded.get("first_share_of_training", standard.exclude_first),
        monotone=excluded.get("monotone_means", standard.monotone),
        chance=card.get("chance", standard.chance),
        maximum=card.get("maximum", standard.maximum),
        performance=trace.named(
            fit, str(card.get("performance_is", standard.performance))
        ),
        tuned=card.get("tuned_per_size", standard.tuned),
    )


def is_found(fit: Fit) -> bool:
    """Say whether the fit has constants at all, identified or not."""
    return all(math.isfinite(estimate.value) for estimate in fit.parameters.values())


def sections(chapter: Chapter) -> Iterator[Section]:
    """Give the chapter's sections in order, those that its data allow."""
    yield _learning(chapter)
    if chapter.points is not None:
        yield _intrinsic(chapter, chapter.points)
        yield _best_size(chapter, chapter.points)
        if (natural := natural_of(chapter.fit)) is not None:
            yield _natural(chapter, chapter.points, natural)
    yield _drift(chapter)
    yield _limits(chapter)
    yield _card(chapter)


def _learning(chapter: Chapter) -> Section:
    held_out = size_means(chapter.held_out)
    figure = learning_curves(
        size_means(chapter.trained),
        held_out,
        chapter.sizes,
        measure=words.measure(chapter.settings),
        band=chapter.settings.band,
    )
    prose = words.LEARNING + ("" if held_out.is_empty() else words.HELD_OUT)
    return _drawn(chapter, "learning", "How fast each size learns", prose, figure)


def _intrinsic(chapter: Chapter, points: Points) -> Section:
    figure = intrinsic(points, chapter.fit, chapter.sizes)
    title = "What each size makes of its compute"
    return _drawn(chapter, "intrinsic", title, words.INTRINSIC, figure)


def _best_size(chapter: Chapter, points: Points) -> Section:
    figure = best_size(points, chapter.fit, chapter.sizes)
    prose = words.best_size(chapter.fit)
    reached = float(response(points, chapter.fit).max())
    section = _drawn(chapter, "best-size", "The best size for a budget", prose, figure)
    return dataclasses.replace(section, after=words.budgets(chapter.fit, reached))


def _natural(chapter: Chapter, points: Points, natural: NaturalLaw) -> Section:
    figure = natural_ratio(points, chapter.fit, natural, chapter.sizes)
    prose = words.NATURAL.format(gamma=numbers.span(natural.gamma, numbers.exponent))
    return _drawn(chapter, "natural", "What the compute buys", prose, figure)


def _drift(chapter: Chapter) -> Section:
    figure = forest(drift.rows(chapter.fit))
    title = "How far the answer depends on choices"
    prose = f"{words.DRIFT} {html.escape(chapter.fit.card.get('drift', ''))}"
    return _drawn(chapter, "drift", title, prose, figure, key=False)


def _limits(chapter: Chapter) -> Section:
    prose = words.limits(chapter.fit, chapter.settings)
    return Section(chapter.prefix + "limits", "What this fit cannot say", prose)


def _card(chapter: Chapter) -> Section:
    body = f"<details><summary>Open</summary>{card.fit_card(chapter.fit)}</details>"
    return Section(
        chapter.prefix + "card", "The fit card", f"<p>{words.CARD}</p>", after=body
    )


def _drawn(
    chapter: Chapter,
    name: str,
    title: str,
    prose: str,
    figure: go.Figure,
    *,
    key: bool = True,
) -> Section:
    drawing = Drawing(f"{chapter.prefix}{name}-figure", figure, title, key)
    return Section(chapter.prefix + name, title, f"<p>{prose}</p>", (drawing,))
