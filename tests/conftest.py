"""Types are checked at run time in tests only; warnings are errors (pyproject).

Programs are compiled fast rather than well: tests compile much and compute little. What
a test starts as a process of its own is compiled as users' programs are.

Compiled programs take memory maps, of which Linux allows a process some 65,000: one
that has too many is killed. They are dropped between test files before that.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")

install_import_hook("allometry", "beartype.beartype").__enter__()

import jax  # noqa: E402  (after the platform is chosen)

jax.config.update("jax_disable_most_optimizations", True)

#: Maps after which compiled programs are dropped.
MANY = 20_000


@pytest.fixture(autouse=True, scope="module")
def few_maps() -> Iterator[None]:
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()
