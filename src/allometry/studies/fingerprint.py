"""Fingerprint: a hash of all that decides a run's numbers.

Two attempts with one fingerprint give the same deterministic columns bit for bit; if
it changes on the way, the record says so.
"""

import functools
import hashlib
import json
import os
import platform
from importlib import metadata, resources
from typing import Any

import jax

from allometry.studies.grid import Bundle
from allometry.studies.study import Study

#: Rooms whose source decides numbers; the drawing of a page does not.
ROOMS = ("specs.py", "environments", "networks", "agents", "studies")
LIBRARIES = ("jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


def describe(study: Study, bundle: Bundle) -> dict[str, Any]:
    """Name what decides the numbers of a bundle; nothing else of the machine."""
    resolved = study.resolved
    device = jax.devices()[0]
    return {
        "environment": resolved["environment"],
        "agent": resolved["agent"],
        "training": resolved["training"],
        "bundle": [run.name for run in bundle.runs],
        "code": code(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "device": f"{device.platform} {device.device_kind} {platform.machine()}",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def fingerprint(study: Study, bundle: Bundle) -> str:
    """Hash `describe` to 16 hexadecimal digits."""
    text = json.dumps(describe(study, bundle), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def code() -> str:
    """Hash the source of the rooms that decide numbers."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for name, text in _sources(resources.files("allometry") / room, room):
            digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


def _sources(place: Any, name: str) -> list[tuple[str, bytes]]:
    if place.is_file():
        return [(name, place.read_bytes())] if name.endswith(".py") else []
    inside = sorted(place.iterdir(), key=lambda child: child.name)
    return [
        source for child in inside for source in _sources(child, f"{name}/{child.name}")
    ]
