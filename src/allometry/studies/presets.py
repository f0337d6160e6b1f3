"""Presets: a study file's own variations of itself, from minutes to days.

A table `[presets.smoke]` holds the keys that differ, in the tables where they stand:
`training.interactions = 65_536`. `--set preset=smoke` chooses it, before any other
change is applied; the study's name then ends in the preset's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from allometry.refusal import Refusal

PRESET = "preset"


def chosen(changes: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take the preset out of a list of `key=value`, the last if there are several."""
    name, others = None, []
    for change in changes:
        key, _, value = change.partition("=")
        if key.strip() == PRESET:
            name = value.strip().strip("\"'")
        else:
            others.append(change)
    return name, others


def apply(
    content: dict[str, Any],
    name: str | None,
    where: str,
    change: Callable[[dict[str, Any], str, Any], None],
) -> None:
    """Apply a preset to the content of a study file, and drop them all.

    `change` gives a dotted key another value. Raises `Refusal` for a preset that the
    file has not, and for presets that are no tables.
    """
    presets = content.pop("presets", {})
    name = content.pop(PRESET, None) if name is None else name
    if not isinstance(presets, Mapping) or not all(
        isinstance(table, Mapping) for table in presets.values()
    ):
        raise Refusal(f"{where}: presets is no table of tables; write [presets.smoke].")
    if name is None:
        return
    if name not in presets:
        listed = ", ".join(presets) or "none"
        raise Refusal(f'{where} has no preset "{name}"; its presets are: {listed}.')
    content["name"] = f"{content['name']}-{name}"
    for key, value in _leaves(presets[name], ""):
        change(content, key, value)


def _leaves(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """List dotted keys and values; an axis' list is a value."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
