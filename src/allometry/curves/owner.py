"""Owners: which process holds a bundle, and whether it is known to have ended.

Only a process of this very machine can be known to have ended: same boot, same process
namespace, so that two containers of one name are never taken for each other.
"""

import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """Describe this process, as JSON-able values for a manifest."""
    return {
        "host": platform.node(),
        "machine": _machine(),
        "pid": os.getpid(),
        "began": _began(os.getpid()),
        "time": time.time(),
    }


def is_gone(owner: Mapping[str, Any]) -> bool:
    """Say whether `owner` is known to have ended; False where nobody can tell."""
    machine, pid = owner.get("machine"), owner.get("pid")
    if machine is None or machine != _machine() or not isinstance(pid, int) or pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # somebody else's, and alive; no number
        return False
    # A number may have been given anew, and a process that ended may not be buried.
    return _began(pid) != owner.get("began")


def told(owner: Mapping[str, Any]) -> str:
    """Name an owner in a sentence."""
    pid, host = owner.get("pid"), owner.get("host")
    return f"process {pid} on {host}" if pid and host else "another process"


def _machine() -> str | None:
    """Tell this boot and process namespace from all others; None if they cannot be."""
    if sys.platform == "darwin":
        return platform.node()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _began(pid: int) -> int | None:
    """Give when a process began, in clock ticks; None if it has ended or is unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything: fields 3 and 22 are counted after it.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
