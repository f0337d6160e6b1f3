"""The words of the page: what each number and picture means, for a newcomer.

Every function returns HTML; whatever came from a study or a fit is escaped.
"""

import html
from collections.abc import Sequence

import polars as pl

from allometry.laws.estimates import Estimate, Fit
from allometry.laws.settings import IntrinsicSettings
from allometry.reports import numbers

#: How far beyond the data's compute forecasts are drawn.
BEYOND = 30

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
    "Intrinsic performance says what a return costs, not what it is. Where failures "
    "per success fall as a power of it, a straight line here, the law can also say "
    "how well a model nobody has trained yet would do."
)
DRIFT = (
    "The same exponent under other choices. Rows by performance band use only a "
    "stretch of learning: if they march to one side, the law itself changes as "
    "agents get better. In the last group each size is left out in turn: one row far "
    "from the others means that a single size carries the result."
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
    larger = numbers.span(_tenfold(exponent))
    text = (
        f"With ten times the compute, the best model is <strong>{larger} times "
        "larger</strong>"
    )
    if (interactions := fit.derived.get("interactions_exponent")) is not None:
        longer = numbers.span(_tenfold(interactions))
        text += f" and learns from {longer} times as many interactions"
    return (
        f'<p class="lead">{text}.</p><p class="quiet">In brackets: 90 % intervals. '
        "The best model is the one that reaches a given performance with the least "
        "training compute.</p>"
    )


def reasons(fit: Fit) -> str:
    """List the fit's warnings: which rule refused, and which runs would mend it."""
    if not fit.warnings:
        return ""
    title = "What to know first" if fit.identified else "Why, and what would mend it"
    items = "".join(f"<li>{html.escape(text)}</li>" for text in fit.warnings)
    return f"<h3>{title}</h3><ul>{items}</ul>"


def cards(fit: Fit, table: pl.DataFrame, runs: pl.DataFrame) -> str:
    """Write the key numbers: exponent, sizes, runs, compute, and the verdict."""
    spent = table.group_by("run").agg(pl.col("compute").max())["compute"].sum()
    longest = max(table["interactions"].to_list())
    sizes = runs["parameters"].unique().sort()
    done = (runs["status"] == "done").sum()
    rest = runs.height - done
    entries = [
        ("Size exponent", *_exponent_card(fit)),
        ("Identified", "yes" if fit.identified else "no", _verdict(fit)),
        (
            "Model sizes",
            str(len(sizes)),
            f"{numbers.si(sizes[0])} to {numbers.si(sizes[-1])} parameters",
        ),
        (
            "Runs",
            str(runs.height),
            f"all done, {runs['seed'].n_unique()} seeds a size"
            if rest == 0
            else f"{done} done, {rest} not (see the fit card)",
        ),
        ("Interactions", numbers.si(float(longest)), "agent steps in the longest run"),
        ("Compute", numbers.power(float(spent)), "FLOPs of training, all runs"),
    ]
    return definition_cards(entries)


def definition_cards(entries: Sequence[tuple[str, str, str]]) -> str:
    """Lay out (name, value, explanation) as small cards."""
    boxes = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}"
        f"<small>{html.escape(note)}</small></dd></div>"
        for name, value, note in entries
    )
    return f'<dl class="cards">{boxes}</dl>'


def _tenfold(exponent: Estimate) -> Estimate:
    """Turn an exponent into the factor that ten times the compute brings."""
    return Estimate(10**exponent.value, 10**exponent.low, 10**exponent.high)


def _exponent_card(fit: Fit) -> tuple[str, str]:
    exponent = fit.derived.get("size_exponent")
    if exponent is None:
        return "unknown", "of the best size in compute"
    low, high = numbers.exponent(exponent.low), numbers.exponent(exponent.high)
    if not fit.identified:
        return "–", "not identified"
    return numbers.exponent(exponent.value), f"90 % interval {low} to {high}"


def _verdict(fit: Fit) -> str:
    if fit.identified:
        return "all five rules passed"
    return "at least one rule refused"


CARD = (
    "Everything that decided this fit, in the order in which it was decided: what was "
    "counted and how, what was tuned, what was left out, how the numbers were found."
)


def limits(fit: Fit, settings: IntrinsicSettings) -> str:
    """Say what the fit cannot: drift, the rules that refused, what was tuned."""
    low, high = settings.band
    items = [
        "<strong>It is a law of a stretch of learning.</strong> It was fitted where "
        f"performance lies between {low:g} and {high:g}; the rows by band above show "
        "how it drifts. No interval over seeds or sizes contains that drift.",
        "<strong>It is a law of this family of models as it was tuned.</strong> Tuned "
        f"per size: {html.escape(settings.tuned)}.",
        "<strong>Its constants are less certain than its exponents</strong>, and "
        f"beyond {BEYOND} times the compute of the data nobody should follow it.",
    ]
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def reproduce(runs: pl.DataFrame, command: str) -> str:
    """Give the command, the fingerprints and where the records lie."""
    prints = runs["fingerprint"].unique().drop_nulls().sort().to_list()
    shown = ", ".join(f"<code>{html.escape(p)}</code>" for p in prints[:8])
    return (
        f"<p>The same command again gives the same study:</p>"
        f"<pre>{html.escape(command)}</pre>"
        f"<p>Fingerprints of the runs (study, code, versions and device): {shown}.</p>"
    )
