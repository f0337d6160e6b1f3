"""Leases: a claim that counts as held while its owner gives signs of life.

The owner of a bundle rewrites `heartbeat-<token>.json` beside its manifests four times
in the length of a lease, and says there when it gives the bundle back. Another worker
may take a bundle over whose owner gave no sign (heartbeat or commit) for that long by
the clock of the worker that looks, so that the clocks of machines need not agree.

A lease decides only who works on what. What counts is decided by claims and their
tokens alone: a wrong guess costs work, never a record.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from allometry.curves import durable, manifest, objects, sealed
from allometry.curves.claim import Claim, LostClaim
from allometry.curves.durable import Damaged
from allometry.curves.place import Place
from allometry.refusal import Refusal

#: Seconds, where nothing else was asked for.
SECONDS = 60.0
#: Heartbeats in the length of a lease.
BEATS = 4
#: Seconds; so long at most can a record make others wait.
LONGEST = 86_400.0


class Heartbeat(BaseModel):
    """A sign of life of the owner of a claim; `count` tells it from the one before."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    token: NonNegativeInt
    count: NonNegativeInt
    lease: Annotated[float, Field(gt=0, le=LONGEST)]
    """Seconds without another sign after which the bundle is free."""
    released: bool = False
    """Whether the owner has given the bundle back."""
    time: float
    """Time of day at the owner, in seconds since 1970; for people only."""


class Lease:
    """The owner's side of a lease, renewed by a thread of its own."""

    def __init__(self, claim: Claim, seconds: float):
        """Give the first sign of life, and go on with it until `end`."""
        self.claim = claim
        self._seconds = seconds
        self._count = 0
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._renewed_by = threading.Thread(target=self._renew, daemon=True)
        self._beat()
        self._renewed_by.start()

    def check(self) -> None:
        """Raise LostClaim if another claim has been seen; a commit finds any."""
        if self._lost.is_set():
            raise self.claim.lost()

    def end(self, *, released: bool) -> None:
        """Give no more signs; with `released` say that the bundle is free."""
        self._ended.set()
        self._renewed_by.join()
        if self.claim.manifest.finished:
            self.claim.tidy()
        elif released:
            with objects.patient(self._seconds / BEATS):
                self._beat(released=True)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / BEATS):
            # Where a server does not answer, the next beat asks again.
            with objects.patient(self._seconds / BEATS):
                if self._is_taken():
                    self._lost.set()
                    return
                self._beat()

    def _is_taken(self) -> bool:
        with contextlib.suppress(Refusal):
            newest = manifest.newest(self.claim.folder)
            return newest is not None and newest.token > self.claim.manifest.token
        return False

    def _beat(self, *, released: bool = False) -> None:
        """Write the heartbeat; where that fails, the lease runs out by itself."""
        token = self.claim.manifest.token
        self._count += 1
        sign = Heartbeat(
            token=token,
            count=self._count,
            lease=self._seconds,
            released=released,
            time=time.time(),
        )
        with contextlib.suppress(Refusal):
            durable.replace(path_of(self.claim.folder, token), sealed.seal(sign))


@contextlib.contextmanager
def leased(claim: Claim, seconds: float) -> Iterator[Lease]:
    """Hold a claim for a `with` block, and give it back at the end."""
    lease = Lease(claim, seconds)
    try:
        yield lease
    except LostClaim:
        lease.end(released=False)
        raise
    except BaseException:
        lease.end(released=True)
        raise
    lease.end(released=True)


def path_of(folder: Place, token: int) -> Place:
    """Give the path of the heartbeat of a claim."""
    return folder / f"heartbeat-{token:08d}.json"


def heartbeat(folder: Place, token: int) -> Heartbeat | None:
    """Read the last sign of life of a claim's owner; None if there is no sound one."""
    try:
        return sealed.unseal(path_of(folder, token), Heartbeat)
    except (FileNotFoundError, Damaged):
        return None
