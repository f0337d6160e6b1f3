"""Run scores: what each run of each task scored, read off tables and curves.

One number per run: a curve's last, or where it passes a place; made comparable over
tasks by a lowest and a highest score of each.
"""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from allometry.laws.arrays import Array
from allometry.laws.frame import to_polars
from allometry.refusal import Refusal

#: Scores of one method: task → its runs' scores.
Scores = Mapping[str, Array]
#: Tasks whose scores' ranges differ by more than this factor need one scale.
_APART = 10


def scores_of(table: Any, *, by: str, task: str, score: str) -> dict[str, Scores]:
    """Read scores by method and task from a frame with one row per run.

    Methods stand in the order of the frame, or from low to high where they are
    numbers. Raises `Refusal` for a column that is missing, and for a score that is not
    finite.
    """
    frame = to_polars(table)
    _require(frame, by, task, score=score)
    if frame[by].dtype.is_numeric():
        frame = frame.sort(by, maintain_order=True, nulls_last=True)
    wrong = frame.filter(~pl.col(score).is_finite().fill_null(False))
    if not wrong.is_empty():
        raise Refusal(
            f"Column {score!r} is not finite for {by} {label_of(wrong[by][0])!r} on "
            f"{label_of(wrong[task][0])!r} ({wrong.height} such rows): give a run that "
            "diverged the score of chance (--chance); leaving it out would flatter the "
            "method."
        )
    found: dict[str, dict[str, Array]] = {}
    for (method, name), rows in frame.group_by(by, task, maintain_order=True):
        values = rows[score].cast(pl.Float64).to_numpy()
        found.setdefault(label_of(method), {})[label_of(name)] = values
    return {method: dict(sorted(tasks.items())) for method, tasks in found.items()}


def normalised(
    table: Any, low: Mapping[str, float], high: Mapping[str, float], *,
    task: str = "task", score: str = "performance",
) -> pl.DataFrame:  # fmt: skip
    """Put scores on one scale: (score − low)/(high − low) of their task.

    Tasks that are numbers are named as they are written in short: 1 and 2.5.

    Raises `Refusal` for a column that is missing, for scores that are no numbers, and
    for a task without both, or with high not above low.
    """
    frame = to_polars(table)
    _require(frame, task, score=score)
    bottom, top = {}, {}
    for name in frame[task].unique().sort().to_list():
        label = label_of(name)
        bottom[name] = low.get(label, math.nan)
        top[name] = high.get(label, math.nan)
        if not -math.inf < bottom[name] < top[name] < math.inf:
            raise Refusal(
                f"Task {label!r} needs a low and a high score, high above low, to be "
                f"normalised. Give both: --low {label}=NUMBER --high {label}=NUMBER."
            )
    least = pl.col(task).replace_strict(bottom, return_dtype=pl.Float64)
    most = pl.col(task).replace_strict(top, return_dtype=pl.Float64)
    scaled = (pl.col(score) - least) / (most - least)
    return frame.with_columns(scaled.alias(score))


def final_scores(
    table: Any, *, axis: str = "interactions", score: str = "performance",
    at: float | None = None, last: int = 1, chance: float | None = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:  # fmt: skip
    """Turn curves into one row per run: its score at the end, or `at` a place.

    The score is the mean of the last `last` checkpoints, of those up to `at` if it is
    given; runs that end before `at`, or begin after it, are left out. One that went
    non-finite scores `chance`, or is left out. What is left out is said in the second
    value.

    Raises `Refusal` for a column that is missing or holds no numbers, for an `at` or a
    `chance` that is not finite, and where no run is left.
    """
    frame = to_polars(table)
    for name in (axis, "run"):
        if name not in frame.columns:
            raise Refusal(
                "Scores at the end of a run, or at a place, are read off curves, and "
                f"the table has no column {name!r}; it has: "
                f"{', '.join(frame.columns)}. Name it, --column {name}=NAME; or leave "
                "out --at, and every row is a run's score."
            )
    _require(frame, score=axis)
    _require(frame, score=score)
    _refuse_chance(chance)
    said: list[str] = []
    if at is not None:
        frame, said = _until(frame, axis, at)
    others = [n for n in frame.columns if n not in ("run", axis, score)]
    counts = frame.group_by("run").agg(pl.col(others).n_unique())
    static = [name for name in others if counts[name].max() == 1]
    tail = frame.sort("run", axis).group_by("run", maintain_order=True).tail(last)
    value = pl.col(score).cast(pl.Float64)
    lost = (value.is_null() | ~value.is_finite()).any()
    rows = tail.group_by("run", maintain_order=True).agg(
        pl.col(static).last(), value.mean(), lost.alias("lost")
    )
    if diverged := int(rows["lost"].sum()):
        if chance is None:
            rows = rows.filter(~pl.col("lost"))
            if rows.is_empty():
                raise Refusal(
                    "Every run went non-finite, and no score is left: say what chance "
                    "scores (--chance)."
                )
            said.append(
                f"{diverged} runs went non-finite and are left out, which flatters "
                "their method: say what chance scores."
            )
        else:
            given = pl.when("lost").then(chance).otherwise(pl.col(score))
            rows = rows.with_columns(given.alias(score))
            said.append(f"{diverged} runs went non-finite and score {chance:g}.")
    return rows.drop("lost"), tuple(said)


def with_chance(
    table: Any, chance: float, *, score: str = "performance"
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Give runs without a finite score, a row each, that of `chance`; say how many.

    Raises `Refusal` for a column that is missing or holds no numbers, and for a
    `chance` that is not finite.
    """
    frame = to_polars(table)
    _require(frame, score=score)
    _refuse_chance(chance)
    value = pl.col(score).cast(pl.Float64)
    lost = ~value.is_finite().fill_null(False)
    count = int(frame.select(lost.sum()).item())
    given = pl.when(lost).then(pl.lit(chance)).otherwise(value)
    runs = "1 run has" if count == 1 else f"{count} runs have"
    said = (f"{runs} no finite score, and {chance:g} is taken for it.",)
    return frame.with_columns(given.alias(score)), said if count else ()


def scales(
    table: Any, *, task: str = "task", score: str = "performance"
) -> tuple[str, ...]:
    """Warn of tasks whose scores are on different scales, where they are.

    Their ranges, over all methods and runs, then differ by more than a factor of 10.
    """
    frame = to_polars(table)
    _require(frame, task, score=score)
    value = pl.col(score).cast(pl.Float64)
    ranges = (
        frame.filter(value.is_finite().fill_null(False))
        .group_by(task)
        .agg((value.max() - value.min()).alias("range"))
        .filter(pl.col("range") > 0)
        .sort("range")
    )
    if ranges.height < 2 or ranges["range"][-1] <= _APART * ranges["range"][0]:
        return ()
    (small, least), (large, most) = (
        (label_of(name), value) for name, value in (ranges.row(0), ranges.row(-1))
    )
    return (
        f"Scores range over {most:.3g} on {large} and over {least:.3g} on {small}: the "
        "task with the largest numbers decides. Put tasks on one scale: --low and "
        "--high.",
    )


def _refuse_chance(chance: float | None) -> None:
    if chance is not None and not math.isfinite(chance):
        raise Refusal(f"chance is {chance:g}: give a finite score.")


def _until(frame: pl.DataFrame, axis: str, at: float) -> tuple[pl.DataFrame, list[str]]:
    """Keep the checkpoints up to `at` of runs that pass it, and say which do not."""
    ends = frame.group_by("run").agg(
        pl.col(axis).min().alias("first"), pl.col(axis).max().alias("last")
    )
    short = ends.filter(pl.col("last") < at)["run"]
    late = ends.filter(pl.col("first") > at)["run"]
    if not math.isfinite(at) or len(short) + len(late) == ends.height:
        low, high = float(frame[axis].min()), float(frame[axis].max())  # type: ignore[arg-type]
        raise Refusal(
            f"No run has a score at {at:g} {axis}: their checkpoints lie at {low:g} to "
            f"{high:g}. Ask for a place that runs pass, or leave out --at and take "
            "their ends."
        )
    said = []
    if len(short):
        said.append(f"{len(short)} runs end before {at:g} and are left out.")
    if len(late):
        said.append(f"{len(late)} runs begin after {at:g} and are left out.")
    passing = ~pl.col("run").is_in([*short, *late])
    return frame.filter(passing & (pl.col(axis) <= at)), said


def _require(frame: pl.DataFrame, *names: str, score: str) -> None:
    """Refuse a column that is missing, and scores that are no numbers."""
    for name in (*names, score):
        if name not in frame.columns:
            raise Refusal(
                f"The table has no column {name!r}; it has: {', '.join(frame.columns)}."
                " Name one of these: --by, --task and --score."
            )
    if not frame[score].dtype.is_numeric():
        raise Refusal(
            f"Column {score!r} holds {frame[score].dtype}, not numbers: name a column "
            "of numbers, or convert it."
        )


def label_of(value: Any) -> str:
    """Write a method or a task: 870 for the 870.0 of a column of numbers."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else str(value)
