"""The section of several dials: do they say more apart than in one aggregate?"""

import html
from collections.abc import Sequence

from allometry.laws.generalisation import AGGREGATES, Generalisation
from allometry.laws.plane import Plane
from allometry.reports import card, numbers
from allometry.reports.figures.dials import foretold
from allometry.reports.section import Drawing, Section

_ASKED = (
    "Several dials were turned, <em>{by}</em>. Is what a level takes told by how "
    "complex it is in all, or must each dial be counted apart? Every level was left "
    "out in turn, and the law of the others asked about it; a mark on the line was "
    "foretold exactly. Bars are 90 % intervals of a new level."
)


def sections(found: Sequence[Generalisation]) -> list[Section]:
    """Write the section of the score that most levels reached; none for one dial."""
    asked = [one for one in found if any(plane.identified for plane in one.planes)]
    several = [one for one in found if one.planes]
    if not several:
        return []
    main = max(asked or several, key=lambda one: len(_crossed(one)))
    prose = f"<p>{_ASKED.format(by=html.escape(main.by))}</p><p>{sentence(main)}</p>"
    drawing = Drawing(
        "generalisation-dials-figure",
        foretold(main.planes),
        "Compute that was foretold against what was seen, level by level",
    )
    return [
        Section(
            "generalisation-dials",
            "One complexity, or each dial apart",
            prose,
            (drawing,) if asked else (),
            after=_table(main),
        )
    ]


def named(complexities: Sequence[str]) -> str:
    """Name what a law counts: "states and games apart", "log policies"."""
    short = [
        name.removeprefix("log_").removeprefix("log_").replace("_", " ")
        for name in complexities
    ]
    return " and ".join(short) + (" apart" if short[1:] else "")


def sentence(found: Generalisation) -> str:
    """Say which law foretells levels best, of the aggregate and the dials apart."""
    whole = [one for one in found.planes if one.complexities[0] in AGGREGATES]
    apart = [one for one in found.planes if one.complexities[1:]]
    unknown = [one for one in (*whole, *apart) if not one.identified]
    if unknown or not (whole and apart):
        reasons = dict.fromkeys(line for one in unknown for line in one.warnings)
        why = " ".join(reasons) or "Name an aggregate and the separate complexities."
        return f"<strong>Not identified.</strong> {html.escape(why)}"
    one, other = whole[0], apart[0]
    better, worse = (one, other) if one.wrong <= other.wrong else (other, one)
    by_better, by_worse = (html.escape(named(x.complexities)) for x in (better, worse))
    return (
        "Left-out levels are missed by a factor of "
        f"<strong>{better.wrong:.2f}</strong> by the law of {by_better}, and of "
        f"{worse.wrong:.2f} by that of {by_worse}{_of_highest(one, other)}."
    )


def _of_highest(*laws: Plane) -> str:
    told = [
        f"{'held' if law.highest.held else 'missed'} by the law of "
        f"{html.escape(named(law.complexities))}"
        for law in laws
        if law.highest is not None
    ]
    return f"; the highest level's band was {' and '.join(told)}" if told else ""


def _crossed(found: Generalisation) -> list[str]:
    return [str(told.level) for plane in found.planes for told in plane.told]


def _table(found: Generalisation) -> str:
    rows = [
        {
            "what is counted": named(plane.complexities),
            "exponents": ", ".join(
                numbers.span(k, numbers.exponent) for k in plane.exponents
            ),
            "a left-out level is missed by": f"{plane.wrong:.2f} ×",
            "the highest level": "none" if plane.highest is None else _outcome(plane),
            "what to know": " ".join(plane.warnings) or "nothing",
        }
        for plane in found.planes
    ]
    return card.table(rows, f"Laws through the levels, for {found.threshold:g}")


def _outcome(plane: Plane) -> str:
    assert plane.highest is not None
    told = plane.highest
    met = "held" if told.held else "missed"
    flops = numbers.span(told.predicted, numbers.power)
    return f"{flops}, and it took {numbers.power(told.seen)}: {met}"
