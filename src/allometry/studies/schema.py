"""The schema of a study file: its tables and keys, each documented where it stands.

A study is TOML. A key that is not declared here is refused. What the agent's, the
environment's and the law's own keys may hold is known to them: see `misfit`.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from allometry.agents.schedule import Schedule

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
    """Agent steps of each run, rounded up to a whole number of batches.

    Those of a population are summed over its members.
    """
    copies: Count = 16
    """Instances of the environment that act side by side."""
    devices: Count = 1
    """Devices of one machine among which the copies of a bundle are divided."""
    length: Count = 128
    """Steps of each copy between updates; one batch is copies × length."""
    checkpoints: Count = 40
    """Points of each curve, log-spaced; fewer where batches are coarser than that."""
    first_checkpoint: Count | None = None
    """Interactions at the first point; 1/128 of the training if not given."""
    tasks_ready: Count | None = None
    """Tasks that stand ready where episodes begin; 4 × copies if not given."""
    tasks_fresh: Count | None = None
    """How many of them are replaced after each batch; copies / 4 if not given."""
    coplayers: Literal["none", "snapshots", "random", "still"] = "none"
    """Who plays beside the run, with several players: past selves, or a script."""
    coplayers_share: Annotated[float, Field(gt=0, le=1, strict=True)] | None = None
    """Part of the episodes in which they play; half of them if not given."""
    snapshots: Count | None = None
    """Most past selves that are kept; 4 if not given."""
    snapshot_every: Count | None = None
    """Iterations from one to the next; a 20th of the training if not given."""

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


class Population(Section):
    """A run as a population, whose members copy each other; see `agents.population`.

    What can be is known there.
    """

    size: Whole
    """Members of each run, at least 2."""
    ready: Whole = 20
    """Iterations from one exploit to the next."""
    fraction: Number = 0.2
    """How many copy, and how many are copied from: a part of all, at least one."""
    perturb: list[Number] = [0.8, 1.2]
    """Factors, all equally likely, for each explored hyper-parameter of a copy."""
    explored: list[str] = ["learning_rate"]
    """Traced hyper-parameters that copies perturb."""
    spread: Number = 2.0
    """Members begin with the explored ones times 1/spread to spread, log-uniform."""
    smoothing: Number = 4.0
    """Centre of mass of the fitness, in iterations."""


class Evaluation(Section):
    """How runs are tested where performance is measured by playing (XLand).

    At every checkpoint the runs play `tasks` held-out tasks, with as many trials as in
    training; at the end they go through the full protocol, `final`.
    """

    tasks: Count = 128
    """Held-out tasks at every checkpoint; the curves' performance is the mean score."""
    repetitions: Count = 1
    """Episodes of each of these tasks."""
    split: Literal["held_out", "unseen_worlds"] = "held_out"
    """What these tasks are: unseen worlds with unseen games, or with training's."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """A task is done where its score is above this."""
    final_tasks: Annotated[int, Field(ge=0, strict=True)] = 1000
    """Tasks of each split at the end; 0 leaves the full protocol out."""
    final_trials: list[Count] | None = None
    """Numbers of trials of an episode at the end; that of training if not given."""
    final_repetitions: Count = 1
    """Episodes of each task at the end, at each number of trials."""
    final_splits: list[str] = ["held_out"]
    """Splits at the end: held_out, unseen_worlds, and any outside of training."""
    final_probes: bool = False
    """Whether handmade probes are played at the end."""


class Grid(Section):
    """The grid: every combination of the axes, each with every seed."""

    seeds: Count | Annotated[list[Seed], Field(min_length=1)] = 3
    """How many seeds, or which."""
    agent: dict[str, Axis] = {}
    """Values of the agent's keys that vary: width, depth, horizon, name, …"""
    environment: dict[str, Axis] = {}
    """Values of the environment's options that vary: the dials of XLand, …"""
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
    population: Population | None = None
    """Makes every run a population."""
    evaluation: Evaluation | None = None
    """How runs are tested, where that is by playing."""
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
    def axes(self) -> dict[str, list[int | float | str]]:
        """All that varies: the agent's keys first, then the environment's."""
        return {**self.grid.agent, **self.grid.environment}

    @property
    def schedule(self) -> Schedule:
        """The ratio of collecting to learning."""
        return Schedule(self.training.copies, self.training.length)
