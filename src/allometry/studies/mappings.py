"""Mappings: how much of a process's memory map its compiled programs have taken.

XLA maps every function that it compiles on its own. Linux gives a process 65,530
mappings unless told otherwise (`vm.max_map_count`), a program takes thousands, and at
the limit LLVM ends the process.
"""

import gc
from pathlib import Path

import jax

_TAKEN = Path("/proc/self/maps")
_LIMIT = Path("/proc/sys/vm/max_map_count")
#: Above this share of the limit what is compiled is given up.
SHARE = 0.6


def relieve() -> bool:
    """Give up all compiled programs if they have taken too much; say whether it did.

    Programs that are in use end what they do, and are compiled again when next called.
    """
    if share() <= SHARE:
        return False
    gc.collect()
    if share() <= SHARE:
        return False
    jax.clear_caches()
    gc.collect()
    return True


def share() -> float:
    """Give the share of the limit that is taken; 0 where nobody counts."""
    try:
        with _TAKEN.open("rb") as lines:
            return sum(1 for _ in lines) / int(_LIMIT.read_text())
    except (OSError, ValueError):
        return 0.0
