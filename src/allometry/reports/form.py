"""The page of any form's fit: drawn from the fit alone, whose points it holds."""

import html

from allometry.laws import summary
from allometry.laws.fitted import Fit
from allometry.laws.form.form import Form
from allometry.refusal import Refusal
from allometry.reports import card, numbers, page
from allometry.reports.figures import form as figures
from allometry.reports.section import Drawing, Section

_LAW = (
    "<p>Points are what was observed, lines what the law says. The darker band is the "
    "90 % interval of the law, the lighter one holds 90 % of new observations; dashed "
    "is where there are no data.</p>"
)
_RESIDUALS = (
    "<p>How far the law is off, observation by observation. A cloud without shape is "
    "what luck looks like; a bend, or a colour that lies to one side, says that the "
    "form is wrong there.</p>"
)
_REFITS = (
    "<p>Every interval on this page comes from refits that leave something out: a "
    "group of runs (dots), or a stretch of every curve (diamonds). A dot far from the "
    "others means that this group carries the result.</p>"
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
        sections.append(Section("refits", "What carries it", _REFITS, (drawing,)))
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
    return Section("picture", "The picture", _LAW, drawings, after=_RESIDUALS)


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
