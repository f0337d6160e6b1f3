"""Stable-Baselines3: `progress.csv` of its logger, or `monitor.csv` of its wrapper.

A monitor has a line of JSON, then a row per episode: return r, length l, time t. The
monitors of one folder are those of a vectorised environment: their episodes are put in
order of time, interactions are the sum of lengths so far, and performance is the mean
return of the last 100 episodes.
"""

import io
import json
from pathlib import Path

import polars as pl

from allometry.curves.delimited import read_delimited
from allometry.refusal import Refusal

PROGRESS, MONITOR = "progress.csv", "monitor.csv"
#: Episodes whose returns are averaged, as SB3 does for `ep_rew_mean`.
WINDOW = 100


def is_run(path: Path) -> bool:
    """Say whether a folder is one run's."""
    return path.is_dir() and bool((path / PROGRESS).is_file() or _monitors(path))


def read(path: Path) -> pl.DataFrame:
    """Read a run's folder, or one of its files.

    Raises `Refusal` with file and line where it is none of the two.
    """
    if path.is_dir():
        progress = path / PROGRESS
        if progress.is_file():
            return read_delimited(progress)
        return _episodes(_monitors(path))
    if path.name.endswith(MONITOR):
        return _episodes([path])
    return read_delimited(path)


def _monitors(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(MONITOR))


def _episodes(files: list[Path]) -> pl.DataFrame:
    starts, frames = zip(*(_monitor(file) for file in files), strict=True)
    episodes = pl.concat(frames).sort("t", maintain_order=True)
    if episodes.is_empty():
        raise Refusal(f"{files[0]} holds no episode yet.")
    returns = pl.col("r").rolling_mean(WINDOW, min_samples=1)
    return episodes.select(
        interactions=pl.col("l").cum_sum(),
        performance=returns,
        seconds=pl.col("t") - min(starts),
    )


def _monitor(file: Path) -> tuple[float, pl.DataFrame]:
    """Read one monitor: its start, and columns r, l and t; times since 1970."""
    try:
        head, _, rest = file.read_text(encoding="utf-8-sig").partition("\n")
        start = float(json.loads(head.lstrip("#")).get("t_start", 0.0))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise Refusal(
            f"{file}, line 1 should be '#' and a JSON object, as SB3's Monitor writes "
            f"it ({error})."
        ) from error
    try:
        frame = pl.read_csv(io.StringIO(rest), infer_schema=False)
        numbers = frame.select(pl.col("r", "l", "t").cast(pl.Float64, strict=False))
    except pl.exceptions.PolarsError as error:
        raise Refusal(
            f"{file}, line 2 and on: columns r, l and t are needed ({error})."
        ) from error
    # A run that was killed leaves a torn last line.
    whole = (
        numbers[:-1] if numbers[-1:].null_count().sum_horizontal().sum() else numbers
    )
    torn = whole.with_row_index().filter(pl.any_horizontal(pl.all().is_null()))
    if not torn.is_empty():
        raise Refusal(
            f"{file}, line {torn['index'][0] + 3}: r, l and t should be numbers."
        )
    return start, whole.with_columns(t=pl.col("t") + start)
