"""Status: how a study stands, drawn from its store alone."""

import collections
import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Any

from allometry.curves.manifest import STATUSES
from allometry.curves.store import Store
from allometry.watching.bundle import PARTS, Bundle, bundles
from allometry.watching.time_left import seconds_left


@dataclasses.dataclass(frozen=True)
class Status:
    """A study at the moment `now`, seconds since 1970."""

    path: str
    study: str
    title: str
    now: float
    bundles: tuple[Bundle, ...]

    @functools.cached_property
    def runs(self) -> dict[str, str]:
        """Name → status of every run, in the study's order."""
        return {run: said for each in self.bundles for run, said in each.runs.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many runs have each status; `unreadable` where a bundle is damaged."""
        return dict.fromkeys(STATUSES, 0) | collections.Counter(self.runs.values())

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return all(bundle.finished for bundle in self.bundles)

    @property
    def interactions(self) -> int:
        """Agent steps of all runs so far."""
        return sum(bundle.done * len(bundle.runs) for bundle in self.bundles)

    @property
    def planned(self) -> int | None:
        """Agent steps of all runs at the end; None where that is not known."""
        each = [(bundle.planned, len(bundle.runs)) for bundle in self.bundles]
        total = sum((planned or 0) * runs for planned, runs in each)
        return None if any(planned is None for planned, _ in each) else total

    @property
    def at_work(self) -> int:
        """Bundles that somebody trains now, as far as can be known."""
        return sum(bundle.at_work for bundle in self.bundles)

    @property
    def speed(self) -> float | None:
        """Agent steps per second of the bundles at work together.

        Where nobody is at work: those of one bundle at a time, on average.
        """
        if self.at_work:
            paces = [
                len(bundle.runs) / bundle.pace
                for bundle in self.bundles
                if bundle.at_work and bundle.pace
            ]
            return sum(paces) or None
        return self.interactions / self.seconds if self.seconds else None

    @property
    def seconds(self) -> float:
        """Training time so far, summed over bundles."""
        return sum(bundle.seconds for bundle in self.bundles)

    @property
    def seconds_by_part(self) -> dict[str, float] | None:
        """Training time of the bundles in which the parts were told apart."""
        known = [b.seconds_by_part for b in self.bundles if b.seconds_by_part]
        if not known:
            return None
        return {part: sum(each.get(part) or 0.0 for each in known) for part in PARTS}

    @property
    def seconds_left(self) -> float | None:
        """Estimate the time to the end, with as many bundles at work as now."""
        return seconds_left(self.bundles, self.at_work)


def status(store: Store) -> Status:
    """Read how a study stands.

    Damaged bundles are told, not raised; raises `Damaged` only where curves that an
    older Allometry wrote cannot be read.
    """
    title = str(store.study.get("title") or "")
    name = str(store.study.get("name") or "")
    return Status(str(store.path), name, title, time.time(), bundles(store))


def document(found: Status) -> dict[str, Any]:
    """Give the same as JSON-able values; times in seconds, compute in FLOPs."""
    return {
        "store": found.path,
        "study": found.study,
        "title": found.title,
        "time": found.now,
        "finished": found.finished,
        "runs": found.counts,
        "interactions": found.interactions,
        "planned": found.planned,
        "flops": sum(bundle.flops for bundle in found.bundles),
        "flops_environment": sum(bundle.flops_environment for bundle in found.bundles),
        "seconds": found.seconds,
        "seconds_by_part": found.seconds_by_part,
        "at_work": found.at_work,
        "interactions_per_second": found.speed,
        "seconds_left": found.seconds_left,
        "bundles": [_bundle(bundle) for bundle in found.bundles],
    }


def _bundle(bundle: Bundle) -> Mapping[str, Any]:
    return {
        "bundle": bundle.name,
        "runs": dict(bundle.runs),
        "parameters": bundle.parameters,
        "interactions": bundle.done,
        "planned": bundle.planned,
        "finished": bundle.finished,
        "flops": bundle.flops,
        "flops_environment": bundle.flops_environment,
        "seconds": bundle.seconds,
        "seconds_by_part": bundle.seconds_by_part,
        "interactions_per_second": len(bundle.runs) / bundle.pace
        if bundle.pace
        else None,
        "attempts": bundle.attempts,
        "owner": dict(bundle.owner),
        "process": bundle.process,
        "committed": bundle.committed,
        "failure": bundle.failure,
        "warnings": list(bundle.warnings),
    }
