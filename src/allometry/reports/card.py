"""The fit card as HTML: everything that decided a fit, in reading order.

The card is JSON-able: mappings become definition lists, lists of mappings become
tables, numbers are written short with their full value as a tooltip. All text is
escaped.
"""

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from allometry.laws.estimates import Estimate
from allometry.laws.fitted import Fit
from allometry.reports import numbers

_ESTIMATE = {"value", "low", "high"}
_SYMBOL = re.compile("[A-Z](_[a-zA-Z0-9])?")
#: Whole numbers below this are written in full.
_EXACT = 1e7


def fit_card(fit: Fit) -> str:
    """Write the parameters, what follows from them, and the card."""
    return (
        _estimates("The law’s constants", fit.parameters)
        + _estimates("What follows from them", fit.derived)
        + value_html(fit.card)
    )


def value_html(value: Any) -> str:
    """Write a JSON-able value as HTML."""
    if isinstance(value, Mapping):
        return _estimate(value) if set(value) >= _ESTIMATE else _definitions(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value)
    return _scalar(value)


def table(rows: Sequence[Mapping[str, Any]], caption: str = "") -> str:
    """Write rows that share keys as a table that scrolls on a narrow screen."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {
        name for name in names if all(_is_number(row.get(name, 0)) for row in rows)
    }

    def cell(tag: str, name: str, content: str) -> str:
        kind = ' class="number"' if name in numeric else ""
        return f"<{tag}{kind}>{content}</{tag}>"

    head = "".join(cell("th", name, label(name)) for name in names)
    body = "".join(
        f"<tr>{''.join(cell('td', n, value_html(row.get(n, ''))) for n in names)}</tr>"
        for row in rows
    )
    named = html.escape(caption)
    title = f'<p class="quiet caption">{named}</p>' if caption else ""
    return (
        f'{title}<div class="scroll"><table aria-label="{named}"><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def label(name: str) -> str:
    """Turn a key into a label: `size_exponent` into “Size exponent”, not `N_c`."""
    if _SYMBOL.fullmatch(name):
        return html.escape(name)
    words = name.replace("_", " ").strip()
    return html.escape(words[:1].upper() + words[1:])


def _estimates(caption: str, estimates: Mapping[str, Estimate]) -> str:
    rows = [
        {
            "name": name,
            "value": estimate.value,
            "low (5 %)": estimate.low,
            "high (95 %)": estimate.high,
            "unit": estimate.unit,
        }
        for name, estimate in estimates.items()
    ]
    return table(rows, caption) if rows else ""


def _list(values: Sequence[Any]) -> str:
    """Write mappings as a table, sentences as a list, and the rest in a line."""
    if not values:
        return "none"
    if all(isinstance(value, Mapping) for value in values):
        return table(values)
    written = [value_html(value) for value in values]
    if any(isinstance(value, str) and " " in value for value in values):
        return "<ul>" + "".join(f"<li>{text}</li>" for text in written) + "</ul>"
    return ", ".join(written)


def _estimate(stored: Mapping[str, Any]) -> str:
    """Write a stored estimate in a line: value (low to high) unit."""
    value, low, high = (_scalar(stored[key]) for key in ("value", "low", "high"))
    unit = str(stored.get("unit") or "1")
    return f"{value} ({low} to {high})" + (
        "" if unit == "1" else " " + html.escape(unit)
    )


def _definitions(pairs: Mapping[str, Any]) -> str:
    if not pairs:
        return "none"
    lines = "".join(
        f"<dt>{label(name)}</dt><dd>{value_html(value)}</dd>"
        for name, value in pairs.items()
    )
    return f'<dl class="card">{lines}</dl>'


def _is_number(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def _scalar(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if float(value).is_integer() and abs(value) < _EXACT:
            return f"{value:,.0f}"
        text = numbers.power(value, 3)
        return f'<span title="{value!r}">{html.escape(text)}</span>'
    return html.escape(str(value))
