"""Places: where files are, on a disk or in a bucket of an object store.

A place on a disk is a `pathlib.Path`. One in a bucket is a `Remote`: it can be named,
joined and printed like a path, and is read and written by `durable` alone. A URL says
which bucket and which key; who may use it, and where the server is, stands in the
environment and nowhere else.
"""

import dataclasses
import re
from pathlib import Path, PurePath

from allometry.refusal import Refusal

#: Scheme → the library that speaks it, and what to install. Each has a put on the
#: condition that the key is absent, on which the store relies.
LIBRARIES = {
    "s3": ("s3fs", "'allometry[s3]'"),
    "gs": ("gcsfs", "'allometry[gcs]'"),
    "memory": ("fsspec", "fsspec"),
}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]+)://(.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NAME = re.compile(r"[^\x00-\x1f\x7f*?#\[\]\\]+")


@dataclasses.dataclass(frozen=True)
class Remote:
    """A place in a bucket: `key` is the bucket and what follows it, `bucket/study`."""

    scheme: str
    key: str

    def __truediv__(self, name: str | PurePath) -> "Remote":
        return Remote(self.scheme, f"{self.key}/{PurePath(name).as_posix()}")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> "Remote":
        """The folder around it; a bucket is its own."""
        return Remote(self.scheme, self.key.rpartition("/")[0] or self.key)

    @property
    def bucket(self) -> "Remote":
        """The bucket that it is in."""
        return Remote(self.scheme, self.key.partition("/")[0])


Place = Path | Remote


def place(name: "str | Place") -> Place:
    """Read what a person has named: a path, or a URL such as `s3://bucket/study`.

    Raises `Refusal` for a URL that no store can be at.
    """
    match = _URL.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        return Path(name) if isinstance(name, str) else name
    scheme, rest = match[1].lower(), match[2]
    if scheme not in LIBRARIES:
        raise Refusal(
            f"{scheme}:// is nothing that a store can be in: name a folder, or a URL "
            "that begins with s3:// or gs://."
        )
    bucket, *names = rest.rstrip("/").split("/")
    if "@" in bucket or ":" in bucket:
        raise Refusal(
            f"A URL of {scheme}:// holds a bucket and a name, no user, password or "
            "port: who may use the bucket, and where the server is, is read from the "
            "environment (such as AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL)."
        )
    if not _BUCKET.fullmatch(bucket) or not all(map(_is_name, names)):
        raise Refusal(
            f"{name} names no place in a bucket: write {scheme}://BUCKET/NAME, without "
            "'..', empty parts and the signs * ? # [ ] \\."
        )
    return Remote(scheme, "/".join([bucket, *names]))


def _is_name(name: str) -> bool:
    return name not in (".", "..") and _NAME.fullmatch(name) is not None
