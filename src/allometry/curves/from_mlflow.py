"""MLflow's local store: the folder `mlruns`, or the SQLite file `mlflow.db`.

In the folder, a run has `metrics/NAME` with lines of time, value and step, and its
parameters and tags as one file each; the database holds the same in tables.
"""

import contextlib
import sqlite3
from pathlib import Path

import polars as pl

from allometry.refusal import Refusal

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
#: Longest text of a parameter that is kept as a column.
_LONGEST = 200


def is_run(path: Path) -> bool:
    """Say whether a path is a run's folder, or a database."""
    if path.is_dir():
        return (path / "metrics").is_dir()
    return path.suffix.lower() in _SUFFIXES


def read(path: Path) -> pl.DataFrame:
    """Read a run's folder, or all runs of a database: a row per step.

    Raises `Refusal` for what is neither, with file and line.
    """
    return _folder(path) if path.is_dir() else _database(path)


def _folder(path: Path) -> pl.DataFrame:
    rows: list[tuple[str, int, float]] = []
    metrics = path / "metrics"
    for file in sorted(child for child in metrics.rglob("*") if child.is_file()):
        rows += _metric(file, str(file.relative_to(metrics)))
    if not rows:
        raise Refusal(f"{path} has logged no metric.")
    about = {"run": _text(path / "tags" / "mlflow.runName") or path.name}
    for file in sorted((path / "params").glob("*")):
        about[file.name] = _text(file)
    return _pivoted(rows).with_columns(
        **{name: pl.lit(_number(value)) for name, value in about.items()}
    )


def _metric(file: Path, name: str) -> list[tuple[str, int, float]]:
    """Read a metric's file: lines of time, value and step."""
    rows = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} cannot be read ({error}).") from error
    for number, line in enumerate(lines, 1):
        try:
            _, value, *step = line.split()
            rows.append((name, int(step[0]) if step else 0, float(value)))
        except (ValueError, IndexError) as error:
            raise Refusal(
                f"{file}, line {number}: time, value and step are needed, not "
                f"{line[:60]!r}."
            ) from error
    return rows


def _database(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise Refusal(f"{path} does not exist.")
    try:
        # Read-only: another process may be logging there.
        place = f"{path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
            metrics = connection.execute(
                "SELECT run_uuid, key, step, CASE WHEN is_nan THEN NULL ELSE value END "
                "FROM metrics ORDER BY timestamp"
            ).fetchall()
            names = dict(connection.execute("SELECT run_uuid, name FROM runs"))
            params = connection.execute(
                "SELECT run_uuid, key, value FROM params"
            ).fetchall()
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise Refusal(f"{path} is no database of MLflow ({error}).") from error
    if not metrics:
        raise Refusal(f"{path} has logged no metric.")
    frames = []
    called = list(names.values())
    for run in dict.fromkeys(row[0] for row in metrics):
        rows = [
            (str(key), int(step), float("nan") if value is None else float(value))
            for uuid, key, step, value in metrics
            if uuid == run
        ]
        name = names.get(run) or run
        own = {key: value for uuid, key, value in params if uuid == run}
        own["run"] = f"{name} {run}" if called.count(name) > 1 else name
        frames.append(
            _pivoted(rows).with_columns(
                **{k: pl.lit(_number(str(v))) for k, v in own.items()}
            )
        )
    return pl.concat(frames, how="diagonal_relaxed")


def _pivoted(rows: list[tuple[str, int, float]]) -> pl.DataFrame:
    """Turn (name, step, value) into a row per step; a later value replaces one."""
    kept: dict[int, dict[str, float]] = {}
    for name, step, value in rows:
        kept.setdefault(step, {})[name] = value
    names = list(dict.fromkeys(name for name, _, _ in rows))
    steps = sorted(kept)
    columns = {
        name: pl.Series([kept[step].get(name) for step in steps], dtype=pl.Float64)
        for name in names
        if name != "step"
    }
    return pl.DataFrame({"step": pl.Series(steps, dtype=pl.Int64), **columns})


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()[:_LONGEST]
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
