"""The words of the page: what each number and picture means, for a newcomer.

Every function returns HTML; whatever came from a study or a fit is escaped.
"""

import html
from collections.abc import Sequence

import polars as pl

import allometry
from allometry.laws.estimates import Estimate, Fit
from allometry.laws.settings import IntrinsicSettings
from allometry.reports import card, numbers

#: How far beyond the data's compute forecasts are drawn.
BEYOND = 30
_MOST_PRINTS = 4

LEARNING = (
    "Each line is one model size: how well it does after so many interactions with its "
    "environment, averaged over its seeds. The shaded band spans the best and the "
    "worst seed. Where a larger model’s line lies above a smaller one’s, size buys "
    "faster learning; where the lines meet, it no longer does."
)
HELD_OUT = (
    " Dotted lines score the same models on data held out of training: the gap to the "
    "solid line is what was memorised rather than learnt."
)
INTRINSIC = (
    "Returns have no natural unit, so every performance is restated as the least "
    "training compute with which a model of any size gets there: its <em>intrinsic "
    "performance</em>, I. The dashed frontier is compute spent as well as can be. Each "
    "size meets it once, where it is the best choice: to the left it is too large for "
    "so little compute, to the right too small to make use of more."
)
BEST_SIZE = (
    "How large a model should be for a given training budget. The line is the law, "
    "its band the 90 % interval; each dot is a size that really was the cheapest way "
    "to some performance, as measured. The dotted line has the slope 0.5 that "
    "language models are known for, drawn through the middle of the data: a flatter "
    "law than that says that more of a growing budget should go into interactions."
)
NATURAL = (
    "What does better intrinsic performance look like? Here as failures for every "
    "success, which fall as a power of it: a straight line, of exponent −γ with "
    "γ = {gamma}. As far as the points follow the line, the law can say how well a "
    "model nobody has trained yet would do."
)
DRIFT = (
    "The same exponent under other choices, which no interval over seeds contains. "
    "Each row in the middle uses another stretch of learning, from one performance to "
    "another: if rows march to one side, the law itself changes as agents get better. "
    "At the bottom each size is left out in turn: a row far from the others means that "
    "one size carries the result."
)


def headline(fit: Fit) -> str:
    """Say the law in a sentence with its interval, or that there is none and why."""
    exponent = fit.derived.get("size_exponent")
    if not fit.identified or exponent is None:
        return (
            '<p class="lead"><strong class="warn">Not identified.</strong> These runs '
            "do not determine how the best model size grows with compute, so no number "
            "on this page should be quoted as a law.</p>"
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
        "The best model is the one that reaches a given performance with the least "
        "training compute.</p>"
    )


def several(fits: Sequence[tuple[str, Fit]]) -> str:
    """Say the law of each label in a table, for a study with more than one."""
    rows = [
        {
            "": label,
            "size exponent": numbers.span(
                fit.derived["size_exponent"], numbers.exponent
            ),
            "ten times the compute, best model": _factor(fit.derived["size_exponent"])
            + " times larger",
            "verdict": "identified",
        }
        if fit.identified
        else {
            "": label,
            "size exponent": "–",
            "ten times the compute, best model": "–",
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
    """List why the law is refused and which runs would mend it, then the cautions."""
    why = [text for text in fit.warnings if text in fit.card.get("reasons", ())]
    rest = [text for text in fit.warnings if text not in why]
    return _listed("Why, and what would mend it", why) + _listed(
        "What to know about these runs", rest
    )


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
    own = [] if len(fits) != 1 else [_exponent_card(fits[0]), _verdict_card(fits[0])]
    return definition_cards(
        [
            *own,
            (
                "Model sizes",
                str(len(sizes)),
                f"{numbers.si(sizes[0])} to {numbers.si(sizes[-1])} parameters",
            ),
            ("Runs", str(runs.height), _statuses(runs)),
            ("Interactions", numbers.si(longest), "agent steps in the longest run"),
            ("Compute", numbers.power(float(spent)), "FLOPs of training, all runs"),
        ]
    )


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
        return f"all done, {runs['seed'].n_unique()} seeds of each size"
    return ", ".join(f"{row['count']} {row['status']}" for row in counts.to_dicts())


CARD = (
    "Everything that decided this fit, in the order in which it was decided: what was "
    "counted and how, what was tuned, what was left out, how the numbers were found."
)


def limits(fit: Fit, settings: IntrinsicSettings) -> str:
    """Say what the fit cannot: drift, the rules that refused, what was tuned."""
    low, high = settings.band
    verdict = (
        "None of the rules that refuse a law applied here; they catch most bad fits, "
        "not all."
        if fit.identified
        else "A rule refused this law: see the reasons at the top of the page and in "
        "the fit card. Its numbers are shown so that the next study can do better."
    )
    items = [
        "<strong>It holds for a stretch of learning.</strong> It was fitted where "
        f"performance lies between {low:g} and {high:g}. How it drifts with "
        "performance is shown above, and is in no interval on this page.",
        "<strong>It holds for this family of models as tuned.</strong> What was tuned "
        f"for each size: {html.escape(settings.tuned)}. A size whose learning rate "
        "does not suit it looks like a worse size.",
        "<strong>Exponents travel better than constants.</strong> Do not follow the "
        f"law beyond {BEYOND} times the compute of its data, nor its constants to "
        "another task.",
        f"<strong>Was it identified?</strong> {verdict}",
    ]
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def reproduce(fits: Sequence[Fit], runs: pl.DataFrame, command: str) -> str:
    """Give the command, the versions and fingerprints, and where the records lie."""
    prints = runs["fingerprint"].unique().drop_nulls().sort().to_list()
    shown = ", ".join(f"<code>{html.escape(p)}</code>" for p in prints[:_MOST_PRINTS])
    more = len(prints) - _MOST_PRINTS
    versions = {"allometry": allometry.__version__}
    for fit in fits:
        versions |= fit.card.get("versions", {})
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "<p>This command makes the study, its law and this page; given again, it "
        f"finishes what is missing and repeats nothing:</p><pre>{html.escape(command)}"
        '</pre><dl class="card"><dt>Versions behind the fit</dt>'
        f"<dd>{html.escape(listed)}</dd>"
        "<dt>Fingerprints of the runs</dt>"
        f"<dd>{shown or 'none stored'}{f' and {more} more' if more > 0 else ''}. Runs "
        "with the same one (study, code, versions, kind of device) are equal bit for "
        "bit.</dd>"
        "<dt>Records</dt><dd>In the study’s folder: <code>study.json</code> is the "
        "study as it was run, <code>bundles/</code> holds every checkpoint’s rows as "
        "Parquet, <code>fit.json</code> the law. "
        "<code>allometry.curves.store.open_store(folder).table()</code> reads the curves."
        "</dd></dl>"
    )
