"""Keys: settings read from the keys and values of a file, an option or a call."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from allometry.refusal import Refusal

Settings = TypeVar("Settings")


def read(kind: type[Settings], values: Mapping[str, Any], whose: str) -> Settings:
    """Make the dataclass `kind` from a mapping.

    `whose` begins the sentences: "The law". Raises `Refusal` naming a key that does not
    exist or whose value is unusable.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise Refusal(
            f"{whose}'s settings have no key {unknown[0]!r}. "
            f"Use one of: {', '.join(names)}."
        )
    try:
        settings: Settings = _adapter(kind).validate_python(dict(values))
        return settings
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise Refusal(
            f"{whose}'s setting {where!r} cannot be used: {message}."
            if where
            else message
        ) from None


_adapter: Any = functools.cache(pydantic.TypeAdapter)
