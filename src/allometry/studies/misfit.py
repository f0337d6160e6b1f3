"""Misfit: a value of a study that its own agent, environment or law cannot use.

What the schema of the file cannot know. Nothing is loaded or built here, so that a
mistake is told at once, but an environment whose options no signature lists.
"""

import dataclasses
import inspect
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
from allometry.studies.schema import Study


class Misfit(ValueError):
    """A value that cannot be used; `keys` are the dotted keys that might be changed."""

    def __init__(self, key: str, sentence: str, *others: str):
        """Hold the keys, by which the line can be found."""
        super().__init__(sentence)
        self.keys = (key, *others)


def check(study: Study) -> None:
    """Raise `Misfit` at the first value that cannot be used."""
    _check_environment(study.environment)
    _check_agent(study)
    _check_grid(study)
    _check_training(study)
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


def _check_agent(study: Study) -> None:
    """Check every value that the agent's section and the grid's axes give a key."""
    name = _named(study.agent, "agent", AGENTS)
    types = typing.get_type_hints(AGENTS[name], include_extras=True)
    known = [*(field.name for field in dataclasses.fields(AGENTS[name])), "horizon"]
    fixed = {f"agent.{key}": [value] for key, value in study.agent.items()}
    varied = {f"grid.agent.{key}": values for key, values in study.grid.agent.items()}
    for key, values in (fixed | varied).items():
        last = key.rpartition(".")[2]
        if key == "agent.name":
            continue
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
    if {"horizon", "discount"} <= {*study.agent, *study.grid.agent}:
        raise Misfit(
            "grid.agent.horizon" if "horizon" in study.grid.agent else "agent.horizon",
            "horizon and discount say the same thing (γ = 1 − 2/(h + 1)); keep one of "
            "the two keys.",
            "grid.agent.discount",
            "agent.discount",
        )
    several = {
        f"grid.agent.{axis}": values for axis, values in study.grid.agent.items()
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
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(AGENTS[study.agent["name"]])
    }
    if "minibatches" not in defaults:
        return
    fixed = study.agent.get("minibatches", defaults["minibatches"])
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
                "agent.minibatches",
                "grid.agent.minibatches",
            )


def _check_law(study: Study) -> None:
    """Check the section `[law]`, and that the axis it names is one of the grid."""
    try:
        by = request.from_mapping(study.law).by
    except Refusal as error:
        raise Misfit(_first_named("law", study.law, str(error)), str(error)) from None
    if by is not None and by not in study.grid.agent:
        axes = ", ".join(study.grid.agent) or "none"
        raise Misfit(
            "law.by", f"law.by is {by!r}; name one axis of grid.agent: {axes}."
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
