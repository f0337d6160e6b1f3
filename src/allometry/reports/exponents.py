"""The section of exponents by level: does complexity move the law of size itself?

A study that asks for a law of size at every level of complexity has as many size
exponents. Prose is HTML; whatever came from a study is escaped.
"""

import html
import math
from collections.abc import Mapping, Sequence

from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.laws.generalisation import Generalisation
from allometry.laws.intrinsic.exponents import agreement
from allometry.laws.intrinsic.forecast import forecast
from allometry.reports import card, numbers, verdict
from allometry.reports.figures.forest import Row, forest
from allometry.reports.section import Drawing, Section

_ASKED = (
    "At every level the best size grows with compute by a law of its own. If its "
    "exponent stays as tasks become complex, and only its constant moves, one plan of "
    "sizes serves all levels. Simple levels are on top; hollow marks are not "
    "identified."
)
_VERDICTS = {
    True: "<strong>The same within their intervals.</strong>",
    False: "<strong>They differ.</strong>",
    None: "<strong>Not told.</strong>",
}


def sections(found: Generalisation, fits: Sequence[tuple[str, Fit]]) -> list[Section]:
    """Write the section, for the levels' labelled `fits`; none without their laws."""
    laws = _by_level(found, fits)
    if len(laws) < 2:
        return []
    rows = [
        Row(f"By {found.by}", f"{found.by} = {level}", _exponent(fit), fit.identified)
        for level, fit in laws.items()
    ]
    name = "generalisation-exponents-figure"
    known = any(math.isfinite(row.exponent.value) for row in rows)
    drawings = (Drawing(name, forest(rows), "Size exponent by level"),) if known else ()
    return [
        Section(
            "generalisation-exponents",
            "Does complexity move the exponent of size, or only its constant?",
            f"<p>{_ASKED}</p><p>{sentence(found.by, laws)}</p>",
            drawings,
            after=_table(found.by, laws) + _remedies(found.by, laws),
        )
    ]


def sentence(by: str, laws: Mapping[str, Fit]) -> str:
    """Say whether the exponents tell levels apart, and which levels have none."""
    tested = agreement(laws, by, "levels")
    absent = (
        " That none is seen is no proof that there is none: a difference within the "
        "intervals would be missed."
        if tested.agree
        else ""
    )
    return f"{_VERDICTS[tested.agree]} {html.escape(tested.sentence)}{absent}"


def _by_level(found: Generalisation, fits: Sequence[tuple[str, Fit]]) -> dict[str, Fit]:
    """Give the laws of size in the order of the levels' complexity."""
    known = {label: fit for label, fit in fits if "size_exponent" in fit.derived}
    labels = [verdict.label(found.by, level.value) for level in found.levels]
    return {
        label.rpartition(" = ")[2]: known[label] for label in labels if label in known
    }


def _exponent(fit: Fit) -> Estimate:
    return fit.derived["size_exponent"]


def _table(by: str, laws: Mapping[str, Fit]) -> str:
    """Tabulate the laws that there are: exponents, and what one compute buys."""
    known = {level: fit for level, fit in laws.items() if fit.identified}
    compute = _common(known)
    if compute is None:
        return ""
    rows = [
        {by: level, "size exponent": numbers.span(_exponent(fit), numbers.exponent)}
        | _bought(fit, compute)
        for level, fit in known.items()
    ]
    bought = f"What {numbers.power(compute)} FLOPs buy by each law"
    return card.table(rows, f"{bought}, with 90 % intervals")


def _remedies(by: str, laws: Mapping[str, Fit]) -> str:
    """List, for each level without a law, why it has none and what would mend it."""
    items = "".join(
        f"<li>{html.escape(f'{by} = {level}')}: "
        f"{html.escape(' '.join(fit.card.get('reasons') or fit.warnings))}</li>"
        for level, fit in laws.items()
        if not fit.identified
    )
    if not items:
        return ""
    summary = "What would identify the law of the levels that have none"
    return f"<details><summary>{summary}</summary><ul>{items}</ul></details>"


def _common(laws: Mapping[str, Fit]) -> float | None:
    """Give the largest compute (FLOPs) that every law was fitted to."""
    if not laws:
        return None
    return min(float(fit.card["data"]["range"]["C"][1]) for fit in laws.values())


def _bought(fit: Fit, compute: float) -> dict[str, str]:
    """Say what a compute buys by a law: the best size, and its score if it tells."""
    answer = forecast(fit, compute=compute)
    score = answer.performance
    return {
        "best size (parameters)": numbers.span(answer.optimal_size, numbers.si),
        "score": "–" if score is None else numbers.span(score, numbers.exponent),
    }
