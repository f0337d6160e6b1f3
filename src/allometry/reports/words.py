"""The words of the page: what each number and picture means, for a newcomer.

Every function returns HTML; whatever came from a study or a fit is escaped.
"""

import html
import math
from collections.abc import Sequence

import polars as pl

import allometry
from allometry.laws.fitted import Fit
from allometry.laws.intrinsic.forecast import FAR, forecast
from allometry.laws.intrinsic.settings import IntrinsicSettings
from allometry.reports import card, numbers
from allometry.reports.figures.forest import LANGUAGE_MODELS

#: Fingerprints, or versions of the code, that are named.
_MOST = 4

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
    "so little compute, to the right too small to make use of more. One that stays "
    "below was never the best choice for the compute spent here."
)
BEST_SIZE = (
    "How large a model should be for a given training budget. The line is the law and "
    "its band the 90 % interval, solid as far as these runs’ performance reaches. Each "
    "dot is a size that really was the cheapest way to some performance (the smallest "
    "and the largest size aside). The dotted line has the slope 0.5 that language "
    "models are known for. "
)
NATURAL = (
    "What does better intrinsic performance look like? Here as failures for every "
    "success, which fall as a power of it: a straight line, of exponent −γ with "
    "γ = {gamma}. As far as the points follow the line, the law can say how well a "
    "model nobody has trained yet would do."
)
DRIFT = (
    "The same exponent under other choices, which no interval over seeds contains. "
    "<em>Other bands</em> are stretches of performance that might have been chosen "
    "instead. <em>Early to late</em> follows learning upwards: if those rows march to "
    "one side, the law itself changes as agents get better. With <em>one size left "
    "out</em>, a row far from the others means that this size carries the result."
)


_GUESS = (
    ' <strong class="warn">Not identified:</strong> the grey line is only the '
    "likeliest of many that these runs allow. It has no band and ends with the data."
)


def best_size(fit: Fit) -> str:
    """Explain the figure of the best size, and compare with language models."""
    exponent = fit.derived["size_exponent"]
    if not fit.identified:
        return BEST_SIZE + _GUESS
    if exponent.low > LANGUAGE_MODELS:
        return BEST_SIZE + "The law is steeper: a growing budget goes into size first."
    if exponent.high < LANGUAGE_MODELS:
        return BEST_SIZE + (
            "The law is flatter: a growing budget goes into interactions first."
        )
    return BEST_SIZE + "These runs cannot tell the law from that slope."


def budgets(fit: Fit, reached: float) -> str:
    """Tabulate the best run for the performance reached, and for more compute.

    `reached` is the largest intrinsic performance of the runs, in FLOPs.
    """
    if not fit.identified:
        return ""
    rows = []
    for factor in (1, 3, 10, FAR):
        answer = forecast(fit, compute=reached * factor)
        row = {
            "compute (FLOPs)": numbers.power(answer.compute.value),
            "best size (parameters)": numbers.span(answer.optimal_size, _two_si),
            "interactions": numbers.span(answer.optimal_interactions, _two_si),
        }
        if answer.performance is not None:
            row["performance"] = numbers.span(answer.performance, _share)
        rows.append(row)
    caption = (
        "What the law advises, with 90 % intervals. The first row is the cheapest way "
        "to the best performance that the fit has seen; the others, with 3, 10 and "
        f"{FAR:g} times its compute, trust the law beyond that."
    )
    return card.table(rows, caption)


def _share(value: float) -> str:
    """Write a performance with two digits of what is missing to 1."""
    digits = 2 if not 0 < value < 1 else 1 - math.floor(math.log10(1 - value))
    return f"{value:.{min(max(digits, 2), 6)}f}"


def _two_si(value: float) -> str:
    return numbers.si(value, 2)


CARD = (
    "Everything that decided this fit, in the order in which it was decided: what was "
    "counted and how, what was tuned, what was left out, how the numbers were found."
)


def measure(settings: IntrinsicSettings) -> str:
    """Name the performance for an axis, with its unit: a share of the maximum."""
    name = settings.performance
    return name if "(" in name else f"{name} (at most {settings.maximum:g})"


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
        f"law beyond {FAR:g} times the compute of its data, nor its constants to "
        "another task.",
        f"<strong>Was it identified?</strong> {verdict}",
    ]
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def reproduce(
    fits: Sequence[Fit], runs: pl.DataFrame, command: str, code: Sequence[str]
) -> str:
    """Give the command, the versions and fingerprints, and where the records lie.

    `code` says which Allometry trained the runs.
    """
    prints = runs["fingerprint"].unique().drop_nulls().sort().to_list()
    shown = _code(prints[:_MOST]) + _more(prints)
    trained = html.escape("; ".join(code[:_MOST])) + _more(code)
    how = (
        f"<p>This command makes the study{', its law' if fits else ''} and this page; "
        "given again, it finishes what is missing and repeats nothing:</p>"
        f"<pre>{html.escape(command)}</pre>"
    )
    return (how if command else "") + (
        f'<dl class="card">{_versions(fits)}'
        f"<dt>Trained by</dt><dd>{trained or 'not recorded'}</dd>"
        "<dt>Fingerprints of the runs</dt>"
        f"<dd>{shown or 'none stored'}. Runs with the same one (study, code, versions, "
        "kind of device) are equal bit for bit.</dd>"
        "<dt>Records</dt><dd>In the study’s folder: <code>study.json</code> is the "
        "study as it was run; every checkpoint’s rows are Parquet, in "
        "<code>bundles/</code> or, once compacted, <code>compacted/</code>"
        f"{'; laws are <code>fit*.json</code>' if fits else ''}. "
        "<code>allometry.curves.store.open_store(folder).table()</code> reads them."
        "</dd></dl>"
    )


def read_again(fits: Sequence[Fit], command: str, files: Sequence[str]) -> str:
    """Give the commands that read the `files` and made the law, and the versions."""
    of_laws = [str(fit.card.get("command", "")) for fit in fits]
    commands = list(dict.fromkeys(filter(None, [command, *of_laws])))
    these = "This command" if len(commands) == 1 else "These commands"
    did = "read the curves and made the law" if all(of_laws) else "read the curves"
    how = "" if all(of_laws) else "<p>The law was made in Python.</p>"
    if commands:
        listed = html.escape("\n".join(commands))
        how += f"<p>{these} {did}, and trained nothing:</p><pre>{listed}</pre>"
    return how + (
        f'<dl class="card">{_versions(fits)}<dt>Curves</dt><dd>This page shows those '
        f"of {_code(files) or 'files that were not recorded'}. Who trained the runs, "
        "and how, is not known here.</dd></dl>"
    )


def _versions(fits: Sequence[Fit]) -> str:
    versions = {"allometry": allometry.__version__}
    for fit in fits:
        versions |= fit.card.get("versions", {})
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    of = " behind the fit" if fits else ""
    return f"<dt>Versions{of}</dt><dd>{html.escape(listed)}</dd>"


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - _MOST} more" if len(names) > _MOST else ""


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"<code>{html.escape(name)}</code>" for name in names)
