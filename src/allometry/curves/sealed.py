"""Sealed records: JSON files that carry their format number and their own SHA-256.

`{"format": 1, "sha256": "…", "body": {…}}`. The checksum covers the format and the
bytes of the body as they stand in the file, so nothing needs to be serialised anew to
check it, and any JSON reader can still open the file. What is created for one writer
only has a `nonce` too, so that no two writers write the same bytes.
"""

import hashlib
import json
import math
import re
import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from allometry.curves import durable
from allometry.curves.durable import Damaged
from allometry.curves.place import Place
from allometry.refusal import Refusal

FORMAT = 1
#: Bytes; bounds the memory that a hostile record can take.
LIMIT = 8 * 2**20

_ENVELOPE = re.compile(
    rb'\{"format": (\d{1,9}), "sha256": "([0-9a-f]{64})"'
    rb'(?:, "nonce": "([0-9a-f]{32})")?, "body": (.*)\}\n',
    re.DOTALL,
)
Record = TypeVar("Record", bound=pydantic.BaseModel)


def create(path: Place, record: pydantic.BaseModel) -> bool:
    """Create a sealed record unless there is one; say whether this call has done it.

    Raises what `seal` and `durable.create_if_absent` raise.
    """
    return durable.create_if_absent(path, seal(record, secrets.token_hex(16)))


def seal(record: pydantic.BaseModel, nonce: str = "") -> bytes:
    """Write a record as sealed JSON; numbers that are not finite become null.

    Raises ValueError if it has more than `LIMIT` bytes.
    """
    body = json.dumps(_finite(record.model_dump()), allow_nan=False).encode()
    if len(body) > LIMIT - 256:
        raise ValueError(f"a record of {len(body)} bytes exceeds {LIMIT}")
    salt = b', "nonce": "%s"' % nonce.encode() if nonce else b""
    envelope = b'{"format": %d, "sha256": "%s"%s, "body": %s}\n'
    checksum = _checksum(FORMAT, nonce.encode(), body).encode()
    return envelope % (FORMAT, checksum, salt, body)


def unseal(path: Place, kind: type[Record], remedy: str = "") -> Record:
    """Read a sealed record.

    Raises FileNotFoundError, Damaged, or a Refusal for a record of a newer format.
    """
    match = _ENVELOPE.fullmatch(durable.read(path, LIMIT))
    if match is None:
        raise Damaged(path, "is damaged: it is cut or not a record", remedy)
    version, nonce, body = int(match[1]), match[3] or b"", match[4]
    if _checksum(version, nonce, body) != match[2].decode():
        raise Damaged(path, "is damaged: its SHA-256 does not match", remedy)
    if version != FORMAT:
        raise Refusal(
            f"{path} was written in format {version} by a newer Allometry; this one "
            f"reads format {FORMAT}. Install the newer version to use it."
        )
    try:
        return kind.model_validate_json(body)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        raise Damaged(
            path, f"is no valid record: {field}: {first['msg']}", remedy
        ) from error


def _checksum(version: int, nonce: bytes, body: bytes) -> str:
    return hashlib.sha256(b"%d\n" % version + nonce + body).hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
