"""Devices: rows of which each device of a mesh takes its part, where a mesh is in use.

Who trains says over which devices (`jax.set_mesh` with an axis `AXIS`), and XLA divides
the work by the arrays that are laid so. What is computed stays the same but for the
order in which sums are taken.
"""

import jax
from jax.sharding import PartitionSpec
from jaxtyping import PyTree

#: The name of the axis of a mesh over which copies and rows are laid.
AXIS = "devices"


def divided(rows: PyTree) -> PyTree:
    """Lay the first axis of every array over the devices in use; none: as it is."""
    if AXIS not in jax.sharding.get_abstract_mesh().axis_names:
        return rows
    return jax.lax.with_sharding_constraint(rows, PartitionSpec(AXIS))
