"""The horizon section: are interactions needed affine in h, and do exponents hold?"""

import html
from collections.abc import Sequence

from allometry.laws.fitted import Fit
from allometry.laws.horizon import HorizonFit
from allometry.laws.intrinsic.exponents import agreement
from allometry.reports import card, numbers
from allometry.reports.figures import horizon as figures
from allometry.reports.figures.forest import Row, forest
from allometry.reports.section import Drawing, Section
from allometry.reports.style import Sizes

_QUESTION = (
    "How much longer does it take to learn when the consequences of an action matter "
    "for h more steps? The law asked about is E₀ (1 + h/h₀): a part inherent to the "
    "task, and a part proportional to the horizon, which equals it at h = h₀. Each dot "
    "is the number of interactions with which one run first reached performance "
    "{level:g}; each line the law of its size."
)
_BALANCE = (
    "The horizon h₀ at which learning costs twice what the task alone would. One mark "
    "per size and performance level, with its 90 % interval; hollow marks are not "
    "identified. Were h₀ a constant of the task, all marks would lie on one line."
)
_EXPONENTS = (
    "The size exponent at each horizon. Where they show no difference, the data does "
    "not say that the horizon changes how the best size grows; it does not prove that "
    "it cannot."
)


def sections(
    laws: Sequence[HorizonFit], fits: Sequence[tuple[str, Fit]], sizes: Sizes
) -> list[Section]:
    """Write the horizon's sections: needed interactions, h₀, and exponents by h."""
    level = _clearest_level(laws)
    chosen = [law for law in laws if law.level == level]
    found = [
        Section(
            "horizon",
            "What a longer horizon costs",
            f"<p>{_QUESTION.format(level=level)}</p><p>{_affinity(laws)}</p>",
            (
                Drawing(
                    "horizon-needed",
                    figures.needed(chosen, sizes),
                    "Interactions needed against horizon, by size",
                    key=True,
                ),
            ),
        ),
        Section(
            "horizon-balance",
            "Where the horizon begins to dominate",
            f"<p>{_BALANCE}</p>",
            (
                Drawing(
                    "horizon-h0", figures.balance(laws), "h₀ against size, by level"
                ),
            ),
            after=_table(laws),
        ),
    ]
    if len(fits) > 1:
        found.append(_exponents(fits))
    return found


def _exponents(fits: Sequence[tuple[str, Fit]]) -> Section:
    rows = [
        Row("By horizon", label, fit.derived["size_exponent"], fit.identified)
        for label, fit in fits
    ]
    tested = agreement({float(label.rpartition("=")[2]): fit for label, fit in fits})
    return Section(
        "horizon-exponents",
        "Does the law keep its exponent?",
        f"<p>{_EXPONENTS} {html.escape(tested.sentence)}</p>",
        (Drawing("horizon-forest", forest(rows), "Size exponent by horizon"),),
    )


def _clearest_level(laws: Sequence[HorizonFit]) -> float:
    """Choose the level that identifies the law for most sizes, the lowest of those."""
    levels = sorted({law.level for law in laws})
    return max(levels, key=lambda x: sum(f.identified for f in laws if f.level == x))


def _affinity(laws: Sequence[HorizonFit]) -> str:
    """Say for how many sizes and levels the data is consistent with an affine law."""
    sure = [law for law in laws if law.identified]
    if not sure:
        return (
            f"<strong>Not identified</strong> for any of the {len(laws)} pairs of size "
            "and level; the table below says what each lacks."
        )
    affine = sum(law.affine for law in sure)
    return (
        f"Of {len(laws)} pairs of size and level, {len(sure)} identify the law, and in "
        f"<strong>{affine} of those {len(sure)}</strong> the runs are consistent with "
        "an affine one: the exponent k of the wider form E₀ (1 + (h/h₀)ᵏ) has a 90 % "
        "interval that holds 1. Nine in ten would by chance if all were affine."
    )


def _table(laws: Sequence[HorizonFit]) -> str:
    rows = [
        {
            "size": law.size,
            "level": law.level,
            "E₀ (agent steps)": numbers.span(law.E_0, numbers.si),
            "h₀ (agent steps)": numbers.span(law.h_0, numbers.si),
            "k": numbers.span(law.exponent, numbers.exponent),
            "affine": law.affine,
            "identified": law.identified,
            "runs crossed": law.count("crossed"),
            "never crossed": law.count("censored"),
            "what to know": " ".join(law.warnings) or "nothing",
        }
        for law in laws
    ]
    caption = "By size (parameters) and performance level, with 90 % intervals"
    return (
        "<details><summary>All sizes and levels, and what each lacks</summary>"
        f"{card.table(rows, caption)}</details>"
    )
