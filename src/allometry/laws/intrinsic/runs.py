"""Runs: check the table of finished runs that a law is fitted to.

Every complaint names the column, the run and the remedy, since the table may come
from anybody's logs.
"""

import polars as pl

from allometry.refusal import Refusal

COLUMNS = {
    "run": "name of the run",
    "parameters": "N, the model's parameters",
    "seed": "seed of the run",
    "interactions": "E, agent steps so far",
    "compute": "C, training FLOPs so far",
    "performance": "return, null once the run went non-finite",
    "status": "done or nonfinite",
}
_POSITIVE = ("parameters", "interactions", "compute")
_UNFINISHED = ("queued", "running", "preempted", "failed")


def finished(table: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Keep the runs that ended, and count the others by status.

    Runs with status done or nonfinite are kept, the latter up to where they went
    non-finite. Numbers become Float64. Raises `Refusal` for a missing column, text
    or null where a number belongs, a value of which no logarithm can be taken, a
    performance that is missing in a run that is done, a checkpoint given twice, a run
    with two sizes, an unknown status, and a table without finished runs.
    """
    table = _numeric(completed(table))
    statuses = set(table["status"].unique().to_list())
    unknown = sorted(statuses - {"done", "nonfinite", *_UNFINISHED}, key=str)
    if unknown:
        raise Refusal(
            f"Column 'status' holds {unknown[0]!r}; use done, nonfinite, failed, "
            "preempted, running or queued."
        )
    unfinished = table.filter(pl.col("status").is_in(_UNFINISHED)).unique("run")
    left_out = {
        status: unfinished.filter(pl.col("status") == status).height
        for status in _UNFINISHED
        if status in statuses
    }
    runs = table.filter(~pl.col("status").is_in(_UNFINISHED))
    if runs.is_empty():
        raise Refusal(
            "The table holds no finished run: column 'status' says neither done nor "
            "nonfinite in any row. Finish the study first."
        )
    _check_values(runs)
    return _until_nonfinite(runs), left_out


def completed(table: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that follow from others: run, seed, status.

    Without names, runs are told apart by size and seed; without seeds, a run is one;
    without a status, a run is done, or went non-finite where a performance says so, and
    rows that are null were not measured.
    """
    names = table.columns
    if "run" not in names and {"parameters", "seed"} <= set(names):
        name = pl.concat_str("parameters", pl.lit("-"), "seed")
        table = table.with_columns(run=name)
    if "run" in table.columns and "seed" not in names and "parameters" in names:
        seed = pl.col("run").cast(pl.String).rank("dense").over("parameters") - 1
        table = table.with_columns(seed=seed)
    numeric = "performance" in names and table["performance"].dtype.is_numeric()
    if "run" in table.columns and "status" not in names and numeric:
        value = pl.col("performance").cast(pl.Float64)
        table = table.filter(value.is_not_null())
        gone = (~value.is_finite()).any().over("run")
        status = pl.when(gone).then(pl.lit("nonfinite")).otherwise(pl.lit("done"))
        table = table.with_columns(status=status)
    return table


def _numeric(table: pl.DataFrame) -> pl.DataFrame:
    for name, meaning in COLUMNS.items():
        if name not in table.columns:
            raise Refusal(
                f"The table has no column {name!r} ({meaning}); it has: "
                f"{', '.join(table.columns) or 'none'}. Name it by columns, or "
                "--column."
            )
    if table.is_empty():
        raise Refusal("The table has no rows: give it one per run and checkpoint.")
    for name in (*_POSITIVE, "performance"):
        dtype = table.schema[name]
        if not dtype.is_numeric() and dtype != pl.Null:
            raise Refusal(
                f"Column {name!r} holds {dtype}, not numbers: convert it to numbers, "
                "and leave a missing performance null."
            )
    numbers = pl.col(*_POSITIVE, "performance").cast(pl.Float64).fill_nan(None)
    names = pl.col("run", "status").cast(pl.String)
    return table.select(list(COLUMNS)).with_columns(numbers, names)


def _check_values(runs: pl.DataFrame) -> None:
    for name in ("run", "status"):
        if runs[name].null_count():
            raise Refusal(f"Column {name!r} is null in some rows: fill it in.")
    for name in _POSITIVE:
        value = pl.col(name)
        wrong = value.is_null() | (value <= 0) | value.is_infinite()
        _refuse_rows(
            runs.filter(wrong),
            name,
            "its logarithm is taken, so it must be a positive finite number; leave out "
            "checkpoints from before the first interaction",
        )
    if runs["performance"].null_count() == runs.height:
        raise Refusal("Column 'performance' is null in every row: nothing to fit.")
    value = pl.col("performance")
    wrong = (pl.col("status") == "done") & (value.is_null() | value.is_infinite())
    _refuse_rows(
        runs.filter(wrong),
        "performance",
        "the run's status is done; fill it in, leave the row out, or set the status to "
        "nonfinite if the run diverged",
    )
    twice = runs.filter(pl.struct("run", "interactions").is_duplicated())
    _refuse_rows(twice, "interactions", "the run has this checkpoint twice; keep one")
    for name in ("parameters", "status"):
        mixed = runs.group_by("run").agg(pl.col(name).n_unique())
        mixed = mixed.filter(pl.col(name) > 1).sort("run")
        if not mixed.is_empty():
            raise Refusal(
                f"Column {name!r} changes within run {mixed['run'][0]!r}: give each "
                "run a name of its own and one value."
            )


def _refuse_rows(wrong: pl.DataFrame, column: str, why: str) -> None:
    if wrong.is_empty():
        return
    row = wrong.row(0, named=True)
    raise Refusal(
        f"Column {column!r} is {row[column]} in run {row['run']!r} at interactions = "
        f"{row['interactions']} ({wrong.height} such rows): {why}."
    )


def _until_nonfinite(runs: pl.DataFrame) -> pl.DataFrame:
    """Blank a non-finite run's performance from its first missing value on."""
    missing = pl.col("performance").is_null() | pl.col("performance").is_infinite()
    stopped = missing.cum_sum().over("run", order_by="interactions") > 0
    return runs.with_columns(
        pl.when(stopped)
        .then(None)
        .otherwise(pl.col("performance"))
        .alias("performance")
    ).sort("parameters", "run", "interactions")
