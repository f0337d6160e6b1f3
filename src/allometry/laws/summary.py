"""Summary: what a law says, in sentences and in a table of its constants."""

import math

from allometry.laws.estimates import Estimate, Result


def summary(result: Result) -> str:
    """Say the law in words, then its constants with 90 % intervals; many lines."""
    head = f"{result.law}: {result.card.get('form', '')}".rstrip(": ")
    return "\n".join([head, *sentences(result), "", *_table(result)])


def sentences(result: Result) -> list[str]:
    """Say in plain words what the law says, or that it says nothing and why."""
    if not result.identified:
        return [
            "Not identified: these runs do not determine the law, and no number of "
            "it should be quoted.",
            *result.warnings,
        ]
    said = [
        template.format(_interval(result.derived[name]))
        for name, template in _SENTENCES.items()
        if name in result.derived
    ]
    if growth := _growth(result):
        said.insert(0, growth)
    return [*said, *result.warnings]


def constants(result: Result) -> dict[str, Estimate]:
    """Give the parameters and what follows from them, those that have a value."""
    estimates = {**result.parameters, **result.derived}
    return {name: one for name, one in estimates.items() if math.isfinite(one.value)}


_SENTENCES = {
    "size_exponent": "The best model size grows as compute^{}.",
    "interactions_exponent": "Its interactions grow as compute^{}.",
    "data_exponent": "Its data grow as compute^{}.",
    "natural_exponent": "The fail-to-success ratio falls as I^−γ, I the intrinsic "
    "performance, with γ = {}.",
}


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _growth(result: Result) -> str:
    """Turn the size exponent into what ten times the compute buys."""
    if (exponent := result.derived.get("size_exponent")) is None:
        return ""
    value, low, high = (10**x for x in (exponent.value, exponent.low, exponent.high))
    return (
        "With ten times the compute, the best model is "
        f"{value:.1f} ({low:.1f} to {high:.1f}) times larger."
    )


def _table(result: Result) -> list[str]:
    rows = [("", "value", "90 % interval", "unit")]
    rows += [
        (
            name,
            f"{one.value:.4g}",
            f"{one.low:.4g} to {one.high:.4g}" + ("" if one.identified else " (?)"),
            "" if one.unit == "1" else one.unit,
        )
        for name, one in constants(result).items()
    ]
    widths = [max(len(row[index]) for row in rows) for index in range(3)]
    lines = (
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {edges:>{widths[2]}}  {unit}"
        for name, value, edges, unit in rows
    )
    return [line.rstrip() for line in lines]
