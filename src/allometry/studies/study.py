"""The study file: what to train, on what grid, and which law to look for.

A study is TOML. Every key is documented where it is declared, and an unknown key, a
wrong type or an impossible value is refused by name, with the line and what is
allowed. `resolved` is the file with every default filled in: the one description
that a store keeps and that decides the runs.
"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from allometry.agents.registry import AGENTS
from allometry.laws import request
from allometry.refusal import Refusal
from allometry.studies.toml import line_of, parse_value

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
Axis = Annotated[list[int | float | str], Field(min_length=1)]


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


class Grid(Section):
    """The grid: every combination of the axes, each with every seed."""

    seeds: Count | list[Annotated[int, Field(ge=0)]] = 3
    """How many seeds, or which."""
    agent: dict[str, Axis] = {}
    """Values of the agent's keys that vary: width, depth, horizon, …"""
    runs_per_bundle: Count = 16
    """Most runs that share one program. Part of what decides the numbers."""


class StudyFile(Section):
    """The whole file."""

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


class Study(StudyFile):
    """A study file that has been checked."""

    @property
    def resolved(self) -> dict[str, Any]:
        """The study with every default filled in, as JSON-able values."""
        return self.model_dump(mode="json")

    @property
    def seeds(self) -> list[int]:
        """The seeds of each point of the grid."""
        seeds = self.grid.seeds
        return list(range(seeds)) if isinstance(seeds, int) else seeds


def shipped() -> dict[str, Any]:
    """Find the studies that come with Allometry: name to file."""
    folder = resources.files("allometry.studies") / "shipped"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file
        for file in files
        if file.name.endswith(".toml")
    }


def load(which: str, changes: Sequence[str] = ()) -> Study:
    """Load the shipped study of that name, or the study file at that path.

    `changes` are `key=value` with dotted keys (`training.interactions=4096`), applied
    over the file. Raises `Refusal` naming file, line, key and what is allowed.
    """
    known = shipped()
    if which in known:
        file, where = known[which], f"study {which}"
    elif Path(which).is_file():
        file, where = Path(which), which
    else:
        raise Refusal(
            f'There is no study "{which}". Name a study file (.toml) that exists, or '
            f"one of the studies that come with Allometry: {', '.join(known)}."
        )
    text = _text(file, where)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{where} is not valid TOML: {error}. Mend that line.") from None
    content.setdefault("name", file.name.removesuffix(".toml"))
    changed = [_change(content, change) for change in changes]
    return _check(content, where, text, changed)


def from_mapping(content: Mapping[str, Any], where: str) -> Study:
    """Check a study that is a mapping already, such as the one that a store keeps."""
    return _check(content, where, "", [])


def _text(file: Any, where: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{where} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    except OSError as error:
        raise Refusal(
            f"{where} cannot be read ({error.strerror}). Check its permissions."
        ) from None


def _change(content: dict[str, Any], change: str) -> str:
    """Apply one `key=value` to `content`; return the key."""
    key, equals, value = change.partition("=")
    key = key.strip()
    if not equals or not key:
        raise Refusal(
            f'--set "{change}" is not key=value. '
            "Write, for example, --set training.interactions=65536."
        )
    table = content
    *tables, last = key.split(".")
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise Refusal(f'--set {key}: "{name}" is a value, not a table of keys.')
    table[last] = parse_value(value.strip())
    return key


def _check(
    content: Mapping[str, Any], where: str, text: str, changed: Sequence[str]
) -> Study:
    try:
        study = Study.model_validate(content)
        _check_agent(study)
        _check_law(study)
        return study
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise Refusal(
            f"{_place(where, text, key, changed)}: {_sentence(problem, key)}"
        ) from None
    except Misfit as error:
        raise Refusal(f"{_place(where, text, error.key, changed)}: {error}") from None


class Misfit(ValueError):
    """A value of the study that its agent refuses; `key` is its dotted name."""

    def __init__(self, key: str, sentence: str):
        """Hold the key for which a line can be found."""
        super().__init__(sentence)
        self.key = key


def _check_law(study: Study) -> None:
    """Check the section `[law]`, and that the axis it names is one of the grid."""
    try:
        by = request.from_mapping(study.law).by
    except Refusal as error:
        raise Misfit("law", str(error)) from None
    if by is not None and by not in study.grid.agent:
        axes = ", ".join(study.grid.agent) or "none"
        raise Misfit(
            "law.by", f"law.by is {by!r}; name one axis of grid.agent: {axes}."
        )


def _check_agent(study: Study) -> None:
    """Check the agent's section and the grid's axes."""
    name = study.agent.get("name")
    if name not in AGENTS:
        raise Misfit(
            "agent.name", f"agent.name is {name!r}; choose one of: {', '.join(AGENTS)}."
        )
    allowed = sorted(
        {*TypeAdapter(AGENTS[name]).json_schema()["properties"], "horizon"}
    )
    for axis in study.grid.agent:
        if axis not in allowed:
            raise Misfit(
                f"grid.agent.{axis}",
                f'the agent "{name}" has no key "{axis}" to vary; '
                f"it has: {', '.join(allowed)}.",
            )
    for key, values in _with_axes(study).items():
        if key == "name":
            continue
        if key not in allowed:
            raise Misfit(
                f"agent.{key}",
                f'the agent "{name}" has no key "{key}"; it has: {", ".join(allowed)}.',
            )
        where = f"grid.agent.{key}" if key in study.grid.agent else f"agent.{key}"
        for value in values:
            check_value(name, key, value, where)
    if {"horizon", "discount"} <= {*study.agent, *study.grid.agent}:
        raise Misfit(
            "agent.horizon",
            "agent.horizon and agent.discount say the same thing "
            "(γ = 1 − 2/(h + 1)); give one of them.",
        )


def _with_axes(study: Study) -> dict[str, list[Any]]:
    """Give every key of the agent with all the values that the study gives it."""
    fixed = {key: [value] for key, value in study.agent.items()}
    return fixed | dict(study.grid.agent)


def check_value(agent: str, key: str, value: Any, where: str) -> None:
    """Raise `Misfit` unless `value` is possible for the agent's `key`."""
    if key == "horizon":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not value >= 1:
            raise Misfit(
                where, f"{where} is {value!r}; it is a number of steps, at least 1."
            )
        return
    try:
        TypeAdapter(AGENTS[agent]).validate_python({key: value})
    except ValidationError as error:
        raise Misfit(where, _sentence(error.errors()[0], where)) from None


def _sentence(problem: Mapping[str, Any], key: str) -> str:
    """Say in a sentence what Pydantic found wrong with `key`."""
    kind, given = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        allowed = ", ".join(_allowed(problem["loc"]))
        return f'there is no key "{key}"; the keys here are: {allowed}.'
    if kind == "missing":
        return f'the key "{key}" is missing; add it.'
    wanted = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key} is {given!r}; {wanted}."


def _allowed(location: Sequence[Any]) -> list[str]:
    sections: dict[str, type[Section]] = {"training": Training, "grid": Grid}
    inside = len(location) > 1
    model = sections.get(str(location[0]), StudyFile) if inside else StudyFile
    return list(model.model_fields)


def _place(where: str, text: str, key: str, changed: Sequence[str]) -> str:
    if any(key == change or key.startswith(change + ".") for change in changed):
        return f"--set {key}"
    line = line_of(text, key)
    return f"{where}, line {line}" if line else where
