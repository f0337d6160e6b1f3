"""Observers: which bundles a worker may claim, by what it has seen itself."""

import dataclasses
import time
from collections.abc import Callable
from typing import NamedTuple

from allometry.curves import owner
from allometry.curves.lease import BEATS, Heartbeat
from allometry.curves.manifest import Manifest
from allometry.curves.store import Store


class Look(NamedTuple):
    """What a look at a bundle has found: finished, free to be claimed, or neither."""

    version: int
    """Its newest manifest: what a claim must find unchanged."""
    free: bool
    finished: bool


Sign = tuple[int, Heartbeat | None]


@dataclasses.dataclass
class _Silence:
    """The last sign of an owner, and the seconds for which it has not changed."""

    sign: Sign
    seen: float
    seconds: float = 0.0


class Observer:
    """Looks at bundles again and again; remembers when their owners changed a sign."""

    def __init__(
        self, store: Store, lease: float, clock: Callable[[], float] = time.monotonic
    ):
        """Have seen nothing; `lease` is for owners that do not state theirs."""
        self._store = store
        self._lease = lease
        self._clock = clock
        self._silences: dict[str, _Silence] = {}

    def look(self, bundle: str) -> Look:
        """Look at a bundle; raises Damaged if none of its manifests is sound."""
        version = self._store.version(bundle)
        state = self._store.manifest(bundle)
        finished = state is not None and state.finished
        return Look(version, not finished and self._is_free(state), finished)

    def _is_free(self, state: Manifest | None) -> bool:
        if state is None:
            return True
        sign = self._store.heartbeat(state.bundle, state.token)
        if (sign is not None and sign.released) or owner.is_gone(state.owner):
            return True
        lease = self._lease if sign is None else sign.lease
        return self._silent(state.bundle, (state.version, sign), lease) >= lease

    def _silent(self, bundle: str, sign: Sign, lease: float) -> float:
        """Give the seconds for which the owner was seen to give no new sign.

        Between two looks a heartbeat's distance counts at most: while this worker
        itself stood still, the owner may have stood still with it.
        """
        now, known = self._clock(), self._silences.get(bundle)
        if known is None or known.sign != sign:
            self._silences[bundle] = _Silence(sign, now)
            return 0.0
        known.seconds += min(now - known.seen, lease / BEATS)
        known.seen = now
        return known.seconds
