"""Sections: the plain records of which the page consists, and their HTML.

Prose is HTML whose user strings have been escaped by whoever wrote it; names and
titles are escaped here.
"""

import dataclasses
import html
from collections.abc import Iterable

import plotly.graph_objects as go

from allometry.reports import numbers
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
class Group:
    """Sections that fold away together under a summary, such as those of one law."""

    summary: str
    prose: str
    sections: tuple[Section, ...]


def section_html(section: Section, sizes: Sizes) -> str:
    """Write a section with empty places for its figures."""
    plots = "".join(_place(drawing, sizes) for drawing in section.drawings)
    return (
        f'<section id="{html.escape(section.name)}"><h2>{html.escape(section.title)}'
        f"</h2>{section.prose}{plots}{section.after}</section>"
    )


def group_html(group: Group, sizes: Sizes) -> str:
    """Write sections that fold away."""
    inside = "".join(section_html(section, sizes) for section in group.sections)
    summary = f"<summary>{html.escape(group.summary)}</summary>"
    return f'<details class="group">{summary}{group.prose}{inside}</details>'


def drawings(pieces: Iterable[Section | Group]) -> list[Drawing]:
    """List all figures in reading order."""
    found: list[Drawing] = []
    for piece in pieces:
        inside = piece.sections if isinstance(piece, Group) else (piece,)
        found += [drawing for section in inside for drawing in section.drawings]
    return found


def _place(drawing: Drawing, sizes: Sizes) -> str:
    key = _size_key(sizes) if drawing.key else ""
    height = int(drawing.figure.layout.height)
    return (
        f'<figure>{key}<div class="plot" id="{html.escape(drawing.name)}" role="img" '
        f'aria-label="{html.escape(drawing.alternative)}" '
        f'style="min-height:{height}px"></div></figure>'
    )


def _size_key(sizes: Sizes) -> str:
    """Write which colour is which size."""
    items = "".join(
        f'<li class="size-{i}">{html.escape(numbers.si(n))}</li>'
        for i, n in enumerate(sizes.parameters)
    )
    return f'<ul class="key"><li>Parameters:</li>{items}</ul>'
