"""Foreign: what the adapters of other libraries' environments share."""

from typing import Any

import jax
import jax.numpy as jnp

from allometry.refusal import Refusal


def missing(library: str, error: ModuleNotFoundError) -> Exception:
    """Give what to raise where the import of `library` failed with `error`.

    A `Refusal` that names the extra, which has the library's name; `error` itself if it
    is another module that was not found.
    """
    if error.name != library:
        return error
    return Refusal(
        f"{library} is not installed. Install it: pip install 'allometry[{library}]'."
    )


def alike(model: Any, tree: Any) -> Any:
    """Give the arrays and numbers of `tree` the types of `model`'s, to be its carry."""
    return jax.tree.map(lambda like, x: jnp.asarray(x).astype(like.dtype), model, tree)
