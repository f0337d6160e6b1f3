"""Dials: `--set arena=11,levels=3`, read by the types of XLand's dials."""

import typing
from collections.abc import Sequence
from typing import Any

from allometry.cli.options import pairs
from allometry.refusal import Refusal

EXAMPLE = "arena=11,levels=3"


def dials(given: Sequence[str]) -> dict[str, Any]:
    """Read dials by name; several stand in one text, as do the names of a list.

    Raises `Refusal` for what is no pair, an unknown dial, or a value of another type.
    """
    from allometry.environments.xland.complexity import Complexity

    types = typing.get_type_hints(Complexity)
    texts = pairs([pair for text in given for pair in _split(text)], "--set", EXAMPLE)
    for name in texts:
        if name not in types:
            raise Refusal(
                f"--set {name}={texts[name]}: XLand has no dial {name!r}; it has "
                f"{', '.join(types)}."
            )
    return {name: _value(name, text, types[name]) for name, text in texts.items()}


def _split(text: str) -> list[str]:
    """Part `a=1,b=x,y` at commas before a pair: what is none goes on a list."""
    found: list[str] = []
    for piece in text.split(","):
        if found and "=" not in piece:
            found[-1] += f",{piece}"
        else:
            found.append(piece)
    return found


def _value(name: str, text: str, kind: Any) -> Any:
    if kind is str:
        return text
    if kind not in (int, float):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return kind(text)
    except ValueError as error:
        number = "whole number" if kind is int else "number"
        raise Refusal(
            f"--set {name}={text}: the dial {name} is a {number}, and {text!r} is none."
        ) from error
