"""Failure: an error that ends the training of a bundle, kept in its record.

Rows and checkpoint stay those of the last commit, and whoever claims the bundle next
goes on from there; the commit after that no longer tells of it.
"""

import contextlib
from collections.abc import Iterator

from allometry.curves.claim import Claim, LostClaim
from allometry.refusal import Refusal

#: Characters of an error that are kept.
LONGEST = 1000


@contextlib.contextmanager
def recorded(claim: Claim, fingerprint: str) -> Iterator[None]:
    """Record an error that ends this `with` block, and let it pass.

    The record says its kind and its message, never a traceback or a value beside them.
    Where nothing can be written (a full disk, a bundle that another has claimed) the
    error passes all the same.
    """
    try:
        yield
    except LostClaim:
        raise
    except Exception as error:
        with contextlib.suppress(Refusal):
            _record(claim, fingerprint, f"{type(error).__name__}: {error}"[:LONGEST])
        raise


def _record(claim: Claim, fingerprint: str, sentence: str) -> None:
    state = claim.manifest
    if state.finished:
        return
    running = [run for run, status in state.status.items() if status == "running"]
    claim.commit(
        curves=None,
        scores=None,
        checkpoint=None,
        metadata={**state.metadata, "failure": sentence},
        status=dict.fromkeys(running, "failed"),
        fingerprint=fingerprint,
        finished=False,
    )
