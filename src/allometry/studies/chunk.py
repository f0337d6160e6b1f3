"""Chunk: what comes of training from one checkpoint of the curves to the next."""

from typing import Any, NamedTuple

from jaxtyping import Array, Bool, Float, Int


class Chunk(NamedTuple):
    """What came of a chunk of one run; of a bundle, with a leading axis of runs `[M]`.

    Where a run is not `finite` its state is the last good one, for good.
    """

    members: Any
    """The state: a `Member`, or the `Peers` of a population."""
    metrics: dict[str, Float[Array, "..."]]
    """Means over the chunk; of a population by member `[N]`."""
    performance: dict[str, Float[Array, "..."]]
    """What the `Measure` found, of the member that is measured."""
    finite: Bool[Array, "..."]
    scored: Int[Array, "..."]
    """Which member is measured; 0 where there is one only."""
    by_member: dict[str, Float[Array, "..."]]
    """What was found of each member of a population `[N]`, where that is cheap."""
