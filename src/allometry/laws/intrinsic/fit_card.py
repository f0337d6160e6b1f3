"""Fit card: all that a reader must know to trust an intrinsic law, or not to.

JSON-able values in reading order: what was fitted, to what, how, how sure, and what
other choices would have given.
"""

import dataclasses
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from allometry.laws.estimates import Estimate
from allometry.laws.intrinsic.clean import Points, points
from allometry.laws.intrinsic.estimate import AGREEMENT_TOLERANCE, STARTS
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.mean_curve import RAW_DROP
from allometry.laws.intrinsic.settings import Band, IntrinsicSettings
from allometry.laws.intrinsic.solve import Solution, solve
from allometry.refusal import Refusal

#: κ that differs by more than this factor between sizes is worth a warning.
KAPPA_SPREAD = 1.5
#: A mean above the maximum by more than this share of the range earns a word.
_ABOVE = 0.02


def fit_card(
    table: pl.DataFrame,
    settings: IntrinsicSettings,
    cleaned: Points,
    solution: Solution,
) -> dict[str, Any]:
    """Write the card of a solution; fits the other bands on the way."""
    drift = [_in_band(table, settings, band) for band in settings.drift_bands]
    card = {
        "law": "intrinsic performance",
        **_form(settings),
        "kappa": _kappa(cleaned),
        "data": _data(cleaned),
        "excluded": _excluded(settings),
        "runs": _runs(cleaned),
        "method": _method(),
        "diagnostics": dict(solution.diagnostics),
        "identified": solution.identified,
        "reasons": list(solution.reasons),
        "leave_one_size_out": _leave_one_size_out(solution),
        "other_bands": [
            _in_band(table, settings, band) for band in settings.other_bands
        ],
        "drift_bands": drift,
        "drift": _drift_sentence(drift),
    }
    if cleaned.counts["nonfinite_runs"]:
        card["without_nonfinite_runs"] = _without_nonfinite(table, settings)
    card["versions"] = {
        name: importlib.metadata.version(name) for name in ("numpy", "polars", "scipy")
    }
    return card


def cautions(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Say in sentences what in a card deserves care, identified or not."""
    runs, kappa, data = card["runs"], card["kappa"], card["data"]
    said = []
    if short := runs["short_runs"]:
        said.append(
            f"{short} of {runs['runs']} runs end before others of their size, whose "
            "mean curves end with the shortest: give runs that were stopped the status "
            "running, to leave them out, or train them to the end."
        )
    if data["sizes_used"] < len(data["sizes"]):
        low, high = card["excluded"]["band"]
        said.append(
            f"{data['sizes_used']} of {len(data['sizes'])} sizes have points in the "
            f"band {low:.3g} to {high:.3g}; the law is theirs."
        )
    best = data["range"]["performance_before_exclusion"][1]
    beyond = card["maximum"] + _ABOVE * (card["maximum"] - card["chance"])
    if best > beyond:
        said.append(
            f"Mean performance reaches {best:.4g}, above the maximum of "
            f"{card['maximum']:g}: --set maximum={best:.2g} or more."
        )
    if drops := runs["raw_drops"]:
        worst = max(drop["from"] - drop["to"] for drop in drops)
        sizes = sorted({drop["size"] for drop in drops})
        said.append(
            f"Before cleaning, mean curves fell by more than {RAW_DROP:.0%} of the "
            f"range at {len(drops)} places (by up to {worst:.2f}; N = "
            f"{', '.join(f'{size:g}' for size in sizes)}): the learning rate of these "
            "sizes may want retuning."
        )
    if stopped := runs["nonfinite_runs"]:
        said.append(
            f"{len(stopped)} of {runs['runs']} runs went non-finite and count as "
            f"chance performance from there on{_without(card)}"
        )
    if collapsed := runs["collapsed_runs"]:
        said.append(
            f"{collapsed} of {runs['runs']} runs fell far below their own best; they "
            "are averaged with the others and the means made non-decreasing."
            if card["excluded"]["monotone_means"]
            else f"{collapsed} of {runs['runs']} runs fell far below their own best."
        )
    if dead := runs["dead_runs"]:
        said.append(f"{dead} of {runs['runs']} runs never learned; they are kept.")
    if left_out := runs["left_out_runs"]:
        counted = ", ".join(f"{count} {status}" for status, count in left_out.items())
        said.append(f"Runs that have not ended are left out ({counted}).")
    low, high = kappa["range_over_sizes"]
    if high > KAPPA_SPREAD * low:
        said.append(
            "Compute per parameter and interaction differs between sizes, from "
            f"{low:.3g} to {high:.3g} FLOPs, while the law takes C = κ N E with one κ."
        )
    return tuple(said)


def _without(card: Mapping[str, Any]) -> str:
    """Say what the law would be without the runs that went non-finite."""
    rest = card["without_nonfinite_runs"]
    one = rest["size_exponent"]
    if one is None or not np.isfinite(one["value"]):
        return "; without them there is no law."
    said = f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"
    verdict = "" if rest["identified"] else ", not identified"
    return f"; without them the size exponent is {said}{verdict}."


def _form(settings: IntrinsicSettings) -> dict[str, Any]:
    return {
        "form": "I^(−β) = (N_c/N)^α_N + (E_c/E)^α_E, C = κ N E, I = C on the frontier",
        "source": "Hilton, Tang and Schulman 2023, arXiv 2301.13442",
        "units": {
            "I": "FLOPs",
            "N": "parameters",
            "E": "interactions (agent steps)",
            "C": "FLOPs",
            "N_c": "the N (parameters) whose term alone gives I = 1 FLOP",
            "E_c": "the E (interactions) whose term alone gives I = 1 FLOP",
        },
        "size_is": settings.parameters_are,
        "compute_is": "the column 'compute': training FLOPs so far, as the study "
        "counted them",
        "performance_is": settings.performance,
        "chance": settings.chance,
        "maximum": settings.maximum,
        "natural_metric": settings.natural_metric,
        "tuned_per_size": settings.tuned,
    }


def _kappa(cleaned: Points) -> dict[str, Any]:
    by_size = [
        float(np.median(cleaned.kappa_of_runs[cleaned.kappa_group == group]))
        for group in range(len(cleaned.sizes))
    ]
    return {
        "value": cleaned.kappa,
        "unit": "FLOPs per parameter and interaction",
        "is": "median over runs of compute / (N E) at their last checkpoint",
        "range_over_sizes": [min(by_size), max(by_size)],
        "by_size": by_size,
    }


def _data(cleaned: Points) -> dict[str, Any]:
    compute = cleaned.kappa * cleaned.N * cleaned.E
    return {
        "sizes": cleaned.counts["sizes"],
        "seeds_per_size": cleaned.counts["seeds_per_size"],
        "checkpoints": cleaned.counts["checkpoints"],
        "points_used": cleaned.counts["points_used"],
        "sizes_used": cleaned.counts["sizes_used"],
        "range": {
            "N": _range(cleaned.N),
            "E": _range(cleaned.E),
            "C": _range(compute),
            "performance": _range(cleaned.performance),
            "performance_before_exclusion": _range(cleaned.curves.cleaned),
        },
    }


def _range(values: np.ndarray) -> list[float]:
    return [float(values.min()), float(values.max())]


def _excluded(settings: IntrinsicSettings) -> dict[str, Any]:
    return {
        "band": list(settings.band),
        "first_share_of_training": settings.exclude_first,
        "monotone_means": settings.monotone,
    }


def _runs(cleaned: Points) -> dict[str, Any]:
    names = (
        "runs",
        "dead_runs",
        "collapsed_runs",
        "nonfinite_runs",
        "left_out_runs",
        "short_runs",
        "interpolated_sizes",
        "raw_drops",
    )
    counted = {name: cleaned.counts[name] for name in names}
    curves = cleaned.curves
    last = np.r_[np.diff(curves.N) != 0, True]
    never = curves.cleaned[last] < cleaned.performance.max()
    counted["sizes_below_the_best_performance"] = int(never.sum())
    return counted


def _method() -> dict[str, Any]:
    return {
        "objective": "Σ w ((ln I − f(R))/g)², f the increasing function of performance "
        "that fits best, g = |∇ ln I| over (ln N, ln E), w = Δ ln E",
        "optimiser": "truncated Newton (SciPy's TNC) with the exact gradient, over "
        "size exponent, sharpness α_N + α_E and balance of the terms",
        "starts": f"(α_N, α_E) from {list(STARTS)} squared, both terms balanced at the "
        "median point, each restarted once",
        "agreement": f"share of starts within {AGREEMENT_TOLERANCE:g} of the best "
        "objective, relatively",
        "intervals": "90 %: estimate ± 1.645 standard errors of the delete-one-size "
        "jackknife; log scale for α_N, α_E, N_c, κ, β and E_c, natural scale for the "
        "exponents of best size and interactions. They contain neither the choice of "
        "the band nor drift of the law with performance",
    }


def _leave_one_size_out(solution: Solution) -> list[dict[str, float]]:
    return [
        {
            "left_out": float(replicate.left_out),
            "size_exponent": Intrinsic(**replicate.parameters).size_exponent,
            **replicate.parameters,
        }
        for replicate in solution.replicates
    ]


def _in_band(
    table: pl.DataFrame, settings: IntrinsicSettings, band: Band
) -> dict[str, Any]:
    """Fit another band; one without points is an entry that says so."""
    entry: dict[str, Any] = {"band": list(band)}
    try:
        there = points(table, dataclasses.replace(settings, band=band))
    except Refusal as refusal:
        return entry | _unsolved(refusal)
    return entry | _brief(solve(there), there)


def _without_nonfinite(
    table: pl.DataFrame, settings: IntrinsicSettings
) -> dict[str, Any]:
    try:
        rest = points(table, settings, with_nonfinite=False)
    except Refusal as refusal:
        return _unsolved(refusal)
    return _brief(solve(rest), rest)


def _brief(solution: Solution, there: Points) -> dict[str, Any]:
    exponent: Estimate = solution.derived["size_exponent"]
    return {
        "size_exponent": dataclasses.asdict(exponent),
        "points_used": len(there.N),
        "identified": solution.identified,
        "reasons": list(solution.reasons),
    }


def _unsolved(refusal: Refusal) -> dict[str, Any]:
    return {
        "size_exponent": None,
        "points_used": 0,
        "identified": False,
        "reasons": [str(refusal)],
    }


def _drift_sentence(bands: list[dict[str, Any]]) -> str:
    """Say how the size exponent changes with the level of performance."""
    caution = "No interval over seeds or sizes contains such drift."
    known = [band for band in bands if band["identified"]]
    if len(known) < 2:
        return (
            f"Drift with performance cannot be told: {len(known)} of {len(bands)} "
            f"overlapping bands identify the law. {caution}"
        )
    listed = ", ".join(
        "{value:.2f} ({low:.2f} to {high:.2f})".format(**band["size_exponent"])
        + " in {:g}–{:g}".format(*band["band"])
        for band in known
    )
    first, last = known[0]["size_exponent"], known[-1]["size_exponent"]
    apart = first["high"] < last["low"] or last["high"] < first["low"]
    verdict = (
        "it drifts with the level of performance"
        if apart
        else "drift with the level of performance is within the intervals"
    )
    return f"The size exponent is {listed}: {verdict}. {caution}"
