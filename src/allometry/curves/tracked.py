"""Tracked runs: curves in the shape that experiment trackers want.

A run has a name, values that it has one of, and metrics by step. The step is the number
of interactions; the time of a row is the start of the run and its seconds of training.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from allometry.curves.imported import Imported
from allometry.curves.mapping import RESPONSES
from allometry.curves.store import Store
from allometry.refusal import Refusal

#: Columns of curves that are no metrics: who, which row, and the step.
_PLACE = ("run", "checkpoint", "interactions")


@dataclasses.dataclass(frozen=True)
class Row:
    """A checkpoint: step, time (seconds since 1970), and metrics that were measured."""

    step: int
    time: float
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Run:
    """A run: name, what it has one value of, and its rows in order."""

    name: str
    study: str
    about: Mapping[str, int | float | str]
    began: float
    rows: Sequence[Row]


def metrics(folder: Store | Imported) -> list[str]:
    """Name the columns of numbers of the curves in which something was measured."""
    curves = folder.curves()
    return [
        name
        for name, dtype in curves.schema.items()
        if dtype.is_numeric() and name not in _PLACE and curves[name].count()
    ]


def runs(folder: Store | Imported, columns: Sequence[str]) -> Iterator[Run]:
    """Give every run that has a checkpoint, with these columns of its curves.

    A run that diverged has NaN where its performance is empty. Raises `Refusal` for a
    column that is no metric, and for curves without interactions.
    """
    known, curves = metrics(folder), folder.curves()
    for name in columns:
        if name not in known:
            raise Refusal(
                f"{folder.path} has no metric {name!r}: its curves have "
                f"{', '.join(known)}. Name some of them."
            )
    if curves.is_empty():
        raise Refusal(f"{folder.path} has no checkpoint of any run yet: train first.")
    if curves["interactions"].null_count():
        raise Refusal(
            f"{folder.path} has curves without interactions, which are the steps of "
            "a tracker. Import them with --column interactions=NAME."
        )
    about = {row["run"]: row for row in folder.runs().iter_rows(named=True)}
    starts = _starts(folder)
    for (name,), rows in curves.group_by("run", maintain_order=True):
        own = dict(about[name])
        began = starts.get(own.get("bundle"), 0.0)
        diverged = own.get("status") == "nonfinite"
        yield Run(
            name=str(name),
            study=str(folder.study.get("name") or ""),
            about={k: v for k, v in own.items() if k != "run" and v is not None},
            began=began,
            rows=[
                Row(
                    step=row["interactions"],
                    time=began + (row.get("seconds") or 0.0),
                    metrics=_measured(row, columns, diverged),
                )
                for row in rows.sort("interactions").iter_rows(named=True)
            ],
        )


def _measured(
    row: Mapping[str, Any], columns: Sequence[str], diverged: bool
) -> dict[str, float]:
    found = {}
    for name in columns:
        if row[name] is not None:
            found[name] = float(row[name])
        elif diverged and name in RESPONSES:
            found[name] = float("nan")
    return found


def _starts(folder: Store | Imported) -> dict[Any, float]:
    """Find when each bundle was first claimed, where that is on record."""
    if isinstance(folder, Imported):
        return {}
    found = {}
    for bundle in folder.bundles:
        state = folder.manifest(bundle)
        if state is not None:
            history = state.metadata.get("history") or {}
            first = next(iter(history.get("attempts", ())), state.owner)
            found[bundle] = float(first.get("time") or 0.0)
    return found
