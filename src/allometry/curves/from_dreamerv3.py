"""The score files that DreamerV3 publishes: `json.gz`, a list of runs.

Each record has task, method, seed, xs (environment steps) and ys (scores).
"""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import polars as pl

from allometry.curves.from_long import column
from allometry.refusal import Refusal

#: No score file is near as large; a larger one is not unpacked.
MOST_BYTES = 500_000_000
_FIELDS = ("task", "method", "seed", "xs", "ys")


def read(path: Path) -> pl.DataFrame:
    """Read one file, packed or not, into rows of task, method, seed, xs and ys.

    Raises `Refusal` for what is no such list, naming the record.
    """
    records = _records(path)
    columns: dict[str, list[Any]] = {name: [] for name in (*_FIELDS, "line")}
    for number, record in enumerate(records, 1):
        xs, ys = _curve(record, path, number)
        for name in ("task", "method", "seed"):
            columns[name] += [record.get(name)] * len(xs)
        columns["xs"] += xs
        columns["ys"] += ys
        columns["line"] += [number] * len(xs)
    if not columns["xs"]:
        raise Refusal(f"{path} holds no curve: its list is empty.")
    return pl.DataFrame({name: column(values) for name, values in columns.items()})


def _records(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal(f"{path} cannot be read ({error}).") from error
    if len(data) > MOST_BYTES:
        raise Refusal(
            f"{path} unpacks to more than {MOST_BYTES // 10**6} MB: no score file is "
            "that large."
        )
    try:
        records = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{path} is no JSON ({error}).") from error
    if not isinstance(records, list):
        raise Refusal(f"{path} should hold a list of runs, with {', '.join(_FIELDS)}.")
    return records


def _curve(record: Any, path: Path, number: int) -> tuple[list[Any], list[Any]]:
    known = isinstance(record, dict)
    xs, ys = (record.get(name) for name in ("xs", "ys")) if known else (None, None)
    if not isinstance(xs, list) or not isinstance(ys, list):
        raise Refusal(
            f"{path}, record {number}: it should be an object with "
            f"{', '.join(_FIELDS)}."
        )
    if len(xs) != len(ys):
        raise Refusal(
            f"{path}, record {number} has {len(xs)} xs and {len(ys)} ys: as many of "
            "one as of the other are needed."
        )
    wrong = [v for v in (*xs, *ys) if not (v is None or isinstance(v, int | float))]
    if wrong:
        raise Refusal(f"{path}, record {number}: {str(wrong[0])[:40]!r} is no number.")
    return xs, ys
