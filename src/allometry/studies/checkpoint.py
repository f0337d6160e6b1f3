"""Checkpoint: the state of a bundle's members as named arrays, and back.

State is everything (parameters, optimiser, averages, environment, keys), so a name
per leaf is all that is needed; the tree itself is rebuilt from the study.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from allometry.refusal import Refusal


def pack(state: PyTree) -> dict[str, np.ndarray]:
    """Name every leaf of `state` by its path and bring it to the host."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def unpack(template: PyTree, arrays: dict[str, np.ndarray], where: str) -> PyTree:
    """Rebuild the state that `pack` was given, shaped like `template`.

    Raises `Refusal` if the arrays are those of another architecture.
    """
    leaves = jax.tree_util.tree_leaves_with_path(template)
    wanted = {_name(path): (leaf.shape, leaf.dtype) for path, leaf in leaves}
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise Refusal(
                f"The checkpoint of {where} belongs to another architecture: it has "
                f"{_say(found.get(name))} for {name}, and the study needs "
                f"{_say(wanted.get(name))}. Give the study a folder of its own (--out)."
            )
    return jax.tree_util.tree_unflatten(
        jax.tree_util.tree_structure(template),
        [jnp.asarray(arrays[_name(path)]) for path, _ in leaves],
    )


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _say(array: tuple | None) -> str:
    return "nothing" if array is None else f"{array[1]}{list(array[0])}"
