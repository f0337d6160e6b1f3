"""Numbers as people read them: 1.2 k, 3.4 × 10¹², intervals, and ticks of a log axis.

Everything here returns plain text (Unicode, no markup), fit for HTML once escaped
and for Plotly, whose own exponents need markup.
"""

import math
from collections.abc import Callable

from allometry.laws.estimates import Estimate

Number = float | int

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Multiples of powers of ten to tick: over a wide, a middling and a narrow range.
_TICKS = ((1, 3), (1, 2, 5), tuple(range(1, 10)))
_PREFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def plain(value: Number, digits: int = 3) -> str:
    """Write `value` with `digits` significant digits and never an exponent."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    return f"{rounded:,.{max(0, decimals)}f}".replace("-", "−")


def si(value: Number, digits: int = 3) -> str:
    """Write a count as 350, 1.2k, 40k, 1.05M, 7B; small numbers plainly."""
    if not math.isfinite(value):
        return "unknown"
    for scale, prefix in _PREFIXES:
        if abs(value) >= scale * (1 - 0.5 * 10.0**-digits):
            return _trim(plain(value / scale, digits)) + prefix
    return _trim(plain(value, digits))


def power(value: Number, digits: int = 2) -> str:
    """Write a quantity as 3.4 × 10¹², 10¹² when the factor is one, or plainly."""
    if value < 0:
        return "−" + power(-value, digits)
    if not math.isfinite(value) or value == 0 or 0.01 <= value < 1e4:
        return _trim(plain(value, digits))
    exponent = math.floor(math.log10(value))
    factor = round(value / 10.0**exponent, digits - 1)
    if factor >= 10:
        factor, exponent = 1.0, exponent + 1
    raised = "10" + str(exponent).translate(_SUPERSCRIPTS)
    return raised if factor == 1 else f"{_trim(plain(factor, digits))} × {raised}"


def span(estimate: Estimate, show: Callable[[float], str] = plain) -> str:
    """Write a value with its interval: 0.51 (0.39–0.63)."""
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return f"{show(estimate.value)} (no interval)"
    dash = "–" if estimate.low >= 0 else " to "
    return f"{show(estimate.value)} ({show(estimate.low)}{dash}{show(estimate.high)})"


def power_span(estimate: Estimate) -> str:
    """Write a value with its interval, of one power of ten: 1.4 (0.88–2.1) × 10¹⁰."""
    ends = (estimate.value, estimate.low, estimate.high)
    if not all(math.isfinite(end) for end in ends) or estimate.value < 1e4:
        return span(estimate, power)
    # 9.96 is written as 10, and so is 1 of the next power.
    raised = math.floor(math.log10(estimate.value * (1 + 5e-3)))
    value, low, high = (_trim(plain(end / 10.0**raised, 2)) for end in ends)
    return f"{value} ({low}–{high}) × 10{str(raised).translate(_SUPERSCRIPTS)}"


def exponent(value: Number) -> str:
    """Write an exponent: two decimals, which is what such fits can bear."""
    return "unknown" if not math.isfinite(value) else f"{value:.2f}".replace("-", "−")


def log_ticks(
    low: Number, high: Number, show: Callable[[float], str], most: int = 7
) -> tuple[list[float], list[str]]:
    """Choose at most about `most` round ticks for a log axis, with their texts."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = math.log10(high / low)
    if decades > 2.5:
        stride = max(1, math.ceil(decades / most))
        ticks = [10.0**k for k in range(first, last + 1, stride)]
    else:
        factors = (
            (1, 3) if decades > 1.2 else (1, 2, 5) if decades > 0.6 else range(1, 10)
        )
        ticks = [f * 10.0**k for k in range(first, last + 1) for f in factors]
    ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    return ticks, [show(tick) for tick in ticks]


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
