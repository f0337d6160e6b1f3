"""Study: a study file, loaded and checked.

An unknown key, a wrong type or an impossible value is refused by name, with the line
and what is allowed. `Study.resolved` is the one description that a store keeps and
that decides the runs.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from allometry.refusal import Refusal
from allometry.studies import misfit, presets
from allometry.studies.misfit import Misfit
from allometry.studies.schema import Evaluation, Grid, Population, Section, Training
from allometry.studies.schema import Study as Study
from allometry.studies.toml import line_of, parse_value


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
    over the file; `preset=smoke` chooses one of its presets. Raises `Refusal` naming
    file, line, key and what is allowed.
    """
    known = shipped()
    if which in known:
        file, where = known[which], f"study {which}"
    elif Path(which).is_file():
        file, where = Path(which), which
    elif Path(which).is_dir():
        raise Refusal(f"{which} is a folder. Name a study file (.toml) in it.")
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
    content.setdefault("name", _name_of(file.name.removesuffix(".toml")))
    preset, others = presets.chosen(changes)
    presets.apply(content, preset, where, _set)
    changed = [_change(content, change) for change in others]
    return _checked(content, where, text, changed)


def from_mapping(content: Mapping[str, Any], where: str) -> Study:
    """Check a study that is a mapping already, such as the one that a store keeps."""
    return _checked(content, where, "", [])


def _text(file: Any, where: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{where} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    except OSError as error:
        raise Refusal(
            f"{where} cannot be read ({error.strerror}). Check its permissions."
        ) from None


def _name_of(stem: str) -> str:
    """Make a name for a study from that of its file."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "study"


def _change(content: dict[str, Any], change: str) -> str:
    """Apply one `key=value` to `content`; return the key."""
    key, equals, value = change.partition("=")
    key = key.strip()
    *tables, last = key.split(".")
    if not equals or not all((*tables, last)):
        raise Refusal(
            f'--set "{change}" is not key=value. '
            "Write, for example, --set training.interactions=65536."
        )
    _set(content, key, parse_value(value.strip()))
    return key


def _set(content: dict[str, Any], key: str, value: Any) -> None:
    """Give a dotted key a value."""
    *tables, last = key.split(".")
    table = content
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise Refusal(
                f'--set {key}: "{name}" is a value, not a table of keys. Set '
                f"{key.rpartition('.')[0]} itself."
            )
    table[last] = value
    _give_way(content, key)


def _give_way(content: dict[str, Any], key: str) -> None:
    """Let an axis take the place of a key's one value, or the other way round."""
    *tables, last = key.split(".")
    rival = {
        "grid.agent": ("agent",),
        "agent": ("grid", "agent"),
        "grid.environment": ("environment",),
        "environment": ("grid", "environment"),
    }.get(".".join(tables))
    if rival is None:
        return
    table: Any = content
    for name in rival:
        table = table.get(name, {}) if isinstance(table, dict) else {}
    if isinstance(table, dict):
        table.pop(last, None)


def _checked(
    content: Mapping[str, Any], where: str, text: str, changed: Sequence[str]
) -> Study:
    keys: tuple[str, ...]
    try:
        study = Study.model_validate(content)
        misfit.check(study)
    except ValidationError as error:
        keys = (_key(error.errors()[0]["loc"]),)
        sentence = _sentence(error, keys[0])
    except Misfit as error:
        keys, sentence = error.keys, str(error)
    else:
        return study
    raise Refusal(f"{_place(where, text, keys, changed)}: {sentence}")


def _key(location: Sequence[int | str]) -> str:
    """Join a location to a dotted key; what Pydantic adds below it is left out."""
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            break
        names.append(part)
    axis = names[:1] == ["grid"] and names[1:2] in (["agent"], ["environment"])
    return ".".join(names[: 3 if axis else 2])


def _sentence(error: ValidationError, key: str) -> str:
    """Say in a sentence what the schema found wrong with `key`."""
    problem = error.errors()[0]
    if problem["type"] == "extra_forbidden":
        sections: dict[str, type[Section]] = {
            "training": Training,
            "grid": Grid,
            "evaluation": Evaluation,
            "population": Population,
        }
        model = sections.get(str(problem["loc"][0]), Study)
        allowed = ", ".join(model.model_fields)
        return f'there is no key "{key}"; the keys here are: {allowed}.'
    if problem["type"] == "missing":
        return f'the key "{key}" is missing; add it.'
    return misfit.wording(error, key)


def _place(where: str, text: str, keys: Sequence[str], changed: Sequence[str]) -> str:
    """Say where one of `keys` was given: on the command line, or in which line."""
    for change in reversed(changed):
        if any(f"{key}.".startswith(f"{change}.") for key in keys):
            return f"--set {change}"
    line = line_of(text, keys[0])
    return f"{where}, line {line}" if line else where
