"""Types are checked at run time in tests only; warnings are errors (pyproject).

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

#: Maps after which compiled programs are dropped.
MANY = 20_000


@pytest.fixture(autouse=True, scope="module")
def few_maps() -> Iterator[None]:
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY:
        import jax  # not before the platform is chosen above

        jax.clear_caches()
