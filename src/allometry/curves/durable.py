"""Durable files: written whole and there for good, or not there at all.

The only place that relies on the guarantees of a disk, and, through `objects`, on those
of a bucket. `create_if_absent` is the store's compare-and-swap:
it alone decides who commits.
"""

import contextlib
import errno
import itertools
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from allometry.curves import objects
from allometry.curves.place import Place, Remote
from allometry.refusal import Refusal

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV})
#: Answers of a bucket that are waited for at the same time.
AT_ONCE = 16
Item = TypeVar("Item")
Found = TypeVar("Found")


class Damaged(Refusal):
    """A file that is not what was written, named with what is wrong with it."""

    def __init__(self, path: Place, reason: str, remedy: str = ""):
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}. {remedy or _remedy(path)}")


def reached(point: str) -> None:
    """Mark a point where a crash must do no harm: tests end the process here."""


def write(path: Place, data: bytes) -> None:
    """Write a file that no record names yet, and make its bytes durable.

    The name itself is durable after `sync_folder`. A failure raises a Refusal and
    leaves no file behind on a disk; in a bucket it may turn up later, whole.
    """
    if isinstance(path, Remote):
        objects.write(path, data)
        reached("put")
        return
    with _refusing(path):
        _write_synced(path, data)


def sync_folder(folder: Place) -> None:
    """Make the names in `folder` durable; in a bucket they are."""
    if isinstance(folder, Remote):
        return
    with _refusing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(folder: Place) -> None:
    """Create `folder` and its parents where missing, durably; a bucket has none."""
    if isinstance(folder, Remote) or folder.is_dir():
        return
    make_folder(folder.parent)
    with _refusing(folder):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def create_if_absent(path: Place, data: bytes) -> bool:
    """Write `path` whole and durably unless it exists; say whether it was written.

    Of any number of processes that try at once, exactly one is told yes. In a bucket
    that holds if all of them write different bytes.
    """
    if isinstance(path, Remote):
        won = objects.create(path, data)
        reached("created")
        return won
    with _refusing(path):
        staged = _stage(path, data)
        try:
            os.link(staged, path)
        except FileExistsError:
            return False
        except FileNotFoundError:  # swept by an owner who is ahead of this one
            return False
        finally:
            staged.unlink(missing_ok=True)
        reached("linked")
        sync_folder(path.parent)
        reached("folder synced")
    return True


def is_surely_absent(path: Place) -> bool:
    """Say whether a file whose writing has failed is not there and will never be.

    A disk knows. To a bucket a put may still be under way whose answer was lost.
    """
    return isinstance(path, Path) and not path.exists()


def replace(path: Place, data: bytes) -> None:
    """Put `data` in the place of what `path` held, atomically and durably."""
    if isinstance(path, Remote):
        objects.write(path, data)
        reached("put")
        return
    with _refusing(path):
        staged = _stage(path, data)
        os.replace(staged, path)
        reached("replaced")
        sync_folder(path.parent)


def names(folder: Place) -> list[str]:
    """List what is in `folder`, in no order; nothing if it does not exist.

    Raises Damaged if it cannot be listed.
    """
    if isinstance(folder, Remote):
        return objects.names(folder)
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Damaged(folder, f"cannot be read ({error.strerror})") from error


def exists(path: Place) -> bool:
    """Say whether there is anything at `path`; a folder in a bucket is nothing."""
    if isinstance(path, Path):
        return path.exists()
    try:
        objects.read(path, 1)
    except FileNotFoundError:
        return False
    return True


def is_folder(path: Place) -> bool:
    """Say whether there is a folder at `path`: in a bucket, if anything is below it."""
    return path.is_dir() if isinstance(path, Path) else bool(objects.names(path))


def each(
    place: Place, verb: Callable[[Item], Found], items: Iterable[Item]
) -> Iterator[Found]:
    """Read or write one item after another at `place`; in a bucket, many at a time."""
    if isinstance(place, Path):
        yield from map(verb, items)
        return
    left = iter(items)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(itertools.islice(left, 8 * AT_ONCE)):
            yield from pool.map(verb, some)


def remove(path: Place) -> None:
    """Remove a file that no record names; what cannot be removed stays."""
    if isinstance(path, Remote):
        with contextlib.suppress(Refusal):
            objects.remove(path)
        return
    with contextlib.suppress(OSError):
        path.unlink()


def read(path: Place, limit: int) -> bytes:
    """Read at most `limit` bytes of a regular file.

    Raises FileNotFoundError, and Damaged for anything but a regular file (a pipe would
    wait for ever) or one beyond the limit. A bucket that cannot be asked is no damage,
    and raises another Refusal.
    """
    if isinstance(path, Remote):
        data = objects.read(path, limit + 1)
        if len(data) > limit:
            raise Damaged(path, f"has more than the {limit} bytes expected")
        return data
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(path, f"cannot be read ({error.strerror})") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise Damaged(path, "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if about.st_size > limit:
            raise Damaged(path, f"has {about.st_size} bytes where {limit} are expected")
        try:
            return file.read(about.st_size)
        except OSError as error:
            raise Damaged(path, f"cannot be read ({error.strerror})") from error


def _stage(path: Path, data: bytes) -> Path:
    staged = path.with_name(f"tmp-{path.name}-{secrets.token_hex(4)}")
    _write_synced(staged, data)
    return staged


def _write_synced(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)  # left by an attempt that failed
    try:
        with path.open("xb") as file:
            reached("opened")
            file.write(data)
            file.flush()
            reached("written")
            os.fsync(file.fileno())
        reached("synced")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence with a remedy."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in NO_ROOM:
            remedy = "Free some disk space (or raise the file-size limit)"
        elif error.errno in NO_LINKS:
            remedy = "Choose a folder that you own, on a file system with hard links"
        else:
            remedy = "Check that the folder exists and that you may write to it"
        raise Refusal(
            f"{path} cannot be written: {why}. {remedy}, then run the same command "
            "again; everything recorded so far is intact."
        ) from error


def _remedy(path: Place) -> str:
    folder = path if isinstance(path, Path) and path.is_dir() else path.parent
    return (
        "If its bundle is not finished, the same `allometry run` goes on from the "
        "record before it; otherwise restore the file from a copy, or move "
        f"{folder} away and run the study again to train the bundle anew."
    )
