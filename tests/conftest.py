"""Types are checked at run time in tests only; warnings are errors (pyproject)."""

import os

from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")

install_import_hook("allometry", "beartype.beartype").__enter__()
