"""To TensorBoard: an event file per run, written without TensorBoard.

The format is the one that `from_tensorboard` reads. TensorBoard draws floats of 32 bits
and its loader leaves out whatever holds doubles; each value therefore has its double
beside it, in a field that TensorBoard does not know and skips, so that an import gives
the very same curves. What a run has one number of stands under `run/`, at every step.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import numpy as np

from allometry.curves import crc
from allometry.curves.from_tensorboard import EXACT
from allometry.curves.protobuf import written
from allometry.curves.tracked import Row, Run

FILE = "events.out.tfevents.0.allometry"
_VERSION = b"brain.Event:2"
#: Field numbers of the messages Event, Summary and Summary.Value
#: (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
_TIME, _STEP, _FILE_VERSION, _SUMMARY = 1, 2, 3, 5
_VALUE, _TAG, _SIMPLE_VALUE = 1, 1, 2


def write(folder: Path, runs: Iterable[Run]) -> int:
    """Write each run into a folder of its name below `folder`; say how many.

    Characters that a folder's name cannot have are percent-encoded.
    """
    count = 0
    for count, run in enumerate(runs, 1):  # noqa: B007
        own = folder / _plain(run.name)
        own.mkdir(parents=True)
        numbers = {
            f"run/{name}": float(value)
            for name, value in run.about.items()
            if isinstance(value, int | float)
        }
        records = [written(_TIME, run.began) + written(_FILE_VERSION, _VERSION)]
        records += [_event(row, numbers) for row in run.rows]
        (own / FILE).write_bytes(b"".join(map(_record, records)))
    return count


def _record(data: bytes) -> bytes:
    """Frame an event: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(data))
    checks = (struct.pack("<I", crc.masked(part)) for part in (length, data))
    return length + next(checks) + data + next(checks)


def _event(row: Row, numbers: dict[str, float]) -> bytes:
    values = {**row.metrics, **numbers}.items()
    summary = b"".join(written(_VALUE, _value(*value)) for value in values)
    place = written(_TIME, row.time) + written(_STEP, row.step)
    return place + written(_SUMMARY, summary)


def _value(tag: str, value: float) -> bytes:
    with np.errstate(over="ignore"):
        drawn = np.float32(value)
    exact = written(EXACT, value)
    return written(_TAG, tag.encode()) + written(_SIMPLE_VALUE, drawn) + exact


def _plain(name: str) -> str:
    """Turn a name into that of one folder."""
    found = quote(name, safe=" =+,@()[]")
    return f"%2E{found[1:]}" if found.startswith(".") else found
