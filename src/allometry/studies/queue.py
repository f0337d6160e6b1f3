"""Queues: the bundles of a study that are left, for the threads of one process.

Every process has its own and looks into the store: what is free there is claimed by one
of them only. The largest come first, so that nobody waits for one at the end; what was
last seen with other workers comes after the rest.
"""

import threading
from collections.abc import Callable, Hashable, Iterable

from allometry.curves import owner
from allometry.curves.claim import Claim, LostClaim
from allometry.curves.observer import Observer
from allometry.curves.store import Store
from allometry.studies.facts import Facts
from allometry.studies.watcher import Watcher

#: Whether there is room for all of these bundles at once.
Fit = Callable[[Iterable[Facts]], bool]


class NoRoom(Exception):
    """The next bundle does not fit beside those that train in the same memory."""


class Queue:
    """Claims bundles for threads, and knows which are with other workers."""

    def __init__(
        self,
        known: Iterable[Facts],
        store: Store,
        watcher: Watcher,
        lease: float,
        fit: Fit = lambda facts: True,
    ):
        """Begin with all bundles; which are finished is seen when they are met.

        `fit` is asked of a bundle and those that train beside it.
        """
        ordered = sorted(known, key=lambda facts: facts.flops, reverse=True)
        self._left = {facts.bundle.name: facts for facts in ordered}
        self._store = store
        self._watcher = watcher
        self._observer = Observer(store, lease)
        self._fit = fit
        self._here: dict[str, Hashable] = {}
        self._elsewhere: set[str] = set()
        self._last = False
        self._lock = threading.Lock()

    @property
    def elsewhere(self) -> int:
        """Bundles that were with other workers at the last look."""
        return len(self._elsewhere)

    @property
    def is_empty(self) -> bool:
        """Whether every bundle was seen finished."""
        return not self._left

    @property
    def was_last(self) -> bool:
        """Whether the last bundle to be finished was finished by this process."""
        return self.is_empty and self._last

    def take(self, memory: Hashable = None) -> tuple[Facts, Claim] | None:
        """Claim the next bundle that is free; None if there is none now.

        `memory` names that in which it is to train. Raises NoRoom, and claims nothing,
        if it has to wait for one that trains there, and Damaged for a bundle whose
        record cannot be gone on from.
        """
        with self._lock:
            for name in sorted(self._left, key=self._elsewhere.__contains__):
                if name not in self._here and (claim := self._claimed(name, memory)):
                    self._here[name] = memory
                    return self._left[name], claim
            self._last = self._last and not self._elsewhere
            return None

    def give_back(self, name: str, *, finished: bool) -> None:
        """Say that a thread is done with a bundle that it took."""
        with self._lock:
            del self._here[name]
            if finished:
                del self._left[name]
                self._last = True

    def _claimed(self, name: str, memory: Hashable) -> Claim | None:
        found = self._observer.look(name)
        self._elsewhere.discard(name)
        if found.finished:
            self._watcher.elsewhere(self._left.pop(name).bundle)
            return None
        if found.free:
            beside = [each for each, where in self._here.items() if where == memory]
            if beside and not self._fit(self._left[each] for each in (name, *beside)):
                raise NoRoom
            try:
                return self._store.claim(name, owner.this_process(), found.version)
            except LostClaim:  # another worker was faster
                pass
        self._elsewhere.add(name)
        return None
