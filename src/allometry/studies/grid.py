"""Grid: the runs of a study and the bundles in which they train.

Runs that differ only in seed and traced hyper-parameters have the same program and
train together. Which runs share a bundle is a pure function of the study: a vmapped
program is not bitwise equal to one of another width, so it is part of what decides
the numbers.
"""

import dataclasses
import itertools
import zlib
from typing import Any

import jax
from jaxtyping import Array, Key
from pydantic import TypeAdapter

from allometry.agents.agent import Agent, traced_names
from allometry.agents.population import Population
from allometry.agents.registry import AGENTS
from allometry.agents.returns import discount_of_horizon
from allometry.studies.schema import Study

Covariates = dict[str, int | float | str]


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run: an agent's record, a seed, and what the grid varied."""

    name: str
    seed: int
    agent: Agent
    covariates: Covariates
    environment: tuple[tuple[str, Any], ...] = ()
    """Options of the environment that the grid varies, and their values."""
    population: Population | None = None
    """How it trains as a population, if it does."""

    @property
    def members(self) -> int:
        """Count the learners that train in this run."""
        return 1 if self.population is None else self.population.size

    @property
    def key(self) -> Key[Array, ""]:
        """The run's own randomness, from its seed and its name.

        Were it from the seed alone, all sizes would share their luck.
        """
        number = zlib.crc32(self.name.encode())
        return jax.random.fold_in(jax.random.key(self.seed), number)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """Runs that train in one program; `runs` are in the order of its members."""

    name: str
    runs: tuple[Run, ...]


def bundles(study: Study) -> tuple[Bundle, ...]:
    """List the bundles of a study, in the grid's order."""
    together: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs(study):
        together.setdefault(_program_of(run), []).append(run)
    most = study.grid.runs_per_bundle
    return tuple(
        Bundle(_bundle_name(study, group[0], part), tuple(members))
        for group in together.values()
        for part, members in enumerate(_cut(group, most))
    )


def own_keys(study: Study, name: str) -> dict[str, Any]:
    """Give the keys of one agent: those of all, and over them those of its section."""
    shared = {key: value for key, value in study.agent.items() if key not in AGENTS}
    return shared | study.agent.get(name, {})


def runs(study: Study) -> list[Run]:
    """List the runs of a study: the product of its axes, each with every seed."""
    axes = study.axes
    return [
        _run(study, dict(zip(axes, values, strict=True)), seed)
        for values in itertools.product(*axes.values())
        for seed in study.seeds
    ]


def _run(study: Study, point: Covariates, seed: int) -> Run:
    parts = _parts(point)
    varied = {key: value for key, value in point.items() if key in study.grid.agent}
    named = str(varied.pop("name", study.agent.get("name")))
    agent = own_keys(study, named) | varied
    agent.pop("name", None)
    covariates: Covariates = {
        "agent" if key == "name" else key: value for key, value in point.items()
    }
    if "horizon" in agent:
        covariates["horizon"] = float(agent["horizon"])
        agent["discount"] = discount_of_horizon(agent.pop("horizon"))
    record = TypeAdapter(AGENTS[named]).validate_python(agent)
    options = tuple((key, point[key]) for key in study.grid.environment)
    name = "-".join([*parts, f"seed-{seed}"])
    together = _population(study, record)
    return Run(name, seed, record, covariates, options, together)


def _population(study: Study, agent: Agent) -> Population | None:
    """Make a run's population; raises `Refusal` if there can be none such."""
    if study.population is None:
        return None
    asked = study.population.model_dump()
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in asked.items()
    }
    return Population(agent, **given)


def _cut(group: list[Run], most: int) -> list[list[Run]]:
    return [group[start : start + most] for start in range(0, len(group), most)]


def _program_of(run: Run) -> tuple[Any, ...]:
    """Give what runs must have in common to share a program."""
    traced = traced_names(run.agent)
    values = vars(run.agent).items()
    fixed = tuple(value for name, value in values if name not in traced)
    return (type(run.agent), run.environment, *fixed)


def _bundle_name(study: Study, run: Run, part: int) -> str:
    traced = {*traced_names(run.agent), "horizon"}
    varied = {
        axis: value
        for axis, value in run.covariates.items()
        if (axis in study.axes or axis == "agent") and axis not in traced
    }
    names = _parts(varied) or ["all"]
    return "-".join([*names, *([f"part-{part}"] if part else [])])


def _parts(values: Covariates) -> list[str]:
    """Name values so that a file may have the name: 1e+30 is written 1e30."""
    return [
        (f"{value}" if axis in ("agent", "name") else f"{axis}-{value}").replace(
            "+", ""
        )
        for axis, value in values.items()
    ]
