"""The generalisation sections: does a score take more where tasks are complex?"""

import html
import math
from collections.abc import Sequence

import polars as pl

from allometry.laws.generalisation import ComplexityLaw, Generalisation
from allometry.reports import card, numbers
from allometry.reports.figures import generalisation as figures
from allometry.reports.figures.forest import Row, forest
from allometry.reports.section import Drawing, Section
from allometry.reports.style import Sizes

_CURVES = (
    "Agents of several sizes were trained at every level of <em>{by}</em>, and scored "
    "on tasks that they never met: 0 is a random player, 1 the best known. A line is "
    "the best that any size had come to by a compute, mean over seeds. The dotted line "
    "is the score asked for, {threshold:g}."
)
_SURFACE = (
    "The same scores as a map: colour is the best that any size had come to by that "
    "compute. There is none before the first checkpoint of a level and after its last. "
    "Each line joins what the levels needed for a score: the further it leans to the "
    "right as it rises, the more complexity costs."
)
_NEEDED = (
    "What did it take to generalise? Each dot is the training compute at which one run "
    "reached {threshold:g}; each diamond what the best size of a level needed, its "
    "geometric mean over seeds, with a 90 % interval over draws of the runs. The law "
    "asked about is C = c X<sup>k</sup>, X the {name}."
)
_CHOICES = (
    "The exponent k by the score that is asked for, by the statistic over tasks, and "
    "by what complexity is counted by. For mean scores also that of the interactions "
    "which the best size took, and of the best size itself, known no finer than sizes "
    "were run. Hollow marks are not identified; what has no fit at all is in the table."
)
#: A band of so many times from end to end would hold almost any outcome.
_IDLE = 30.0
_STATISTICS = {
    "performance": "mean",
    "p20": "20th percentile",
    "iqm": "inter-quartile mean",
}


def headline(found: Sequence[Generalisation], without: str, cards: str) -> Section:
    """Head a page; `cards` are the key numbers, as HTML.

    `without` says why there is no law of size, if there is none.
    """
    main = _clearest(found)
    asked = f"<strong>To score {main.threshold:g} on unseen tasks.</strong>"
    said = f'<p class="lead">{asked} {sentence(main.laws[0])}</p>'
    if without:
        why = html.escape(f"Why there is no law of size here: {without}")
        said += f'<p class="quiet">{why}</p>'
    return Section("summary", "What was found", said + cards)


def sections(
    found: Sequence[Generalisation], curves: pl.DataFrame, sizes: Sizes
) -> list[Section]:
    """Write the sections, pictures before tables; `curves` have the runs' columns."""
    main = _clearest(found)
    law, asked = main.laws[0], main.threshold
    return [
        Section(
            "generalisation-scores",
            "How the score on unseen tasks grows",
            f"<p>{_CURVES.format(by=html.escape(main.by), threshold=asked)}</p>",
            (
                Drawing(
                    "generalisation-scores-figure",
                    figures.scores(curves, main),
                    "Score on unseen tasks against compute, by level",
                ),
            ),
        ),
        Section(
            "generalisation-surface",
            "Score by compute and complexity together",
            f"<p>{_SURFACE}</p>",
            (
                Drawing(
                    "generalisation-surface-figure",
                    figures.surface(curves, _means(found)),
                    "Map of the best score by compute and level",
                ),
            ),
        ),
        Section(
            "generalisation",
            "What generalising takes, against complexity",
            f"<p>{_NEEDED.format(threshold=asked, name=html.escape(_named(law)))}</p>"
            + f"<p>{sentence(law)}</p>"
            + _doubts(main),
            (
                Drawing(
                    "generalisation-figure",
                    figures.needed(main, law, sizes),
                    "Compute to the threshold against complexity",
                    key=True,
                ),
            ),
            after=_levels(main),
        ),
        _choices(found),
    ]


def sentence(law: ComplexityLaw) -> str:
    """Say the law in a sentence, and how its forecast of the highest level did."""
    if not law.identified:
        return "<strong>Not identified.</strong> " + html.escape(" ".join(law.warnings))
    named = html.escape(_named(law))
    k, growth = law.exponent, law.growth
    if k.low <= 0 <= k.high:
        told = (
            "No growth is seen: over these levels the compute changes by a factor of "
            f"<strong>{numbers.span(growth)}</strong>, an interval that holds 1."
        )
    else:
        told = (
            f"The compute grows as the <strong>{numbers.span(k, numbers.exponent)}"
            f"</strong> power of the {named}: over these levels by a factor of "
            f"{numbers.span(growth)}."
        )
    return told + _outcome(law)


def _outcome(law: ComplexityLaw) -> str:
    if law.forecast is None:
        return ""
    told = law.forecast
    met = "held" if told.held else "did <strong>not</strong> hold"
    flops = numbers.span(told.predicted, numbers.power)
    idle = told.held and told.predicted.high > _IDLE * told.predicted.low
    wide = ", in a band that would hold almost anything" if idle else ""
    level = html.escape(str(told.level))
    return (
        f" Of the highest level that was seen to cross, {level}, "
        f"the law of those below says {flops} FLOPs; it took "
        f"{numbers.power(told.seen)}: the forecast {met}{wide}."
    )


def _doubts(found: Generalisation) -> str:
    if not found.warnings:
        return ""
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in found.warnings)
    return f'<ul class="quiet">{lines}</ul>'


def _choices(found: Sequence[Generalisation]) -> Section:
    rows = [
        Row(
            f"{what.capitalize()}, by the {_named(law)}",
            _label(one),
            law.exponent,
            law.identified,
        )
        for one in found
        for what, law in _laws(one)
        if what == "compute" or one.performance == "performance"
    ]
    fitted = [row.group for row in rows if math.isfinite(row.exponent.value)]
    groups = list(dict.fromkeys(fitted or [row.group for row in rows]))
    rows = [row for row in rows if row.group in groups]
    rows.sort(key=lambda row: groups.index(row.group))
    drawing = Drawing(
        "generalisation-forest",
        forest(rows, title="Exponent k (no unit)", reference=None),
        "Exponent by threshold, statistic and complexity",
    )
    return Section(
        "generalisation-choices",
        "How far that depends on choices",
        f"<p>{_CHOICES}</p>",
        (drawing,),
        after=_table(found),
    )


def _levels(found: Generalisation) -> str:
    early = any(level.count("early") for level in found.levels)
    rows = [
        {
            found.by: level.value,
            **{
                _short(name): round(logs[place] / math.log(10.0), 1)
                for name, logs in found.complexities.items()
            },
            "compute": numbers.power_span(level.compute),
            "interactions": numbers.span(level.interactions, numbers.si),
            "best size": "none" if level.size is None else level.size,
            "crossed": level.count("crossed"),
            "never": level.count("censored"),
            **({"early": level.count("early")} if early else {}),
        }
        for place, level in enumerate(found.levels)
    ]
    caption = (
        f"What {found.threshold:g} took at each level, with 90 % intervals: compute in "
        "FLOPs, interactions in agent steps, the best size in parameters. Runs that "
        f"crossed{', ' if early else ' and that '}never did"
        f"{', or had by their first checkpoint' if early else ''}."
    )
    return card.table(rows, caption)


def _table(found: Sequence[Generalisation]) -> str:
    rows = [
        {
            "score": _label(one),
            "what is counted": what,
            "complexity": _named(law),
            "k": numbers.span(law.exponent, numbers.exponent),
            "growth over the levels": numbers.span(law.growth),
            "identified": law.identified,
            "forecast of the highest level": _held(law),
            "what to know": " ".join(law.warnings) or "nothing",
        }
        for one in found
        for what, law in _laws(one)
    ]
    return (
        "<details><summary>All thresholds, statistics and complexities</summary>"
        f"{card.table(rows, 'Exponents with 90 % intervals')}</details>"
    )


def _laws(found: Generalisation) -> list[tuple[str, ComplexityLaw]]:
    """List all laws of a score, each with what it counts, compute first."""
    counted = {"compute": found.laws} | found.others
    return [
        ("best size" if what == "size" else what, law)
        for what, laws in counted.items()
        for law in laws
    ]


def _held(law: ComplexityLaw) -> str:
    return "none" if law.forecast is None else "held" if law.forecast.held else "missed"


def _label(found: Generalisation) -> str:
    name = _STATISTICS.get(found.performance, found.performance.replace("_", " "))
    return f"{name} at {found.threshold:g}"


def _short(name: str) -> str:
    return "log₁₀ " + name.removeprefix("log_").replace("_", " ")


def _named(law: ComplexityLaw) -> str:
    of = law.complexity.removeprefix("log_")
    if of.startswith("log_"):
        return f"logarithm of the number of {of.removeprefix('log_')}"
    return f"number of {of.replace('_', ' ')}"


def _clearest(found: Sequence[Generalisation]) -> Generalisation:
    """Choose the score that most levels were seen to reach; of those the highest."""

    def seen(one: Generalisation) -> tuple[int, float]:
        known = sum(math.isfinite(level.compute.value) for level in one.levels)
        return known, one.threshold

    return max(_means(found), key=seen)


def _means(found: Sequence[Generalisation]) -> list[Generalisation]:
    return [one for one in found if one.performance == "performance"]
