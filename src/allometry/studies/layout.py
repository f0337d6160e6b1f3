"""Layout: on which devices a bundle trains, and how it is laid over them.

The copies of the environment, and so the batches that they make, are divided among the
devices; learners, tasks and keys are on all of them. A gradient step takes its shuffled
rows from all over the batch: each device holds all rows while it learns, and computes
its part of each minibatch. XLA does the dividing, and sums gradients over devices in an
order of its own: their number is part of what decides the numbers.
"""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from allometry.agents.devices import AXIS
from allometry.agents.population import Peers
from allometry.agents.training import Member
from allometry.refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Layout:
    """The devices of a bundle; those of one process are of one kind."""

    devices: tuple[jax.Device, ...]

    @property
    def memory(self) -> Hashable:
        """Tell the memory in which the bundle is from others of this process."""
        first = self.devices[0]
        return "machine" if first.platform == "cpu" else first.id

    def chosen(self) -> contextlib.AbstractContextManager[Any]:
        """Let this thread compute on the first of these devices, unless told else."""
        if self.devices[0] == jax.local_devices()[0]:
            return contextlib.nullcontext()
        return jax.default_device(self.devices[0])

    def in_use(self) -> contextlib.AbstractContextManager[Any]:
        """Let what is compiled divide its rows among these devices, if several."""
        if len(self.devices) == 1:
            return contextlib.nullcontext()
        return jax.set_mesh(self._mesh)

    def laid(self, states: Any) -> Any:
        """Lay the states of all runs of a bundle over these devices, if several."""
        if len(self.devices) == 1:
            return states
        return jax.device_put(states, self._shardings(states))

    def held(self, states: Any) -> int:
        """Count the bytes that each device holds of states, or of their shapes."""
        if len(self.devices) == 1:
            return sum(_bytes(leaf, leaf.shape) for leaf in jax.tree.leaves(states))
        pairs = zip(
            jax.tree.leaves(states),
            jax.tree.leaves(self._shardings(states)),
            strict=True,
        )
        return sum(_bytes(leaf, each.shard_shape(leaf.shape)) for leaf, each in pairs)

    @functools.cached_property
    def _mesh(self) -> Mesh:
        automatic = (AxisType.Auto,)  # the compiler divides, no type says how
        return Mesh(np.array(self.devices), (AXIS,), axis_types=automatic)

    def _shardings(self, states: Any) -> Any:
        """Say of every array of members or populations `[M, ...]` how it is laid."""
        if not isinstance(states, Peers):
            return self._of_members(states, 1)
        peers = self._divided(states, None)
        return peers._replace(members=self._of_members(states.members, 2))

    def _of_members(self, members: Member, leading: int) -> Member:
        """Do so for members that have so many axes before that of copies."""
        everywhere, loop = self._divided(members, None), members.loop
        laid = everywhere.loop._replace(
            environment=self._divided(loop.environment, leading),
            timestep=self._divided(loop.timestep, leading),
            memory=self._divided(loop.memory, leading),
            replay=self._divided(loop.replay, leading + 1),  # batches, then rows
        )
        if loop.opponents:
            slots = self._divided(loop.opponents.slots, leading)
            laid = laid._replace(opponents=laid.opponents._replace(slots=slots))
        return everywhere._replace(loop=laid)

    def _divided(self, tree: Any, axis: int | None) -> Any:
        """Divide this axis of every array; None: all of it is everywhere."""
        spec = PartitionSpec(*([] if axis is None else [None] * axis + [AXIS]))
        return jax.tree.map(lambda _: NamedSharding(self._mesh, spec), tree)


def first(count: int) -> Layout:
    """Take the first `count` devices of this process; raises `Refusal` if fewer."""
    return groups(count)[0]


def groups(count: int) -> list[Layout]:
    """Divide the devices of this process into groups of `count`.

    Raises `Refusal` if there are fewer.
    """
    devices = jax.local_devices()
    if count > len(devices):
        kinds = ", ".join(sorted({device.device_kind for device in devices}))
        raise Refusal(
            f"training.devices is {count}, and this process sees {len(devices)} "
            f"({kinds}). Train where there are as many, or set training.devices to "
            "what is there: the study goes on, and its record tells of the change."
        )
    return [
        Layout(tuple(devices[start : start + count]))
        for start in range(0, len(devices) - count + 1, count)
    ]


def side_by_side(count: int, workers: int | None) -> list[Layout]:
    """Choose the devices of each worker of this process: `count` for each.

    If not told how many workers, there is one on each accelerator, or one per core on a
    CPU. Raises `Refusal` where there are too few devices.
    """
    found = groups(count)
    cpu = jax.default_backend() == "cpu"
    if count == 1:
        wanted = workers or (cores() if cpu else len(found))
        return [found[0 if cpu else i % len(found)] for i in range(wanted)]
    # Two programs on the same devices could wait for each other for ever.
    if workers is not None and workers > len(found):
        raise Refusal(
            f"--workers {workers} bundles of training.devices = {count} devices each "
            f"need {workers * count}, and this process sees {len(jax.local_devices())}."
            f" Give at most --workers {len(found)}."
        )
    return found[:workers]


def here() -> jax.Device:
    """Give the device on which this thread computes."""
    (device,) = jnp.zeros(()).devices()
    return device


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _bytes(leaf: Any, shape: tuple[int, ...]) -> int:
    return int(np.prod(shape)) * leaf.dtype.itemsize
