"""Checkpoints: named arrays in one safetensors file, which cannot run code."""

from collections.abc import Mapping

import numpy as np
import safetensors
import safetensors.numpy

from allometry.curves import durable
from allometry.curves.durable import Damaged
from allometry.curves.manifest import FileRecord
from allometry.curves.place import Place

#: Bytes of names and shapes; bounds the memory that a hostile file can take.
HEADER_LIMIT = 16 * 2**20


def write(folder: Place, name: str, arrays: Mapping[str, np.ndarray]) -> FileRecord:
    """Write `arrays` of any shape and numeric type, and describe the file."""
    # safetensors writes memory as it lies: a transposed array would come back wrong.
    ordered = {key: np.asarray(arrays[key], order="C") for key in sorted(arrays)}
    data = safetensors.numpy.save(ordered)
    durable.write(folder / name, data)
    return FileRecord.of(name, data)


def read(folder: Place, record: FileRecord) -> dict[str, np.ndarray]:
    """Read the arrays back; raises Damaged if the file is not what was written."""
    path = folder / record.name
    data = record.read(folder)
    if int.from_bytes(data[:8], "little") > min(HEADER_LIMIT, len(data)):
        raise Damaged(path, "is no safetensors file: its header is longer than allowed")
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise Damaged(path, f"is no safetensors file ({error})") from error
