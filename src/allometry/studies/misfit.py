"""Misfit: a value of a study that its own agent, environment or law cannot use.

What the schema of the file cannot know. Nothing is loaded or built here, so that a
mistake is told at once, but an environment whose options no signature lists.
"""

import dataclasses
import inspect
import itertools
import math
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from allometry.agents.registry import AGENTS
from allometry.environments.registry import ENVIRONMENTS, make
from allometry.laws import request
from allometry.refusal import Refusal
from allometry.studies import final, grid
from allometry.studies.schema import Study

#: Environments whose runs are tested by playing.
PLAYED = ("xland",)


class Misfit(ValueError):
    """A value that cannot be used; `keys` are the dotted keys that might be changed."""

    def __init__(self, key: str, sentence: str, *others: str):
        """Hold the keys, by which the line can be found."""
        super().__init__(sentence)
        self.keys = (key, *others)


def check(study: Study) -> None:
    """Raise `Misfit` at the first value that cannot be used."""
    _check_environment(study.environment)
    _check_environments(study)
    _check_agents(study)
    _check_grid(study)
    _check_training(study)
    _check_population(study)
    _check_evaluation(study)
    _check_law(study)


def wording(error: ValidationError, key: str) -> str:
    """Say in a sentence what Pydantic found wrong with the value of `key`.

    Where one of several types would do, what is wrong with each was found.
    """
    first, *others = error.errors()
    given = first["input"]
    same = [first, *(other for other in others if other["input"] is given)]
    reasons = [problem["msg"].removeprefix("Value error, ") for problem in same]
    reasons = [reason[0].lower() + reason[1:] for reason in dict.fromkeys(reasons)]
    return f"{key} is {_shown(given)}; {' or '.join(reasons)}."


def _check_environment(section: Mapping[str, Any]) -> None:
    name = _named(section, "environment", ENVIRONMENTS)
    constructor = ENVIRONMENTS[name]
    parameters = inspect.signature(constructor).parameters.values()
    known = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    types = typing.get_type_hints(constructor)
    options = {option: value for option, value in section.items() if option != "name"}
    for option, value in options.items():
        key = f"environment.{option}"
        if option in known:
            _check_value(key, value, types[option])
        elif len(known) == len(parameters):
            raise Misfit(key, _no_key("environment", name, option, known))
    if len(known) < len(parameters):
        try:
            make(name, **options)
        except Refusal as error:
            key = _first_named("environment", options, str(error))
            raise Misfit(key, str(error)) from None


def _check_environments(study: Study) -> None:
    """Check every environment of the grid, as if it stood in the section."""
    axes = study.grid.environment
    for axis in axes:
        if axis in study.environment:
            raise Misfit(
                f"grid.environment.{axis}",
                f"environment.{axis} gives one value and grid.environment.{axis} "
                "several; keep one of the two keys.",
                f"environment.{axis}",
            )
        if axis in study.grid.agent:
            raise Misfit(
                f"grid.environment.{axis}",
                f"{axis} is an axis of the agent too, and a column can hold one of "
                "them only; fix one of the two.",
                f"grid.agent.{axis}",
            )
    for values in itertools.product(*axes.values()) if axes else ():
        varied = dict(zip(axes, values, strict=True))
        try:
            _check_environment(study.environment | varied)
        except Misfit as error:
            keys = [key.rpartition(".")[2] for key in error.keys]
            named = [f"grid.environment.{key}" for key in keys if key in axes]
            raise Misfit(*(named or error.keys)[:1], str(error), *error.keys) from None


def _check_agents(study: Study) -> None:
    """Check the agent, or each of the agents that the grid names."""
    names = study.grid.agent.get("name")
    if names is None:
        names = [_named(study.agent, "agent", AGENTS)]
    elif "name" in study.agent:
        raise Misfit(
            "grid.agent.name",
            "agent.name gives one agent and grid.agent.name several; keep one of the "
            "two keys.",
            "agent.name",
        )
    for name in names:
        if name not in AGENTS:
            raise Misfit(
                "grid.agent.name",
                f"grid.agent.name holds {_shown(name)}; choose some of: "
                f"{', '.join(AGENTS)}.",
            )
        _check_agent(study, str(name))
    for name in [key for key in study.agent if key in AGENTS]:
        _check_section(study, name)


def _check_section(study: Study, name: str) -> None:
    """Check the section of keys that only one agent has, trained or not."""
    section, key = study.agent[name], f"agent.{name}"
    if not isinstance(section, dict):
        raise Misfit(
            key,
            f"{key} is {_shown(section)}; make it a section of keys that only this "
            "agent has, or set agent.name.",
        )
    _check_keys(name, {f"{key}.{own}": [value] for own, value in section.items()})
    for twice in [own for own in section if own in study.grid.agent]:
        raise Misfit(
            f"grid.agent.{twice}",
            f"{key}.{twice} gives one value and grid.agent.{twice} several; keep one "
            "of the two keys.",
            f"{key}.{twice}",
        )


def _check_agent(study: Study, name: str) -> None:
    """Check every value that an agent has from the sections and the grid's axes."""
    fixed = {f"agent.{key}": [value] for key, value in study.agent.items()}
    varied = {f"grid.agent.{key}": values for key, values in study.grid.agent.items()}
    apart = {f"agent.{key}" for key in ("name", *AGENTS)} | {"grid.agent.name"}
    given = fixed | varied
    _check_keys(name, {key: given[key] for key in given if key not in apart})


def _check_keys(name: str, given: Mapping[str, Sequence[Any]]) -> None:
    """Check the values of dotted keys that are an agent's."""
    types = typing.get_type_hints(AGENTS[name], include_extras=True)
    known = [*(field.name for field in dataclasses.fields(AGENTS[name])), "horizon"]
    for key, values in given.items():
        last = key.rpartition(".")[2]
        if last not in known:
            raise Misfit(key, _no_key("agent", name, last, known))
        for value in values:
            if last == "horizon":
                _check_horizon(key, value)
            else:
                _check_value(key, value, types[last])


def _check_grid(study: Study) -> None:
    """Check that every run of the grid is another one."""
    for axis in study.grid.agent:
        if axis in study.agent:
            raise Misfit(
                f"grid.agent.{axis}",
                f"agent.{axis} gives one value and grid.agent.{axis} several; keep "
                "one of the two keys.",
                f"agent.{axis}",
            )
    named = study.grid.agent.get("name", [study.agent.get("name")])
    given = [{*grid.own_keys(study, str(name)), *study.grid.agent} for name in named]
    if any({"horizon", "discount"} <= keys for keys in given):
        raise Misfit(
            "grid.agent.horizon" if "horizon" in study.grid.agent else "agent.horizon",
            "horizon and discount say the same thing (γ = 1 − 2/(h + 1)); keep one of "
            "the two keys.",
            "grid.agent.discount",
            "agent.discount",
        )
    several = {
        f"grid.{part}.{axis}": values
        for part in ("agent", "environment")
        for axis, values in getattr(study.grid, part).items()
    }
    for key, values in (several | {"grid.seeds": study.seeds}).items():
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise Misfit(key, f"{key} holds {_shown(twice[0])} twice; keep one.")


def _check_training(study: Study) -> None:
    """Check that batches can be cut as the agent wants, and where curves begin."""
    training = study.training
    first = training.first_checkpoint
    if first is not None and first > training.interactions:
        raise Misfit(
            "training.first_checkpoint",
            f"training.first_checkpoint is {first:,}, after the end of a run; give at "
            f"most training.interactions, {training.interactions:,}.",
        )
    if training.copies % training.devices:
        raise Misfit(
            "training.devices",
            f"training.devices is {training.devices}, among which training.copies = "
            f"{training.copies} cannot be divided evenly; change one of these keys so "
            "that it can.",
            "training.copies",
        )
    _check_coplayers(study)
    for name in study.grid.agent.get("name", [study.agent.get("name")]):
        _check_minibatches(study, str(name))


def _check_coplayers(study: Study) -> None:
    """Check that what is said of co-players is of those that there are."""
    training = study.training
    others = ("snapshots", "random", "still")
    for key, used_by in (
        ("coplayers_share", others),
        ("snapshots", others[:1]),
        ("snapshot_every", others[:1]),
    ):
        there = training.coplayers in used_by
        if getattr(training, key) is not None and not there:
            raise Misfit(
                f"training.{key}",
                f"training.{key} is given, and training.coplayers is "
                f'"{training.coplayers}"; set that to "snapshots", or leave '
                f"training.{key} out.",
                "training.coplayers",
            )


def _check_minibatches(study: Study, name: str) -> None:
    fields = dataclasses.fields(AGENTS[name])
    defaults = {field.name: field.default for field in fields}
    if "minibatches" not in defaults:
        return
    training = study.training
    own = grid.own_keys(study, name)
    fixed = own.get("minibatches", defaults["minibatches"])
    batch = training.copies * training.length
    for minibatches in study.grid.agent.get("minibatches", [fixed]):
        if batch % int(minibatches):
            raise Misfit(
                "training.length",
                f"training.copies × training.length is {training.copies} × "
                f"{training.length} = {batch} steps, which agent.minibatches = "
                f"{minibatches} does not divide; change one of these keys so that it "
                "does.",
                "training.copies",
                f"agent.{name}.minibatches",
                "agent.minibatches",
                "grid.agent.minibatches",
            )


def _check_population(study: Study) -> None:
    """Check that every agent of the grid can be that of a population."""
    if study.population is None:
        return
    try:
        grid.runs(study)
    except Refusal as error:
        section = study.population.model_dump()
        key = _first_named("population", section, str(error))
        raise Misfit(key, str(error), "population") from None


def _check_evaluation(study: Study) -> None:
    """Check what is asked for at the end, and that there is something to play."""
    if study.evaluation is None:
        return
    if study.environment["name"] not in PLAYED:
        raise Misfit(
            "evaluation",
            f'the environment "{study.environment["name"]}" is measured exactly, not '
            "by playing; leave the section [evaluation] out.",
        )
    try:
        final.protocol(study.evaluation)
    except Refusal as error:
        raise Misfit("evaluation.final_splits", str(error)) from None


def _check_law(study: Study) -> None:
    """Check the section `[law]`, and that the axis it names is one of the grid."""
    try:
        by = request.from_mapping(study.law).by
    except Refusal as error:
        raise Misfit(_first_named("law", study.law, str(error)), str(error)) from None
    for axis in (by,) if isinstance(by, str) else by or ():
        if axis not in study.axes:
            axes = ", ".join(study.axes) or "none"
            raise Misfit(
                "law.by", f"law.by is {axis!r}; name one axis of the grid: {axes}."
            )


def _named(section: Mapping[str, Any], what: str, known: Mapping[str, Any]) -> str:
    """Give the name of an agent or environment that exists."""
    names = ", ".join(known)
    if "name" not in section:
        raise Misfit(
            what, f'the key "{what}.name" is missing; add it, one of: {names}.'
        )
    name = section["name"]
    if not isinstance(name, str) or name not in known:
        raise Misfit(
            f"{what}.name", f"{what}.name is {_shown(name)}; choose one of: {names}."
        )
    return name


def _check_value(key: str, value: Any, kind: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Misfit(key, f"{key} is {value}; give a finite number.")
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise Misfit(key, wording(error, key)) from None


def _check_horizon(key: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 1 <= value < math.inf:
        raise Misfit(
            key, f"{key} is {_shown(value)}; give a number of steps, at least 1."
        )


def _no_key(what: str, name: str, key: str, known: Sequence[str]) -> str:
    listed = ", ".join(known) or "none"
    return f'the {what} "{name}" has no key "{key}"; its keys are: {listed}.'


def _first_named(name: str, section: Mapping[str, Any], sentence: str) -> str:
    """Find the key of a section of which a sentence speaks."""
    found = {
        match.start(): key
        for key in section
        if (match := re.search(rf"\b{re.escape(key)}\b", sentence))
    }
    return f"{name}.{found[min(found)]}" if found else name


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
