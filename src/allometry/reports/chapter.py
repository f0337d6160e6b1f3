"""Chapters: one law with the runs behind it, and the sections that show it.

A study has one law, or one per value of a covariate such as the horizon; each has a
chapter. Sections are plain records that the page turns into HTML.
"""

import dataclasses
from collections.abc import Iterator

import plotly.graph_objects as go
import polars as pl

from allometry.laws.clean import Points
from allometry.laws.estimates import Fit
from allometry.laws.settings import IntrinsicSettings
from allometry.reports import card, drift, words
from allometry.reports.figures.best_size import best_size
from allometry.reports.figures.forest import forest
from allometry.reports.figures.intrinsic import intrinsic
from allometry.reports.figures.learning import learning_curves, size_means
from allometry.reports.style import Sizes


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure with the id of its place in the page; `key` asks for the size key."""

    name: str
    figure: go.Figure
    alternative: str
    key: bool = False


@dataclasses.dataclass(frozen=True)
class Section:
    """A piece of the page: `prose` and `after` are HTML, before and after figures."""

    name: str
    title: str
    prose: str
    drawings: tuple[Drawing, ...] = ()
    after: str = ""


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

    @property
    def sizes(self) -> Sizes:
        """The chapter's sizes with their colours."""
        return Sizes(tuple(self.trained["parameters"].unique().sort().to_list()))


def sections(chapter: Chapter) -> Iterator[Section]:
    """Give the chapter's sections in order, those that its data allow."""
    yield _learning(chapter)
    if chapter.points is not None:
        yield _intrinsic(chapter, chapter.points)
        yield _best_size(chapter, chapter.points)
    yield _drift(chapter)
    yield _limits(chapter)
    yield _card(chapter)


def _learning(chapter: Chapter) -> Section:
    held_out = size_means(chapter.held_out)
    figure = learning_curves(
        size_means(chapter.trained),
        held_out,
        chapter.sizes,
        measure=chapter.settings.performance,
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
    title = "The best size for a budget"
    return _drawn(chapter, "best-size", title, words.BEST_SIZE, figure)


def _drift(chapter: Chapter) -> Section:
    figure = forest(drift.rows(chapter.fit))
    title = "How far the answer depends on choices"
    return _drawn(chapter, "drift", title, words.DRIFT, figure, key=False)


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
