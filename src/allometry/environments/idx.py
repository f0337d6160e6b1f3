"""IDX files: the format in which MNIST and its kin are published.

Big-endian: two zero bytes, a type code (8 is unsigned byte), the number of axes, one
32-bit length per axis, then the bytes themselves. Plain or gzip, told apart by their
first two bytes and not by their names.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from allometry.refusal import Refusal

UNSIGNED_BYTE = 8
GZIP_MAGIC = b"\x1f\x8b"

#: No IDX file of digits is larger (MNIST's images take 47 MB): stops a gzip file made
#: to fill the memory.
LARGEST = 2**30

AGAIN = "Fetch the file again."


def find(folder: Path, name: str) -> Path:
    """Find an IDX file by its published name, such as `train-images-idx3-ubyte`.

    The spelling `train-images.idx3-ubyte` and either with `.gz` will do. Raises
    `Refusal` if there is none.
    """
    for spelling in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            path = folder / (spelling + suffix)
            if path.is_file():
                return path
    raise Refusal(
        f"The folder {folder} has no file {name} (or {name}.gz). Put the four IDX "
        "files of MNIST there under their published names."
    )


def read(path: Path, axes: int) -> UInt8[np.ndarray, "..."]:
    """Read an IDX file of unsigned bytes with `axes` axes.

    Raises `Refusal` if the file cannot be read, its gzip stream is damaged, its magic
    number is not that of such a file, or its length is not what its header says.
    """
    content = _content(path)
    header = 4 + 4 * axes
    magic = bytes([0, 0, UNSIGNED_BYTE, axes])
    if content[:4] != magic:
        raise Refusal(
            f"{path} does not begin with the magic number {magic.hex()} of an IDX file "
            f"of bytes with {axes} axes, but with {content[:4].hex() or 'nothing'}. "
            f"Is it the right file? {AGAIN}"
        )
    if len(content) < header:
        raise Refusal(f"{path} ends within its header. {AGAIN}")
    shape = struct.unpack(f">{axes}I", content[4:header])
    expected = header + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise Refusal(
            f"{path} should have {expected:,} bytes by its header (axes of length "
            f"{' × '.join(map(str, shape))}) and has {len(content):,}. {AGAIN}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refusal(f"{path} is a damaged gzip file ({error}). {AGAIN}") from error
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}). Check its permissions."
        ) from error
    if len(content) > LARGEST:
        raise Refusal(
            f"{path} holds more than {LARGEST:,} bytes, which no file of digits does. "
            "Is it the right file?"
        )
    return content
