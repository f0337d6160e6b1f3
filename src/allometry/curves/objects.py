"""Objects: what `durable` does on a disk, done in a bucket through fsspec.

Relied on are a put that is whole or not there, a read and a listing that see every put
before them, and a put on the condition that the key is absent (S3: `If-None-Match`,
Google: `ifGenerationMatch=0`), of which exactly one succeeds.

A server that does not answer is asked again, with growing pauses. So a put may have
been done although its answer was lost: whoever then finds the key taken reads it, and
has won if the bytes are his. That tells writers apart only if no two of them write the
same bytes, which `sealed.create` sees to.
"""

import contextlib
import contextvars
import functools
import importlib
import inspect
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from allometry.curves.place import LIBRARIES, Remote
from allometry.refusal import Refusal

#: Seconds for which a server is asked again: one that has answered this process
#: before, and one that has not, whose address may be wrong.
PATIENCE, FIRST = 180.0, 10.0
#: Seconds between two attempts, at first and at most.
SHORTEST, LONGEST = 0.2, 10.0

#: Errors that may pass, beside those of the system's sockets.
_PASSING = {
    "aiohttp.client_exceptions.ClientError",
    "botocore.exceptions.ConnectionError",
    "botocore.exceptions.HTTPClientError",
    "gcsfs.retry.ChecksumError",
    "google.auth.exceptions.TransportError",
    "requests.exceptions.RequestException",
}
_THEIRS = {"aiobotocore", "aiohttp", "botocore", "gcsfs", "google", "requests"}
_NO_CREDENTIALS = {
    "botocore.exceptions.NoCredentialsError",
    "botocore.exceptions.PartialCredentialsError",
    "botocore.exceptions.ProfileNotFound",
    "google.auth.exceptions.DefaultCredentialsError",
}
#: What S3 answers where it is busy, restarts, or two writers met.
_BUSY = {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
}
#: How botocore and the parser of addresses begin to say that one is no address.
_NO_ADDRESS = ("Invalid endpoint", "Custom endpoint", "Invalid IPv6 URL")
#: Where an address is set; the first that is counts.
_ADDRESSES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_IN_MEMORY = threading.Lock()
_answered: set[str] = set()
_patience = contextvars.ContextVar("patience", default=PATIENCE)
Found = TypeVar("Found")


class Unreachable(Refusal):
    """A bucket whose server did not answer for as long as it was asked."""


@contextlib.contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Ask again for so long at most, in this `with` block of this thread."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def write(place: Remote, data: bytes) -> None:
    """Put an object, whatever was there."""
    try:
        _ask(place, lambda files: files.pipe_file(place.key, data))
    except FileNotFoundError as error:
        raise _no_bucket(place) from error


def create(place: Remote, data: bytes) -> bool:
    """Put an object unless its key is taken; say whether this call has put it.

    Of any number of callers whose `data` differ exactly one is told yes.
    """

    def put(files: Any) -> bool:
        try:
            with _IN_MEMORY if place.scheme == "memory" else contextlib.nullcontext():
                files.pipe_file(place.key, data, mode="create")
            return True
        except OSError as error:
            if not _is_taken(error):
                raise
        try:
            return _first(files, place, len(data) + 1) == data
        except FileNotFoundError:  # swept by an owner who is ahead of this one
            return False

    try:
        return _ask(place, put)
    except FileNotFoundError as error:
        raise _no_bucket(place) from error


def read(place: Remote, most: int) -> bytes:
    """Read the first `most` bytes of an object; raises FileNotFoundError."""
    return _ask(place, lambda files: _first(files, place, most))


def names(folder: Remote) -> list[str]:
    """List the names below `folder`; none if nothing is there."""

    def listed(files: Any) -> list[str]:
        try:
            return list(files.ls(folder.key, detail=False, refresh=True))
        except FileNotFoundError:
            return []

    start = f"{folder.key}/"
    found = (path.lstrip("/") for path in _ask(folder, listed))
    return [path[len(start) :] for path in found if path.startswith(start)]


def remove(place: Remote) -> None:
    """Delete an object, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        _ask(place, lambda files: files.rm_file(place.key))


def _first(files: Any, place: Remote, most: int) -> bytes:
    try:
        return bytes(files.cat_file(place.key, start=0, end=most))
    except Exception as error:
        if _code(error) not in ("416", "InvalidRange"):
            raise
        return b""  # of an empty object there is no first byte


def _ask(place: Remote, question: Callable[[Any], Found]) -> Found:
    """Ask the server until it answers or patience ends; refuse what it refuses."""
    files = filesystem(place.scheme, os.getpid())
    bucket = str(place.bucket)
    patience = min(PATIENCE if bucket in _answered else FIRST, _patience.get())
    end = time.monotonic() + patience
    for number in itertools.count():
        try:
            found = question(files)
        except (FileNotFoundError, FileExistsError):
            _answered.add(bucket)
            raise
        except Exception as error:
            if str(error).startswith(_NO_ADDRESS):
                raise _no_address(place) from error
            if not _is_theirs(error):
                raise
            if not _passes(error):
                raise _refused(place, error) from error
            pause = min(LONGEST, SHORTEST * 2**number) * random.uniform(0.5, 1)
            if time.monotonic() + pause > end:
                if patience >= PATIENCE:  # a short question says little of the server
                    _answered.discard(bucket)
                raise _unreachable(place, error, patience) from error
            time.sleep(pause)
        else:
            _answered.add(bucket)
            return found
    raise AssertionError


@functools.lru_cache
def filesystem(scheme: str, process: int) -> Any:
    """Open fsspec's file system of a scheme: one for all threads of a `process`.

    Options come from fsspec's configuration and from the environment alone.
    """
    library, extra = LIBRARIES[scheme]
    try:
        fsspec = importlib.import_module("fsspec")
        importlib.import_module(library)
    except ImportError as error:
        raise Refusal(
            f"{scheme}:// needs the library {library}, which is not installed: pip "
            f"install {extra}."
        ) from error
    options: dict[str, Any] = {}
    if scheme == "s3":
        own = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {"retries": {"max_attempts": 1}, **own}
    files = fsspec.filesystem(
        scheme, use_listings_cache=False, skip_instance_cache=True, **options
    )
    if scheme == "s3":
        files.retries = 1  # to ask again is for `_ask`, which knows for how long
    put = getattr(files, "_pipe_file", files.pipe_file)
    if "mode" not in inspect.signature(put).parameters:
        raise Refusal(
            f"The {library} that is installed cannot put on a condition, on which a "
            f"store relies. Install a newer one: pip install -U {extra}."
        )
    return files


def _is_theirs(error: Exception) -> bool:
    """Say whether an error is of the server or the way to it, and no defect of ours."""
    rooms = {kind.partition(".")[0] for kind in _kinds(error)}
    return isinstance(error, OSError) or bool(rooms & _THEIRS)


def _passes(error: Exception) -> bool:
    """Say whether the same question may be answered later."""
    if _kinds(error) & _NO_CREDENTIALS or isinstance(error, PermissionError):
        return False
    code = _code(error)
    if code is not None:
        return code in _BUSY or code in ("408", "429") or code.startswith("5")
    if _kinds(error) & _PASSING or isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, OSError) and "Forbidden" not in str(error)


def _kinds(error: Exception) -> set[str]:
    return {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}


def _code(error: BaseException) -> str | None:
    """Find what the server answered: S3's word or the number of HTTP, if any."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code"))
        if each is not None and type(each).__module__.startswith("gcsfs"):
            return None if (code := getattr(each, "code", None)) is None else str(code)
    return None


def _is_taken(error: OSError) -> bool:
    """Say whether a put was refused for its condition, whatever the server's words."""
    if isinstance(error, FileExistsError):
        return True
    return _code(error) in ("412", "PreconditionFailed")


# What a server says beside its code stays out of sentences: they may go on record, and
# it may name an endpoint or an account.
def _refused(place: Remote, error: Exception) -> Refusal:
    if _kinds(error) & _NO_CREDENTIALS:
        where = "gcloud auth" if place.scheme == "gs" else "AWS_ACCESS_KEY_ID"
        return Refusal(
            f"There are no credentials for {place.bucket}. Set them in the environment "
            f"as the cloud's own tools read them ({where}), and run the same command "
            "again."
        )
    code = _code(error) or type(error).__name__
    if isinstance(error, PermissionError) or "Forbidden" in str(error):
        return Refusal(
            f"{place} is refused to you ({code}). Allow this account to read, write, "
            f"list and delete in {place.bucket}, then run the same command again; "
            "everything recorded so far is intact."
        )
    return Refusal(
        f"{place} cannot be used: the server refuses the request ({code}). Check the "
        "bucket's name, region and settings, then run the same command again; "
        "everything recorded so far is intact."
    )


def _unreachable(place: Remote, error: Exception, seconds: float) -> Unreachable:
    code = _code(error) or type(error).__name__
    return Unreachable(
        f"The server of {place.bucket} has not answered for {seconds:.0f} s ({code}). "
        "Check the network and the address (AWS_ENDPOINT_URL, if you set it), then run "
        "the same command again; everything recorded so far is intact."
    )


def _no_address(place: Remote) -> Refusal:
    found = [name for name in _ADDRESSES if os.environ.get(name)]
    named = found[0] if found else "endpoint_url, in the settings of fsspec or of AWS,"
    return Refusal(
        f"{place} cannot be asked: {named} is no address of a server. Write it with "
        "its scheme, such as http://localhost:9000, and run the same command again."
    )


def _no_bucket(place: Remote) -> Refusal:
    return Refusal(
        f"There is no bucket {place.bucket} that you can use. Make it first, or "
        "correct its name."
    )
