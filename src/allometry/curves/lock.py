"""The lock of a store: one process at a time runs a study there.

An advisory `flock`: the kernel frees it when its holder ends, however it ends. The
claims' fencing tokens keep the record sound without it; the lock spares two people
from training the same study twice.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from allometry.refusal import Refusal


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; raises a Refusal that names the holder's process."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise Refusal(
            f"{path} cannot be opened ({error.strerror}). Check that you may write to "
            "its folder."
        ) from error
    try:
        _acquire(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        raise Refusal(
            f"{path.parent} is in use by process {holder or '(starting)'}, which runs "
            "its study. Wait until that ends, or stop it, then run the command again."
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())
