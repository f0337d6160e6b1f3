"""Time left: an estimate from the seconds and the FLOPs on record.

A bundle that has begun goes on at its own pace. One that has not is given the pace of
the others for its work: FLOPs per interaction, which are taken to grow with its
parameters as theirs do, and an overhead. What compiling took them is added. The bundles
at work share the rest evenly, but none ends before its own is done.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from allometry.watching.bundle import Bundle

#: What an interaction costs beside its FLOPs, in FLOPs: a small network is mostly
#: overhead. Only the guess of the time left rests on it.
OVERHEAD = 2e5


def seconds_left(bundles: Sequence[Bundle], side_by_side: int) -> float | None:
    """Estimate how long a study will take, `side_by_side` bundles at a time.

    None while no bundle has a pace, and where it is not known how much is planned.
    """
    left = [bundle for bundle in bundles if not bundle.finished]
    if not left:
        return 0.0
    if any(bundle.planned is None for bundle in left):
        return None
    begun = [bundle for bundle in bundles if bundle.pace is not None and bundle.done]
    if not begun:
        return None
    rates = _rates(begun)
    each = [_seconds(bundle, rates) for bundle in left]
    return max(sum(each) / max(1, side_by_side), *each)


class _Rates(NamedTuple):
    """What the bundles that have begun tell of the others."""

    flops_per_parameter: float
    """Of an interaction; the median."""
    seconds_per_work: float
    compiling: float
    """Seconds; the mean."""


def _rates(begun: Sequence[Bundle]) -> _Rates:
    per_parameter = statistics.median(
        each.flops / each.done / len(each.runs) / max(1, each.parameters)
        for each in begun
    )
    trained = [(each.pace or 0.0) * each.done for each in begun]
    work = sum(_work(each, per_parameter) * each.done for each in begun)
    pairs = zip(begun, trained, strict=True)
    compiling = statistics.mean(max(0.0, each.seconds - t) for each, t in pairs)
    return _Rates(per_parameter, sum(trained) / work, compiling)


def _seconds(bundle: Bundle, rates: _Rates) -> float:
    """Estimate the training time that one bundle still takes."""
    if bundle.pace is not None:
        return bundle.left * bundle.pace
    work = _work(bundle, rates.flops_per_parameter) * bundle.left
    return rates.seconds_per_work * work + (0.0 if bundle.done else rates.compiling)


def _work(bundle: Bundle, flops_per_parameter: float) -> float:
    """Guess what an interaction of all runs of a bundle takes, in FLOPs."""
    if bundle.done:
        return bundle.flops / bundle.done + OVERHEAD * len(bundle.runs)
    each = flops_per_parameter * bundle.parameters + OVERHEAD
    return each * len(bundle.runs)
