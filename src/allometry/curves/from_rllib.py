"""RLlib (Ray Tune): `result.json`, an object per iteration, in a trial's folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from allometry.curves.delimited import read_delimited
from allometry.curves.from_long import from_records, json_lines

RESULT, PROGRESS = "result.json", "progress.csv"
_MEANS = ("episode_return_mean", "episode_reward_mean")
#: Folders are this deep at most in what is read of a record.
_DEEPEST = 8


def is_run(path: Path) -> bool:
    """Say whether a folder is one trial's."""
    return path.is_dir() and any((path / name).is_file() for name in (RESULT, PROGRESS))


def read(path: Path) -> pl.DataFrame:
    """Read a trial's folder or file; nested keys are joined by `/`.

    Raises `Refusal` with file and line where it is no such file.
    """
    if path.is_dir():
        whole = path / RESULT
        path = whole if whole.is_file() else path / PROGRESS
    if path.suffix == ".csv":
        return _without_early_nans(read_delimited(path))
    flat = ((line, dict(_flat(record))) for line, record in json_lines(path))
    frame = from_records(path, flat)
    names = {"config/seed": "seed", "config/env": "task"}
    found = {old: new for old, new in names.items() if old in frame.columns}
    frame = frame.rename(
        {old: new for old, new in found.items() if new not in frame.columns}
    )
    return _without_early_nans(frame)


def _without_early_nans(frame: pl.DataFrame) -> pl.DataFrame:
    """Blank the mean return of no episode, NaN until the first one has ended."""
    means = [
        name
        for name, dtype in frame.schema.items()
        if dtype.is_float() and name.endswith(_MEANS)
    ]
    early = [pl.col(name).is_finite().cum_sum() == 0 for name in means]
    return frame.with_columns(
        pl.when(~before).then(pl.col(name)).alias(name)
        for name, before in zip(means, early, strict=True)
    )


def _flat(
    record: Mapping[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            if depth < _DEEPEST:
                yield from _flat(value, f"{key}/", depth + 1)
        elif isinstance(value, bool):
            yield key, int(value)
        else:
            yield key, value
