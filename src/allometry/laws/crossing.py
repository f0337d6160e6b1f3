"""Crossings: the interactions at which a run reaches a performance level.

A learning curve is noisy and may fall, so it is made monotone (isotonic) before its
crossing is sought, and read log-linearly between checkpoints. A run that never gets
there is censored: its crossing is `None`, never a guess.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression

from allometry.refusal import Refusal

Values = Sequence[float] | np.ndarray | pl.Series
#: `crossed`; `censored`, never there; `early`, there at the first checkpoint, so that
#: the crossing is only known to lie before it.
Fate = Literal["crossed", "censored", "early"]

COLUMNS = (
    "run",
    "parameters",
    "seed",
    "horizon",
    "interactions",
    "performance",
    "status",
)


def crossing(interactions: Values, performance: Values, level: float) -> float | None:
    """Find where the isotonic fit of a run's curve first reaches `level`.

    `interactions` and `performance` are one run's checkpoints, in any order. Between
    two checkpoints performance is taken as linear in the logarithm of interactions.
    A run that is at the level from its first checkpoint crosses there at the latest:
    that checkpoint is returned. `None` means that the run never crosses.

    Raises:
        Refusal: interactions that are not above 0, or lengths that differ.
    """
    E = np.asarray(interactions, dtype=np.float64)
    R = np.asarray(performance, dtype=np.float64)
    if E.shape != R.shape or E.ndim != 1 or E.size == 0:
        raise Refusal(
            f"A curve needs as many interactions as performances, got {E.shape} and "
            f"{R.shape}. Give one of each for every checkpoint."
        )
    if not (E > 0).all() or not np.isfinite(R).all():
        raise Refusal(
            "`interactions` should be above 0 and `performance` finite at every "
            "checkpoint. Leave out the row at 0 interactions."
        )
    order = np.argsort(E, kind="stable")
    log_E, rising = np.log(E[order]), isotonic_regression(R[order]).x
    index = int(np.searchsorted(rising, level, side="left"))
    if index == len(rising):
        return None
    if index == 0:
        return float(E[order[0]])
    share = (level - rising[index - 1]) / (rising[index] - rising[index - 1])
    return float(np.exp(log_E[index - 1] + share * (log_E[index] - log_E[index - 1])))


def seen_crossing(
    interactions: Values, performance: Values, level: float
) -> tuple[float | None, Fate]:
    """Find where a run was seen to cross `level`, and its fate; None unless crossed.

    Takes and raises what `crossing` does.
    """
    at = crossing(interactions, performance, level)
    if at is None:
        return None, "censored"
    if at <= np.asarray(interactions).min():
        return None, "early"
    return at, "crossed"


def crossings(
    table: pl.DataFrame, level: float, size: int, chance: float
) -> pl.DataFrame:
    """Give one row per run of a size: where it crosses `level`, or how it does not.

    Columns: `horizon`, `seed`, `crossing` (agent steps; null when not seen), `fate`
    (a `Fate`) and `status`. `table` comes from `usable`. Missing performance (after a
    run went non-finite) counts as `chance`.
    """
    rows = []
    own = table.filter(pl.col("parameters") == size).sort("horizon", "seed", "run")
    for _, run in own.group_by("horizon", "run", maintain_order=True):
        performance = run["performance"].fill_null(chance)
        at, fate = seen_crossing(run["interactions"], performance, level)
        rows.append(
            {
                "horizon": float(run["horizon"][0]),
                "seed": run["seed"][0],
                "crossing": at,
                "fate": fate,
                "status": str(run["status"][0]),
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA)


def usable(table: pl.DataFrame) -> pl.DataFrame:
    """Keep the runs that ended (done or nonfinite), in numbers.

    Performance that is not finite becomes null.

    Raises:
        Refusal: a column is missing, not numeric or not above 0 where it must be; a
            performance is missing in a run that is done; or no run ended.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise Refusal(
            f"The horizon law needs the column '{missing[0]}', one row per run and "
            f"checkpoint. Add it; the columns are: {', '.join(COLUMNS)}."
        )
    runs = table.filter(pl.col("status").is_in(["done", "nonfinite"]))
    if runs.is_empty():
        raise Refusal(
            "The table holds no finished run: column 'status' says neither done nor "
            "nonfinite in any row. Finish the study first."
        )
    for name in ("parameters", "seed", "horizon", "interactions", "performance"):
        if not runs[name].dtype.is_numeric() and runs[name].dtype != pl.Null:
            raise Refusal(
                f"Column '{name}' holds {runs[name].dtype}, not numbers: convert it."
            )
    for name in ("parameters", "horizon", "interactions"):
        values = runs[name].cast(pl.Float64)
        if not (values.is_finite() & (values > 0)).fill_null(False).all():
            raise Refusal(
                f"Column '{name}' should be a finite number above 0 in every row: "
                "leave out the rows where it is 0, negative or empty."
            )
    performance = pl.col("performance").cast(pl.Float64)
    finite = pl.when(performance.is_finite()).then(performance)
    runs = runs.with_columns(finite.alias("performance"))
    holes = runs.filter((pl.col("status") == "done") & pl.col("performance").is_null())
    if not holes.is_empty():
        raise Refusal(
            f"Column 'performance' is missing in run {holes['run'][0]!r}, whose status "
            "is done: fill it in, or set the status to nonfinite if the run diverged."
        )
    return runs


_SCHEMA = {
    "horizon": pl.Float64,
    "seed": pl.Int64,
    "crossing": pl.Float64,
    "fate": pl.String,
    "status": pl.String,
}


def thresholds(
    table: pl.DataFrame,
    level: float,
    *,
    of: str = "interactions",
    performance: str = "performance",
    chance: float | None = None,
) -> pl.DataFrame:
    """Turn curves into one row per run: what `of` the run needed to reach `level`.

    The row keeps every column of which the run has one value, and gains `fate` (a
    `Fate`). `of` is null where no crossing was seen. A performance that is missing
    counts as `chance`, or as the lowest of the table.

    Raises:
        Refusal: a column is missing or holds no numbers, a run cannot be read as a
            curve, or no run crosses the level.
    """
    _require(table, of, performance)
    least = table[performance].drop_nulls().drop_nans().min()
    missing = chance if chance is not None else float(least or 0.0)  # type: ignore[arg-type]
    curves = table.filter(pl.col(of) > 0).with_columns(
        pl.col(performance).cast(pl.Float64).fill_nan(None).fill_null(missing)
    )
    rows = []
    for (run,), curve in curves.group_by("run", maintain_order=True):
        rows.append((str(run), *seen_crossing(curve[of], curve[performance], level)))
    if all(fate != "crossed" for *_, fate in rows):
        low, high = _reached(curves, of, performance)
        raise Refusal(
            f"No run crosses {performance} = {level:g}: made monotone, their curves go "
            f"from {low:.4g} to {high:.4g}. Ask for a performance in between, which "
            "runs pass on their way."
        )
    found = pl.DataFrame(
        rows, schema={"run": pl.String, of: pl.Float64, "fate": pl.String}, orient="row"
    )
    others = [name for name in table.columns if name not in ("run", of, performance)]
    counts = curves.group_by("run").agg(pl.col(others).n_unique())
    static = [name for name in others if counts[name].max() == 1]
    about = curves.select(pl.col("run").cast(pl.String), *static).unique("run")
    return about.join(found, on="run").sort("run")


def _require(table: pl.DataFrame, of: str, performance: str) -> None:
    """Refuse a table that has no curves of these, with what would name them."""
    remedies = {
        "run": "--column run=NAME",
        of: "--of NAME",
        performance: f"--column {performance}=NAME",
    }
    for name, remedy in remedies.items():
        if name not in table.columns:
            raise Refusal(
                f"A crossing needs the column {name!r}; the table has: "
                f"{', '.join(table.columns)}. Name it: {remedy}."
            )
        if name != "run" and not table[name].dtype.is_numeric():
            raise Refusal(
                f"Column {name!r} holds {table[name].dtype}, and a crossing needs "
                f"numbers: name a column of numbers, {remedy}."
            )
    if of in ("run", performance):
        raise Refusal(
            f"A crossing tells what a run needed to reach a performance, and {of!r} is "
            "nothing that it needed: name another, such as --of interactions."
        )
    if not (table[of] > 0).any():
        raise Refusal(f"Column {of!r} is above 0 in no row: nothing can be crossed.")


def _reached(curves: pl.DataFrame, of: str, performance: str) -> tuple[float, float]:
    """Give the least and the most that the curves, made monotone, come to."""
    ends = [
        isotonic_regression(curve.sort(of)[performance].to_numpy()).x[[0, -1]]
        for _, curve in curves.group_by("run")
    ]
    return float(np.min(ends)), float(np.max(ends))
