"""The schema of a study file: its tables and keys, each documented where it stands.

A study is TOML. A key that is not declared here is refused. What the agent's, the
environment's and the law's own keys may hold is known to them: see `misfit`.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from allometry.agents.training import Schedule

Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[FiniteFloat, Field(strict=True)]
Axis = Annotated[list[Whole | Number | str], Field(min_length=1)]


class Section(BaseModel):
    """A table of a study file; keys that it does not declare are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Training(Section):
    """How long each run trains, in what batches, and where its curve is measured."""

    interactions: Count
    """Agent steps of each run, rounded up to a whole number of batches."""
    copies: Count = 16
    """Instances of the environment that act side by side."""
    length: Count = 128
    """Steps of each copy between updates; one batch is copies × length."""
    checkpoints: Count = 40
    """Points of each curve, log-spaced; fewer where batches are coarser than that."""
    first_checkpoint: Count | None = None
    """Interactions at the first point; 1/128 of the training if not given."""

    def checkpoint_iterations(self, iteration_interactions: int) -> tuple[int, ...]:
        """List the iterations after which curves are measured: log-spaced.

        The last is the end. Points that fall on the same iteration count once.
        """
        total = -(-self.interactions // iteration_interactions)
        if self.checkpoints == 1:
            return (total,)
        first = self.first_checkpoint or self.interactions // 128
        first_iteration = min(max(1, round(first / iteration_interactions)), total)
        points = np.geomspace(first_iteration, total, self.checkpoints)
        return tuple(sorted({*np.round(points).astype(int).tolist(), total}))


class Grid(Section):
    """The grid: every combination of the axes, each with every seed."""

    seeds: Count | Annotated[list[Seed], Field(min_length=1)] = 3
    """How many seeds, or which."""
    agent: dict[str, Axis] = {}
    """Values of the agent's keys that vary: width, depth, horizon, …"""
    runs_per_bundle: Count = 16
    """Most runs that share one program. Part of what decides the numbers."""


class Study(Section):
    """A whole study file."""

    name: Name
    """Name of the study; the file's own name if not given."""
    title: str = ""
    """Heading of the report."""
    description: str = ""
    """What is varied and why, for the report."""
    environment: dict[str, Any]
    """`name` of the environment and its options."""
    agent: dict[str, Any]
    """`name` of the agent and its hyper-parameters; `horizon` sets the discount."""
    training: Training
    grid: Grid
    law: dict[str, Any] = {}
    """`form` of the law and its settings; `by` is the axis that has a law each."""

    @property
    def resolved(self) -> dict[str, Any]:
        """The study with its defaults filled in, as JSON-able values."""
        return self.model_dump(mode="json")

    @property
    def seeds(self) -> list[int]:
        """The seeds of each point of the grid."""
        seeds = self.grid.seeds
        return list(range(seeds)) if isinstance(seeds, int) else seeds

    @property
    def schedule(self) -> Schedule:
        """The ratio of collecting to learning."""
        return Schedule(self.training.copies, self.training.length)
