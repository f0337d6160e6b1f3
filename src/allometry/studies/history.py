"""History: who claimed a bundle, with what code, and when each commit was made.

Older manifests are swept, so the newest one carries this in its metadata. It depends on
the machine and the hour; nothing is computed from it. What a fall-back to an older
commit cuts off is cut from the history too.
"""

import time
from collections.abc import Mapping
from typing import Any

from allometry.curves.code_version import this_code
from allometry.curves.manifest import Manifest

#: What is kept of an owner: never anything of the environment.
OWNER = ("host", "pid", "time")

#: `attempts` and `commits`, in their order.
History = Mapping[str, list[dict[str, Any]]]


def begun(claimed: Manifest) -> History:
    """Give the history of a bundle up to the claim that has just been won."""
    before = claimed.metadata.get("history") or {}
    owner = {key: claimed.owner[key] for key in OWNER if key in claimed.owner}
    attempt = {
        "attempt": claimed.attempts,
        "checkpoint": claimed.metadata.get("checkpoint", 0),
        "code_version": this_code(),
        **owner,
    }
    return {
        "attempts": [*before.get("attempts", ()), attempt],
        "commits": list(before.get("commits", ())),
    }


def committed(history: History, last: Manifest, counts: Mapping[str, Any]) -> History:
    """Add the commit that follows `last`; times are seconds since 1970.

    `counts` tells the `checkpoint` and the `interactions` at which the rows end.
    """
    commit = {
        "version": last.version + 1,
        "attempt": last.attempts,
        "checkpoint": counts["checkpoint"],
        "interactions": counts["interactions"],
        "time": time.time(),
    }
    return {**history, "commits": [*history["commits"], commit]}
