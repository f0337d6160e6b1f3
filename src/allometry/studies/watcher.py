"""Watchers: who is told how a study gets on in this process."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from allometry.studies.grid import Bundle


@runtime_checkable
class Watcher(Protocol):
    """Who is told how bundles get on; called from the threads that train them."""

    def started(self, bundle: Bundle, interactions: int) -> None:
        """Say that a bundle goes on after `interactions` of each of its runs."""
        ...

    def advanced(self, bundle: Bundle, interactions: int) -> None:
        """Say that each run of a bundle has trained `interactions` more."""
        ...

    def finished(self, bundle: Bundle, nonfinite: Sequence[str]) -> None:
        """Say that a bundle is complete, and which of its runs diverged."""
        ...

    def left(self, bundle: Bundle, sentence: str) -> None:
        """Say that a bundle was lost to another worker."""
        ...

    def elsewhere(self, bundle: Bundle) -> None:
        """Say that a bundle was found complete: trained before, or by another."""
        ...

    def waiting(self, bundles: int) -> None:
        """Say that nothing is free, and how many bundles other workers hold."""
        ...

    def warned(self, sentence: str) -> None:
        """Say what casts a doubt on the record of a bundle."""
        ...
