"""Fingerprint: a hash of all that decides a run's numbers.

Two attempts with one fingerprint give the same deterministic columns bit for bit; if
it changes on the way, the record says so.
"""

import dataclasses
import functools
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata, resources
from typing import Any

import jax

from allometry.studies import layout
from allometry.studies.grid import Bundle
from allometry.studies.schema import Study

#: Rooms whose source decides numbers; the drawing of a page does not.
ROOMS = ("specs.py", "environments", "networks", "agents", "studies")
LIBRARIES = ("jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")
#: Settings of JAX that decide numbers; each is also a variable of the environment.
JAX_OPTIONS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_random_seed_offset",
    "jax_disable_most_optimizations",
    "jax_optimization_level",
)


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What decides the numbers of a bundle, and its hash of 16 hexadecimal digits."""

    decided_by: dict[str, Any]

    @functools.cached_property
    def text(self) -> str:
        """The hash."""
        return _hash(json.dumps(self.decided_by, sort_keys=True).encode())


def fingerprint(study: Study, bundle: Bundle) -> Fingerprint:
    """Name what decides the numbers of a bundle; nothing else of the machine."""
    resolved = study.resolved
    device = layout.here()
    training = dict(resolved["training"])
    count = training.pop("devices")
    kind = f"{device.platform} {device.device_kind} {platform.machine()}"
    return Fingerprint(
        {
            "environment": resolved["environment"],
            "agent": resolved["agent"],
            "training": training,
            "population": resolved["population"],
            "evaluation": resolved["evaluation"],
            "bundle": [run.name for run in bundle.runs],
            "code": code(),
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
            "jax_config": jax_config(),
            "device": kind if count == 1 else f"{count} × {kind}",
            # Hashed: flags may hold paths, which are nobody's business.
            "xla_flags": _hash(os.environ.get("XLA_FLAGS", "").encode()),
        }
    )


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what differs between two of `decided_by`.

    What an older record does not hold counts as different: nobody knows what it was.
    """
    names = sorted({*before, *now}) if before else []
    return [name for name in names if before.get(name) != now.get(name)]


def jax_config() -> dict[str, Any]:
    """Give the settings of JAX that decide numbers; None where it has no such one."""
    return {name: jax.config.values.get(name) for name in JAX_OPTIONS}


@functools.cache
def code() -> str:
    """Hash the source of the rooms that decide numbers."""
    sources = b""
    for room in ROOMS:
        for name, text in _sources(resources.files("allometry") / room, room):
            sources += name.encode() + b"\0" + text + b"\0"
    return _hash(sources)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _sources(place: Any, name: str) -> list[tuple[str, bytes]]:
    if place.is_file():
        return [(name, place.read_bytes())] if name.endswith(".py") else []
    inside = sorted(place.iterdir(), key=lambda child: child.name)
    return [
        source for child in inside for source in _sources(child, f"{name}/{child.name}")
    ]
