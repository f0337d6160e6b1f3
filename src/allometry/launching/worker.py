"""Workers: the command that every place starts, and what it is told.

A worker is told where the store is and how often to commit. Everything else it finds in
the store when it starts, so that a job may be started again, anywhere, at any time.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from allometry.curves.place import Place
from allometry.refusal import Refusal
from allometry.studies.fingerprint import JAX_OPTIONS

#: What is passed on from the environment of whoever launches: what decides numbers or
#: the device, and never a secret. A job has the rest from the machine it runs on.
PASSED = ("JAX_PLATFORMS", "XLA_FLAGS", *(name.upper() for name in JAX_OPTIONS))


@dataclasses.dataclass(frozen=True)
class Worker:
    """What a worker is told."""

    store: str
    commit_every: float
    """Seconds between commits."""
    lease: float
    """Seconds without a sign of life after which others may take its bundle over."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words after `python` that start it.

        `-P`: a folder allometry/ where it is started is not the package.
        """
        options = (f"--commit-every={self.commit_every}", f"--lease={self.lease}")
        return ("-P", "-m", "allometry", "work", self.store, *options)


def worker(store: Place, commit_every: float, lease: float) -> Worker:
    """Make a worker that finds the store wherever it is started.

    Raises `Refusal` for a store that is in this process alone.
    """
    if isinstance(store, Path):
        store = store.resolve()
    elif store.scheme == "memory":
        raise Refusal(
            f"{store} is in the memory of this process, where no other worker sees it: "
            "name a folder or a bucket."
        )
    return Worker(str(store), commit_every, lease)


def passed() -> Mapping[str, str]:
    """Give those of `PASSED` that are set here."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}
