"""The head of the page: the law in a sentence, the key numbers, and what refuses it.

Every function returns HTML unless it says otherwise; whatever came from a study or a
fit is escaped.
"""

import html
from collections.abc import Sequence

import polars as pl

from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.reports import card, numbers

_TERMS = (
    "The best model is the one that reaches a given performance with the least "
    "training compute. A model’s size is its number of parameters; an interaction is "
    "one step of the agent in its environment."
)


_TENFOLD = "best model per 10 × compute"

#: What a program's seconds are spent in.
_PARTS = {
    "seconds_environment": "environment",
    "seconds_act": "acting",
    "seconds_learn": "learning",
    "seconds_other": "compiling and measuring",
}


def sentence(fit: Fit) -> str:
    """Say the law in a sentence with its interval, or that there is none and why."""
    exponent = fit.derived.get("size_exponent")
    if not fit.identified or exponent is None:
        return (
            '<p class="lead"><strong class="warn">Not identified.</strong> These runs '
            "do not determine how the best model size grows with compute, so no number "
            f'on this page should be quoted as a law.</p><p class="quiet">{_TERMS}</p>'
        )
    larger = _factor(exponent)
    text = (
        f"With ten times the compute, the best model is <strong>{larger} times "
        "larger</strong>"
    )
    if (interactions := fit.derived.get("interactions_exponent")) is not None:
        longer = _factor(interactions)
        text += f" and learns from {longer} times as many interactions"
    return (
        f'<p class="lead">{text}.</p><p class="quiet">In brackets: 90 % intervals. '
        f"{_TERMS}</p>"
    )


def several(fits: Sequence[tuple[str, Fit]]) -> str:
    """Say the law of each label in a table, for a study with more than one."""
    rows = [
        {
            "": label,
            "size exponent": numbers.span(
                fit.derived["size_exponent"], numbers.exponent
            ),
            _TENFOLD: _factor(fit.derived["size_exponent"]) + " × larger",
            "verdict": "identified",
        }
        if fit.identified
        else {
            "": label,
            "size exponent": "–",
            _TENFOLD: "–",
            "verdict": "not identified",
        }
        for label, fit in fits
    ]
    sure = sum(fit.identified for _, fit in fits)
    lead = (
        f'<p class="lead"><strong>{sure} of {len(fits)}</strong> laws are identified '
        "by these runs, one for each row.</p>"
    )
    return lead + card.table(rows, "Values with 90 % intervals")


def summary(label: str, fit: Fit) -> str:
    """Give the line under which a law's own sections fold away, as plain text."""
    if not fit.identified:
        return f"{label}: not identified"
    exponent = numbers.span(fit.derived["size_exponent"], numbers.exponent)
    return f"{label}: size exponent {exponent}"


def reasons(fit: Fit) -> str:
    """List the rules that refuse the law and which runs would mend it."""
    why = [text for text in fit.warnings if text in fit.card.get("reasons", ())]
    return _listed("Why, and what would mend it", why)


def cautions(fit: Fit) -> str:
    """List the fit's warnings that do not refuse it."""
    rest = [text for text in fit.warnings if text not in fit.card.get("reasons", ())]
    return _listed("What to know about these runs", rest)


def _listed(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in sentences)
    return f"<h3>{title}</h3><ul>{items}</ul>"


def cards(fits: Sequence[Fit], table: pl.DataFrame, runs: pl.DataFrame) -> str:
    """Write the key numbers: exponent, verdict, sizes, runs and what they cost."""
    spent = table.group_by("run").agg(pl.col("compute").max())["compute"].sum()
    longest = max(table["interactions"].to_list())
    sizes = runs["parameters"].unique().sort()
    ends = dict.fromkeys((sizes[0], sizes[-1]))
    own = [] if len(fits) != 1 else [_exponent_card(fits[0]), _verdict_card(fits[0])]
    return definition_cards(
        [
            *own,
            (
                "Model sizes",
                str(len(sizes)),
                f"{' to '.join(map(numbers.si, ends))} parameters",
            ),
            ("Runs", str(runs.height), _statuses(runs)),
            ("Interactions", numbers.si(longest), "agent steps in the longest run"),
            ("Compute", numbers.power(float(spent)), "FLOPs of training, all runs"),
            *_time_card(runs),
        ]
    )


def _time_card(runs: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Say what part of the time went where, for the bundles that were measured."""
    if not {*_PARTS, "bundle"} <= {*runs.columns}:
        return []
    # The runs of a bundle train side by side, in the same seconds.
    bundles = runs.unique("bundle").drop_nulls([*_PARTS])
    if bundles.is_empty():
        return []
    spent = bundles.select(*_PARTS).sum().row(0, named=True)
    total = sum(spent.values())
    shares = ", ".join(
        f"{_PARTS[name]} {part / total:.0%}" for name, part in spent.items()
    )
    measured = f"{bundles.height} of {runs['bundle'].n_unique()} programs"
    hours = f"{numbers.plain(total / 3600, 2)} h"
    return [("Time", hours, f"of training, in {measured}: {shares}")]


def definition_cards(entries: Sequence[tuple[str, str, str]]) -> str:
    """Lay out (name, value, explanation) as small cards."""
    boxes = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}"
        f"<small>{html.escape(note)}</small></dd></div>"
        for name, value, note in entries
    )
    return f'<dl class="cards">{boxes}</dl>'


def _factor(exponent: Estimate) -> str:
    """Write the factor that ten times the compute brings, with its interval."""
    factor = Estimate(10**exponent.value, 10**exponent.low, 10**exponent.high)
    return numbers.span(factor, lambda value: numbers.plain(value, 2))


def _exponent_card(fit: Fit) -> tuple[str, str, str]:
    name, exponent = "Size exponent", fit.derived.get("size_exponent")
    if exponent is None or not fit.identified:
        return name, "–", "not identified"
    low, high = numbers.exponent(exponent.low), numbers.exponent(exponent.high)
    return name, numbers.exponent(exponent.value), f"90 % interval {low} to {high}"


def _verdict_card(fit: Fit) -> tuple[str, str, str]:
    if fit.identified:
        return "Identified", "yes", "no rule refuses the law"
    return "Identified", "no", "at least one rule refuses the law"


def _statuses(runs: pl.DataFrame) -> str:
    """Count the runs by how they ended: `all done`, or `22 done, 2 nonfinite`."""
    counts = runs["status"].value_counts(sort=True)
    if counts.height == 1 and counts["status"][0] == "done":
        seeds = runs["seed"].n_unique()
        return f"all done, {seeds} seed{'s' if seeds > 1 else ''} of each size"
    return ", ".join(f"{row['count']} {row['status']}" for row in counts.to_dicts())
