"""The page of any form's fit: drawn from the fit alone, whose points it holds."""

import html

from allometry.laws import summary, trace
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.refusal import Refusal
from allometry.reports import card, numbers, page
from allometry.reports.figures import form as figures
from allometry.reports.section import Drawing, Section

_ALONE = (
    "Points are what was observed, the line what the law says. The darker band is the "
    "90 % interval of the law, the lighter one holds 90 % of new observations; dashed "
    "is where there are no data."
)
_EACH = (
    "Points are what was observed, lines what the law says, one for each {parts}. Each "
    "ends where its data end."
)
_AGAINST = (
    "Each point is an observation: up, what was seen; across, what the law says of it. "
    "On the line the two agree, and the band holds 90 % of new observations."
)
_RESIDUALS = (
    "<p>How far the law is off, observation by observation. A cloud without shape is "
    "what luck looks like; a bend{colour} says that the form is wrong there.</p>"
)
_LEFT_OUT = (
    "Every interval on this page comes from refits that leave something out: a group "
    "of runs (dots){stretches}. A dot far from the others means that this group "
    "carries the result."
)
_DRAWN = (
    "Every interval on this page comes from refits to groups of runs drawn at random, "
    "with replacement: a dot each."
)


def render(fit: Fit, *, title: str, command: str) -> str:
    """Write the page of a fit; `command` is what makes the fit again.

    Raises:
        Refusal: the fit's form is not known here, or it holds no points.
    """
    form = fit.form
    if form is None or not fit.points:
        raise Refusal(
            "The fit cannot be drawn: its form is not known here, or it holds no "
            "points. Make it again with `allometry fit`."
        )
    sizes = figures.colours(form, figures.points_of(fit))
    sections = [_headline(fit, form), _pictures(fit, form)]
    if fit.replicates:
        drawing = Drawing(
            "refits", figures.refits(fit, form), "Constants of all refits"
        )
        prose = f"<p>{_of_refits(fit)}</p>"
        sections.append(Section("refits", "What carries it", prose, (drawing,)))
    sections += [_card(fit), _again(command)]
    about = {"title": title, "description": f"{form.name}: {form.formula}"}
    return page.document(about, sections, sizes)


def _headline(fit: Fit, form: Form) -> Section:
    """Say the law, its constants, and what refuses it."""
    if fit.identified:
        said = [
            text for text in summary.sentences(fit) if text not in fit.warnings
        ] or ["The runs identify this law."]
        lead = f'<p class="lead">{html.escape(" ".join(said))}</p>'
    else:
        lead = (
            '<p class="lead"><strong class="warn">Not identified.</strong> These runs '
            "do not determine the law, so that no number here should be quoted as one."
            "</p>"
        )
    rows = [
        {
            "constant": name,
            "value (90 % interval)": numbers.span(one, _show),
            "unit": "" if one.unit == "1" else one.unit,
            "": "" if one.identified else "not identified",
        }
        for name, one in summary.constants(fit).items()
    ]
    warned = "".join(f"<li>{html.escape(text)}</li>" for text in fit.warnings)
    doubts = f"<ul>{warned}</ul>" if warned else ""
    formula = f'<p class="quiet">{html.escape(form.formula)}</p>'
    return Section("law", "The law", lead + formula + card.table(rows) + doubts)


def _pictures(fit: Fit, form: Form) -> Section:
    drawings = (
        Drawing("curve", figures.law(fit, form), "The law and the observations"),
        Drawing("residuals", figures.residuals(fit, form), "Residuals"),
    )
    colour = (
        ", or a colour that lies to one side," if figures.coloured(fit, form) else ""
    )
    after = _RESIDUALS.format(colour=colour)
    return Section(
        "picture", "The picture", f"<p>{_of_law(fit, form)}</p>", drawings, after=after
    )


def _of_law(fit: Fit, form: Form) -> str:
    """Say what the picture of the law draws, and no more."""
    points = figures.points_of(fit)
    rest = trace.others(form, points)
    if not rest:
        return _ALONE
    if len(rest) > 1:
        return _AGAINST
    name = html.escape(trace.named(fit, rest[0]))
    whole = figures.coloured(fit, form)
    return _EACH.format(
        parts=f"value of {name}" if whole else f"of {trace.MOST} ranges of {name}"
    )


def _of_refits(fit: Fit) -> str:
    """Say what the refits left out."""
    if fit.resampling == "bootstrap":
        return _DRAWN
    curves = any(item.of == "stretch" for item in fit.replicates)
    stretches = ", or a stretch of every curve (diamonds)" if curves else ""
    return _LEFT_OUT.format(stretches=stretches)


def _card(fit: Fit) -> Section:
    folded = (
        "<details><summary>Everything that decided this fit</summary>"
        f"{card.value_html(fit.card)}</details>"
    )
    return Section("card", "The fit card", folded)


def _again(command: str) -> Section:
    said = (
        f"<p>The command that made this fit:</p><pre>{html.escape(command)}</pre>"
        if command
        else "<p>The fit was made in Python; its card says from what.</p>"
    )
    return Section("reproduce", "How to reproduce", said)


def _show(value: float) -> str:
    """Write a constant: plainly where that is short, else as a power of ten."""
    return numbers.power(value, 3)
