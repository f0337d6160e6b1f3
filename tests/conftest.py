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

from allometry.curves import objects  # noqa: E402
from tests.s3 import BUCKET, Server  # noqa: E402

#: Maps after which compiled programs are dropped.
MANY = 20_000


@pytest.fixture(autouse=True, scope="module")
def few_maps() -> Iterator[None]:
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    """Start a server of S3 for all tests, with a bucket; clients find it."""
    try:
        import s3fs  # noqa: F401

        server = Server()
    except ImportError:
        if os.environ.get("REQUIRE_S3"):
            raise
        pytest.skip("needs S3: pip install s3fs 'moto[server]>=5.2.5'")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        objects.filesystem("s3", os.getpid()).mkdir(BUCKET)
        yield server
    server.stop()
