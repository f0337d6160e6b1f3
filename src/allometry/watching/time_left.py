"""Time left: an estimate from the seconds and the FLOPs on record.

A bundle that has begun goes on at its own pace. One that has not is given the pace of
the others for its work: FLOPs per interaction, which are taken to grow with its
parameters as theirs do, and an overhead. What compiling took them is added. The bundles
at work share the rest evenly, but none ends before its own is done.
"""

import statistics
from collections.abc import Sequence

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
    each = [_seconds(bundle, begun) for bundle in left]
    return max(sum(each) / max(1, side_by_side), *each)


def _seconds(bundle: Bundle, begun: Sequence[Bundle]) -> float:
    """Estimate the training time that one bundle still takes."""
    if bundle.pace is not None:
        return bundle.left * bundle.pace
    work = sum(_work(other, begun) * other.done for other in begun)
    trained = sum((other.pace or 0.0) * other.done for other in begun)
    compiling = statistics.mean(
        max(0.0, other.seconds - (other.pace or 0.0) * other.done) for other in begun
    )
    rest = trained / work * _work(bundle, begun) * bundle.left
    return rest if bundle.done else rest + compiling


def _work(bundle: Bundle, begun: Sequence[Bundle]) -> float:
    """Guess what an interaction of all runs of a bundle takes, in FLOPs."""
    if bundle.done:
        return bundle.flops / bundle.done + OVERHEAD * len(bundle.runs)
    per_parameter = statistics.median(
        other.flops / other.done / len(other.runs) / max(1, other.parameters)
        for other in begun
    )
    return (per_parameter * bundle.parameters + OVERHEAD) * len(bundle.runs)
