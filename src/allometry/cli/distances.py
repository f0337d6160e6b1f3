"""Distances: how far the splits that agents were tested on lie from training."""

from typing import TYPE_CHECKING

from allometry.refusal import Refusal

if TYPE_CHECKING:
    import polars as pl

    from allometry.curves.imported import Imported
    from allometry.curves.store import Store
    from allometry.environments.xland import XLand


def distances(store: "Store | Imported") -> "pl.DataFrame | None":
    """Measure, of every run's dials, how much more a split could draw than training.

    The rows are `run, split, distance`: the difference of `log_log_policies` between
    the split's dials and training's. None where runs were scored on one split only, and
    where this version cannot make the environment of the study.
    """
    import polars as pl

    splits = store.scores()["split"].unique().to_list()
    if len(splits) < 2 or not isinstance(store.study.get("environment"), dict):
        return None
    # Only now: it takes JAX.
    from allometry.environments import registry
    from allometry.environments.xland import XLand

    varied = store.study.get("grid", {}).get("environment", {})
    made: dict[tuple[object, ...], dict[str, float]] = {}
    rows = []
    for run in store.runs().iter_rows(named=True):
        options = {key: run[key] for key in varied if key in run}
        values = tuple(options.values())
        if values not in made:
            try:
                environment = registry.make(**(store.study["environment"] | options))
            except Refusal:
                return None
            if not isinstance(environment, XLand):
                return None
            made[values] = _of_splits(environment, splits)
        rows += [(run["run"], *one) for one in made[values].items()]
    return pl.DataFrame(rows, schema=["run", "split", "distance"], orient="row")


def _of_splits(training: "XLand", splits: list[str]) -> dict[str, float]:
    from allometry.studies.evaluation.sets import of_split

    size = training.size()["log_log_policies"]
    found = {}
    for split in splits:
        try:
            environment = of_split(training, split).environment
        except Refusal:  # no split, but a control or a set of probes
            continue
        found[split] = environment.size()["log_log_policies"] - size
    return found
