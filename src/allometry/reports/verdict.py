"""Verdict: the laws of a study, from its store.

One law, or one for each value of the axis that the study names. What was found is
stored beside the runs (`fit.json`, or `fit-horizon-4.json`, …), so that a forecast
needs no refit.
"""

import dataclasses
import fnmatch
import functools
from collections.abc import Iterator

import polars as pl

from allometry import laws
from allometry.curves import durable
from allometry.curves.imported import Imported
from allometry.curves.place import Place
from allometry.curves.store import Store
from allometry.curves.table import TASK_SETS
from allometry.laws import card, request
from allometry.laws.fit import fit_or_reason
from allometry.laws.fitted import Fit
from allometry.laws.generalisation import Generalisation, generalisation
from allometry.laws.horizon import HorizonFit, horizon_fits
from allometry.laws.request import Request
from allometry.refusal import Refusal

#: The file of the law of a study that has one, or of any that was fitted beside it.
ONE_LAW = "fit.json"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One law of a study: the value of the axis that it belongs to, and the fit."""

    label: str
    """Empty if the study has one law."""
    file: str
    """Name of its file in the store."""
    fit: Fit


def verdicts(store: Store) -> list[Verdict]:
    """Fit every law that the study asks for; the record's doubts are its warnings.

    Raises `Refusal` if the store holds no curve yet, or none that can be used, and if
    the study asks for no law.
    """
    wanted = request.from_mapping(store.study.get("law", {}))
    if wanted.form == request.NO_LAW:
        raise Refusal(
            f'The study asks for no law (its law.form is "{request.NO_LAW}"); one can '
            "be fitted in Python, with allometry.laws.fit(form, store.table())."
        )
    table = store.table()
    if table.is_empty():
        raise Refusal(
            f"{store.path} has no checkpoint of any run yet. Run the study first: "
            "allometry run."
        )
    if not isinstance(wanted.by, str):
        return [Verdict("", ONE_LAW, _fit(store, table, wanted))]
    if wanted.by not in table.columns:
        raise Refusal(
            f"law.by is {wanted.by!r}, which no run of {store.path} has; the runs' "
            f"columns are: {', '.join(table.columns)}."
        )
    groups = table.partition_by(wanted.by, as_dict=True)
    return [
        Verdict(
            label(wanted.by, value),
            _file(wanted.by, value),
            _fit(store, groups[(value,)], wanted),
        )
        for (value,) in sorted(groups)
    ]


def horizon_verdicts(store: Store | Imported) -> tuple[HorizonFit, ...]:
    """Fit interactions needed against the horizon, by size and level.

    Empty unless the study has a law by horizon and names levels.
    """
    wanted = request.from_mapping(store.study.get("law", {}))
    if wanted.by != "horizon" or not wanted.levels:
        return ()
    return horizon_fits(store.table(), wanted.levels, chance=wanted.settings.chance)


def asks_for_size(store: Store) -> bool:
    """Say whether a study asks for a law of size."""
    return request.from_mapping(store.study.get("law", {})).form != request.NO_LAW


def generalises(store: Store) -> bool:
    """Say whether a study asks what generalising takes, and has curves to tell."""
    wanted = request.from_mapping(store.study.get("law", {}))
    return bool(wanted.complexities) and not store.curves().is_empty()


def generalisation_verdicts(store: Store | Imported) -> tuple[Generalisation, ...]:
    """Find what each performance level takes against complexity.

    By every performance level; then at the middle one by every other statistic over
    tasks that the curves were measured by. Empty unless the study asks for it.
    """
    wanted = request.from_mapping(store.study.get("law", {}))
    if not wanted.complexities or wanted.by is None:
        return ()
    find = functools.partial(
        generalisation,
        by=wanted.by,
        complexities=wanted.complexities,
        chance=wanted.settings.chance,
    )
    table = store.table()
    found = [find(table, threshold=level) for level in wanted.levels]
    middle = sorted(wanted.levels)[len(wanted.levels) // 2]
    for name, other in _by_statistics(table, store.scores()):
        found.append(find(other, threshold=middle, performance=name))
    return tuple(found)


def _by_statistics(
    table: pl.DataFrame, scores: pl.DataFrame
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give curves by each statistic over tasks, of the last trial.

    What a run was tested by at its end beyond that is left out: it has other splits, or
    other numbers of trials.
    """
    whole = scores.filter(pl.col("task") == pl.col("split"))
    first = whole.sort("checkpoint", maintain_order=True)
    light = first.unique("run", keep="first", maintain_order=True)
    alike = scores.join(light.select("run", "split", "k"), on=["run", "split", "k"])
    last = alike.filter(pl.col("trial") == pl.col("k") - 1)
    for end, name in TASK_SETS.items():
        own = last.filter(pl.col("task") == pl.col("split") + end)
        if end and not own.is_empty():
            column = own.select("run", "checkpoint", pl.col("score").alias(name))
            yield name, table.join(column, on=["run", "checkpoint"], how="left")


def store_verdicts(store: Store, found: list[Verdict]) -> list[Place]:
    """Write each law's file into the store; return where.

    Those of levels by which the study no longer asks go.
    """
    written = [
        store.write_text(verdict.file, card.to_json(verdict.fit)) for verdict in found
    ]
    for path in fit_files(store.path):
        if path not in written and path.name != ONE_LAW:
            durable.remove(path)
    return written


def fit_files(folder: Place) -> list[Place]:
    """List the laws that are stored in a study's folder."""
    names = fnmatch.filter(durable.names(folder), "fit*.json")
    return [folder / name for name in sorted(names)]


def _fit(store: Store, table: pl.DataFrame, wanted: Request) -> Fit:
    of_several = wanted.by is not None
    find = fit_or_reason if of_several else laws.fit
    fit = find(wanted.form, table, settings=wanted.settings)
    bundles = table["bundle"].unique().sort().to_list()
    return dataclasses.replace(
        fit,
        warnings=(*fit.warnings, *store.doubts(bundles)),
        card={**fit.card, "trained_by": list(store.code_versions(bundles))},
    )


def label(axis: str, value: object) -> str:
    """Label the law of a value of an axis: `arena = 4`, `h = 4` of a horizon."""
    return f"{'h' if axis == 'horizon' else axis} = {_number(value)}"


def _file(axis: str, value: object) -> str:
    return f"fit-{axis}-{_number(value)}.json"


def _number(value: object) -> str:
    """Write a number as short as it can be without becoming another one."""
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)
